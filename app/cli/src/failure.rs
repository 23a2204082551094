//! Every way a command can fail, and the exit code that tells scripts which one it was.

use std::fmt;

/// Stable exit codes; `lazaret --help` prints this table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// Policy refused, a threshold was crossed, or the audit log is broken.
    Refused = 1,
    Usage = 2,
    /// What was named cannot be read: unknown image, corrupt archive, bad database or policy.
    Input = 3,
    /// A registry, an engine or the server cannot be reached.
    Unreachable = 4,
    Unauthorized = 5,
    /// The server said no.
    ServerRefused = 6,
    /// This machine's disk or permissions.
    Local = 7,
    Internal = 70,
    Interrupted = 130,
}

/// The codes with what they mean, for `--help` and the documentation.
pub(crate) const CODES: &[(Code, &str)] = &[
    (Code::Refused, "refused by policy, findings over --fail-on, or a broken audit log"),
    (Code::Usage, "the command line is wrong"),
    (Code::Input, "an input cannot be read: unknown image, corrupt archive, bad database or policy"),
    (Code::Unreachable, "a registry, an engine or the server cannot be reached"),
    (Code::Unauthorized, "the token or a credential is missing or wrong"),
    (Code::ServerRefused, "the server refused the request"),
    (Code::Local, "this machine's disk, memory or permissions"),
    (Code::Internal, "a defect in lazaret"),
    (Code::Interrupted, "interrupted"),
];

/// One clear sentence about a failure, and what to do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    /// What failed, on what.
    pub(crate) message: String,
    /// What to do; may be empty when the message says it.
    pub(crate) hint: String,
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl fmt::Display) -> Self {
        Self { code, message: message.to_string(), hint: String::new() }
    }

    pub(crate) fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = hint.to_string();
        self
    }

    pub(crate) fn input(message: impl fmt::Display) -> Self {
        Self::new(Code::Input, message)
    }

    /// A file of this machine that could not be read or written.
    pub(crate) fn file(doing: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        use std::io::ErrorKind::{IsADirectory, NotADirectory, NotFound};
        let named_wrongly = matches!(error.kind(), NotFound | IsADirectory | NotADirectory);
        let code = if named_wrongly { Code::Input } else { Code::Local };
        let hint = match error.kind() {
            _ if named_wrongly => "check the path",
            std::io::ErrorKind::PermissionDenied => "check who may use it, or run as another user",
            std::io::ErrorKind::StorageFull => {
                "make room on that file system and try again; nothing was left half-written"
            }
            _ => "",
        };
        Self::new(code, format!("cannot {doing} {}: {error}", path.display())).hint(hint)
    }
}

pub(crate) type Outcome = Result<(), Failure>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_what_scripts_rely_on() {
        let numbers: Vec<u8> = CODES.iter().map(|(code, _)| *code as u8).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 70, 130]);
    }

    #[test]
    fn a_full_disk_is_named_as_such() {
        let error = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let failure = Failure::file("write", std::path::Path::new("/x"), &error);
        assert_eq!(failure.code, Code::Local);
        assert!(failure.hint.contains("make room"));
    }
}
