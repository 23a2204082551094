//! The command line of runc, as far as it must be understood to find the bundle.
//!
//! runc parses with Go's `flag` rules: one dash or two, `--name=value` or `--name value`, switches never
//! take the next word. An option that is not in these tables is refused: guessing whether the next word is
//! its value or the command could miss a `create`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use super::Log;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Invocation {
    pub(super) call: Call,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// `create` or `run`.
    Start {
        bundle: PathBuf,
        /// The container's.
        id: String,
        /// The place behind the command.
        behind: usize,
        /// The runtime is to pass on descriptors of the engine's.
        passes: bool,
    },
    Restore,
    Other,
}

const GLOBAL_SWITCHES: &[&str] = &["debug", "systemd-cgroup", "help", "h", "version", "v"];
const GLOBAL_VALUES: &[&str] = &["log", "log-format", "root", "criu", "rootless"];
const START_SWITCHES: &[&str] =
    &["no-pivot", "no-new-keyring", "detach", "d", "keep", "no-subreaper", "help", "h"];
const START_VALUES: &[&str] = &["bundle", "b", "console-socket", "pidfd-socket", "pid-file", "preserve-fds"];

pub(super) fn parse(arguments: &[OsString]) -> Result<Invocation, String> {
    let mut words = Words { arguments, at: 0 };
    let command = loop {
        match words.next(GLOBAL_SWITCHES, GLOBAL_VALUES)? {
            Some(Word::Plain(word)) => break word,
            Some(Word::Option { .. }) => {}
            None => return Ok(Invocation { call: Call::Other }),
        }
    };
    let call = match command.as_bytes() {
        b"create" | b"run" => start(words)?,
        b"restore" => Call::Restore,
        _ => Call::Other,
    };
    Ok(Invocation { call })
}

/// runc takes options before and after the container's id; the last one counts.
fn start(mut words: Words<'_>) -> Result<Call, String> {
    let (mut bundle, mut id, mut passes) = (PathBuf::from("."), None, false);
    let behind = words.at;
    while let Some(word) = words.next(START_SWITCHES, START_VALUES)? {
        match word {
            Word::Option { name: b"bundle" | b"b", value } => {
                bundle = PathBuf::from(OsString::from_vec(value.to_vec()));
            }
            Word::Option { name: b"preserve-fds", value } => passes |= value != b"0",
            Word::Option { .. } => {}
            Word::Plain(word) => drop(id.get_or_insert_with(|| word.to_string_lossy().into_owned())),
        }
    }
    Ok(Call::Start { bundle, id: id.unwrap_or_default(), behind, passes })
}

/// The `--log` of a command line, even one that [`parse`] refuses.
pub(super) fn log_file(arguments: &[OsString]) -> Option<Log> {
    let mut words = Words { arguments, at: 0 };
    let (mut path, mut json) = (None, false);
    while let Ok(Some(Word::Option { name, value })) = words.next(GLOBAL_SWITCHES, GLOBAL_VALUES) {
        match name {
            b"log" => path = Some(PathBuf::from(OsString::from_vec(value.to_vec()))),
            b"log-format" => json = value == b"json",
            _ => {}
        }
    }
    path.map(|path| Log { path, json })
}

struct Words<'a> {
    arguments: &'a [OsString],
    at: usize,
}

enum Word<'a> {
    Plain(&'a OsStr),
    Option { name: &'a [u8], value: &'a [u8] },
}

impl<'a> Words<'a> {
    fn next(&mut self, switches: &[&str], values: &[&str]) -> Result<Option<Word<'a>>, String> {
        let Some(word) = self.arguments.get(self.at) else { return Ok(None) };
        self.at += 1;
        let Some(option) = word.as_bytes().strip_prefix(b"-").filter(|rest| !rest.is_empty()) else {
            return Ok(Some(Word::Plain(word)));
        };
        let option = option.strip_prefix(b"-").unwrap_or(option);
        if option.is_empty() {
            // `--` ends the options: what follows is plain, whatever it looks like.
            let plain = self.arguments.get(self.at).map(|word| Word::Plain(word));
            self.at = if plain.is_some() { self.at + 1 } else { self.at };
            return Ok(plain);
        }
        let (name, attached) = match option.iter().position(|byte| *byte == b'=') {
            Some(place) => (&option[..place], Some(&option[place + 1..])),
            None => (option, None),
        };
        let known = |table: &[&str]| table.iter().any(|known| known.as_bytes() == name);
        let value = match attached {
            Some(value) if known(switches) || known(values) => value,
            None if known(switches) => b"true",
            None if known(values) => {
                let value = self
                    .arguments
                    .get(self.at)
                    .ok_or_else(|| format!("the option {} needs a value", lossy(word)))?;
                self.at += 1;
                value.as_bytes()
            }
            _ => {
                return Err(format!(
                    "the runtime option {} is not known here, so it is not clear what would be started; the \
                     call is refused",
                    lossy(word)
                ));
            }
        };
        Ok(Some(Word::Option { name, value }))
    }
}

fn lossy(word: &OsStr) -> String {
    String::from_utf8_lossy(word.as_bytes()).chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    /// Bundle and id, and what comes behind the command.
    fn start(line: &str) -> (String, String, String, bool) {
        let words = words(line);
        let Ok(Invocation { call: Call::Start { bundle, id, behind, passes } }) = parse(&words) else {
            panic!("{line}")
        };
        let rest: Vec<_> = words[behind..].iter().map(|word| word.to_str().unwrap()).collect();
        (bundle.to_str().unwrap().to_owned(), id, rest.join(" "), passes)
    }

    #[test]
    fn finds_the_bundle_in_what_engines_say() {
        for (line, bundle) in [
            ("--root /r --log /l --log-format json create --bundle /b --pid-file /p ID", "/b"),
            (
                "--root /r --log /l --log-format json --systemd-cgroup create --bundle /b --pid-file /p --console-socket /c ID",
                "/b",
            ),
            ("-root=/r create -b /b ID", "/b"),
            ("create ID", "."),
            ("run -d --bundle=/b ID", "/b"),
            ("create ID --bundle /late", "/late"),
            ("create --bundle /one --bundle /two ID", "/two"),
            ("--debug=true create --no-pivot --bundle /b ID", "/b"),
            ("-- create --bundle /b ID", "/b"),
        ] {
            let (found, id, rest, passes) = start(line);
            assert_eq!((found.as_str(), id.as_str(), passes), (bundle, "ID", false), "{line}");
            let (_, behind) = line.split_once("create ").or_else(|| line.split_once("run ")).unwrap();
            assert_eq!(rest, behind, "{line}");
        }
    }

    #[test]
    fn descriptors_of_the_engine_are_noticed() {
        for (line, passes) in
            [("create --preserve-fds 2 ID", true), ("create --preserve-fds=0 ID", false), ("run ID", false)]
        {
            assert_eq!(start(line).3, passes, "{line}");
        }
    }

    #[test]
    fn other_commands_pass_and_a_value_is_no_command() {
        for line in [
            "--root create state ID",
            "kill ID 9",
            "--version",
            "",
            "delete --force create",
            "exec --process p ID",
            "--log restore kill ID",
        ] {
            assert_eq!(parse(&words(line)), Ok(Invocation { call: Call::Other }), "{line}");
        }
        assert_eq!(
            parse(&words("--root /r restore --image-path /i ID")),
            Ok(Invocation { call: Call::Restore })
        );
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for line in ["--mystery create --bundle /b ID", "create --mystery /b ID", "create --bundle", "--root"]
        {
            assert!(parse(&words(line)).is_err(), "{line}");
        }
    }

    #[test]
    fn finds_the_log() {
        let log = |path: &str, json| Some(Log { path: path.into(), json });
        assert_eq!(log_file(&words("--root /r --log /l --log-format json create ID")), log("/l", true));
        assert_eq!(log_file(&words("--log=/l --mystery create")), log("/l", false));
        assert_eq!(log_file(&words("create --log /l")), None);
    }

    proptest! {
        #[test]
        fn arbitrary_words_never_panic(words in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..12), 0..8)) {
            let words: Vec<OsString> = words.into_iter().map(OsString::from_vec).collect();
            let _ = parse(&words);
            let _ = log_file(&words);
        }
    }
}
