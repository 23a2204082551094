//! What a program at a security hook refused: as a fact that did not come to be.

use lazaret_model::{
    Execution, Fact, FileAccess, FileOperation, IdentityChange, KernelOperation, Mapping, Mounting,
    RawSocket, path_text,
};

use super::{files, low16, low32};
use crate::record::{Kind, Record};

/// `program`: what the process runs. `None` for what no profile has a word for.
pub(super) fn fact(record: &Record, program: impl FnOnce() -> String) -> Option<Fact> {
    let kind = Kind::from_number(low16(record.values[1]))?;
    let path = || path_text(&record.texts[0]).into_owned();
    let origin = files::origin(record.values[4]);
    Some(match kind {
        Kind::Exec => Fact::Exec(Execution::plain(path(), origin, vec![path()])),
        Kind::MapCode => {
            let (path, by) = (path(), program());
            let as_program = files::is_program_of_loader(&by, &path);
            Fact::Map(Mapping { path, digest: None, origin, as_program })
        }
        Kind::MemoryCode => Fact::Kernel(KernelOperation::WrittenCode),
        Kind::Ptrace => Fact::Kernel(KernelOperation::Trace),
        Kind::ChangeRoot => Fact::Kernel(KernelOperation::ChangeRoot),
        Kind::NewNamespace => Fact::Kernel(KernelOperation::Namespace),
        Kind::Module => Fact::Kernel(KernelOperation::LoadModule),
        Kind::Bpf => Fact::Kernel(KernelOperation::Bpf),
        Kind::Mount | Kind::Unmount => {
            let kind = if kind == Kind::Mount { "mount" } else { "unmount" };
            Fact::Mount(Mounting { source: String::new(), target: String::new(), kind: kind.to_owned() })
        }
        Kind::Socket => Fact::RawSocket(RawSocket { family: low16(record.values[6]), protocol: 0 }),
        Kind::Credentials => {
            Fact::Identity(IdentityChange { to_uid: low32(record.values[6]), to_gid: record.gid })
        }
        _ => {
            let operation = *FileOperation::ALL.get(usize::try_from(record.values[5]).ok()?)?;
            Fact::File(FileAccess { path: path(), operation, other: None, origin })
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::sample;

    #[test]
    fn a_refusal_is_told_in_the_words_of_what_was_wanted() {
        let told = |kind: Kind, operation| {
            let values = [0, kind as u64, 0, 0, 1, operation, 33, 0];
            let texts = [b"/srv/data/x".to_vec(), vec![], vec![], vec![]];
            fact(&Record { kind: Kind::Refused, values, texts, ..sample() }, || {
                "/lib/ld-linux.so.2".to_owned()
            })
        };
        let Some(Fact::File(access)) = told(Kind::Rename, FileOperation::Rename as u64) else { panic!() };
        assert_eq!((access.path.as_str(), access.operation), ("/srv/data/x", FileOperation::Rename));
        assert!(matches!(told(Kind::Exec, 0), Some(Fact::Exec(exec)) if exec.executable == "/srv/data/x"));
        assert!(matches!(told(Kind::MapCode, 0), Some(Fact::Map(mapping)) if mapping.as_program));
        assert!(matches!(told(Kind::Credentials, 0), Some(Fact::Identity(change)) if change.to_uid == 33));
        assert_eq!(told(Kind::Open, 99), None);
    }
}
