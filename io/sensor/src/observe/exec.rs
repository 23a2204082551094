//! Program starts.

use lazaret_model::{Execution, Gain, path_text};

use super::files::{self, origin};
use super::{high, low8, low16, low32};
use crate::record::{Record, flag};

const SET_USER_OR_GROUP: u16 = 0o6000;
/// Arguments that are kept; more is said to be cut.
const ARGUMENTS: usize = 64;

/// Variables by which whoever starts a program decides what code runs in it.
const LOADER_VARIABLES: [&[u8]; 4] = [b"LD_PRELOAD=", b"LD_AUDIT=", b"LD_LIBRARY_PATH=", b"GLIBC_TUNABLES="];

pub(super) fn execution(record: &Record) -> Execution {
    let [_, called, resolved, memory] = &record.texts;
    let mode = low16(record.values[4]);
    let script = low8(record.values[4] >> 24) != 0;
    let sockets = low8(record.values[4] >> 32);
    let terminal = low8(record.values[4] >> 40) != 0;
    let program = files::path(resolved, record);
    // A script is named as it was called: the kernel's own file is that of what runs it.
    let (executable, interpreter) = match script {
        true => (path_text(called).into_owned(), Some(program)),
        false => (program, None),
    };
    let length = usize::try_from(record.values[3]).unwrap_or(usize::MAX);
    let arguments = memory.get(..length).unwrap_or(memory);
    let environment = memory.get(length..).unwrap_or_default();
    let count = usize::try_from(record.values[7]).unwrap_or(usize::MAX);
    let words = words(arguments);
    let arguments: Vec<_> = words.clone().take(count.min(ARGUMENTS)).map(text).collect();
    let is_loader = |word: &&[u8]| LOADER_VARIABLES.iter().any(|variable| word.starts_with(variable));
    let gain =
        Gain { uid: low32(record.values[2]), gid: high(record.values[2]), capabilities: record.values[1] };
    Execution {
        executable,
        interpreter,
        digest: None,
        origin: origin(record.values[4] >> 16),
        arguments_cut: arguments.len() < count || memory.len() < length,
        arguments,
        loader_environment: self::words(environment).filter(is_loader).map(text).collect(),
        gains: (mode & SET_USER_OR_GROUP != 0).then_some(gain),
        socket_stdio: sockets != 0,
        terminal,
        entered: record.has(flag::FOREIGN_PARENT),
    }
}

fn words(memory: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    memory.strip_suffix(&[0]).unwrap_or(memory).split(|byte| *byte == 0)
}

fn text(word: &[u8]) -> String {
    path_text(word).into_owned()
}

#[cfg(test)]
mod tests {
    use lazaret_model::FileOrigin;

    use super::*;
    use crate::record::tests::sample;

    fn start(memory: &[u8], length: u64, count: u64) -> Record {
        let texts = [vec![], b"./tool".to_vec(), b"tool\0app\0".to_vec(), memory.to_vec()];
        Record { texts, values: [0, 0, 0, length, 0o104_755 | 1 << 16, 0, 0, count], ..sample() }
    }

    #[test]
    fn arguments_and_the_loaders_variables_are_told_apart() {
        let memory = b"tool\0-x\0LD_PRELOAD=/tmp/p.so\0HOME=/secret\0";
        let execution = execution(&start(memory, 8, 2));
        assert_eq!((execution.executable.as_str(), execution.origin), ("/app/tool", FileOrigin::Upper));
        assert_eq!(execution.arguments, ["tool", "-x"]);
        assert!(!execution.arguments_cut && execution.gains.is_some());
        assert_eq!(execution.loader_environment, ["LD_PRELOAD=/tmp/p.so"]);
    }

    #[test]
    fn arguments_that_are_cut_are_said_to_be() {
        assert!(execution(&start(b"tool\0aaaa", 5000, 2)).arguments_cut);
        assert!(execution(&start(b"tool\0", 5, 2)).arguments_cut);
    }

    #[test]
    fn a_script_is_itself_and_not_what_runs_it() {
        let mut record = start(b"sh\0./tool\0", 10, 2);
        record.values[4] |= 1 << 24;
        let execution = execution(&record);
        assert_eq!(
            (execution.executable.as_str(), execution.interpreter.as_deref()),
            ("./tool", Some("/app/tool"))
        );
    }
}
