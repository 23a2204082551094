use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::key::{LogKey, LogVerifier};
use super::note::{self, NoteError};
use super::tree::{Hash, Tree};

/// A log's promise that its first `size` entries are these and no others (C2SP tlog-checkpoint).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Name of the log, the same as its key's.
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    #[error("the checkpoint {0}")]
    Note(#[from] NoteError),
    #[error("the signed text is not a checkpoint: {0}")]
    Malformed(&'static str),
    #[error("the checkpoint is of the log `{found}`, not of `{expected}`")]
    Origin { found: String, expected: String },
}

impl Checkpoint {
    /// What `tree` is now, in the name of the log that `key` belongs to.
    pub fn of(tree: &Tree, key: &LogKey) -> Self {
        Self { origin: key.verifier().name().to_owned(), size: tree.size(), root: tree.root() }
    }

    /// The signed note. Origin and key name must be the same, or nobody will believe it.
    pub fn sign(&self, key: &LogKey) -> String {
        let text = format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root));
        note::seal(&text, key)
    }

    /// Reads a signed note and believes it if `key` signed it.
    pub fn verify(signed: &str, key: &LogVerifier) -> Result<Self, CheckpointError> {
        let text = note::open(signed, key)?;
        let fail = |why| Err(CheckpointError::Malformed(why));
        let mut lines = text.split_terminator('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return fail("it has fewer than three lines");
        };
        if origin != key.name() {
            let expected = key.name().to_owned();
            return Err(CheckpointError::Origin { found: origin.to_owned(), expected });
        }
        let canonical = size == "0" || !size.starts_with(['0', '+']);
        let Some(size) = size.parse().ok().filter(|_| canonical) else {
            return fail("its second line is not a number of entries");
        };
        let Some(root) = STANDARD.decode(root).ok().and_then(|root| root.try_into().ok()) else {
            return fail("its third line is not a hash");
        };
        if lines.any(str::is_empty) {
            return fail("it has empty lines");
        }
        Ok(Self { origin: origin.to_owned(), size, root })
    }
}

#[cfg(test)]
mod tests {
    use super::super::key::tests::log_key;
    use super::*;

    #[test]
    fn has_the_shape_that_others_read() {
        let key = log_key();
        let mut tree = Tree::new();
        tree.push(b"");
        let signed = Checkpoint::of(&tree, &key).sign(&key);
        let lines: Vec<&str> = signed.lines().collect();
        assert_eq!(lines[..4], ["lazaret/test", "1", "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=", ""]);
        assert!(lines[4].starts_with("— lazaret/test "), "{signed}");
        assert_eq!(lines.len(), 5);
        let read = Checkpoint::verify(&signed, key.verifier()).unwrap();
        assert_eq!((read.size, read.root), (1, tree.root()));
    }

    #[test]
    fn each_altered_line_is_noticed() {
        let key = log_key();
        let good = Checkpoint::of(&Tree::new(), &key).sign(&key);
        for bad in [
            good.replacen("test", "tost", 1),
            good.replacen("\n0\n", "\n1\n", 1),
            good.replacen("47DEQ", "47DEq", 1),
        ] {
            assert!(
                matches!(
                    Checkpoint::verify(&bad, key.verifier()),
                    Err(CheckpointError::Note(NoteError::Forged(_)))
                ),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_signature_does_not_make_a_checkpoint() {
        let key = log_key();
        let root = STANDARD.encode([0; 32]);
        for (text, word) in [
            ("lazaret/test\n1\n".to_owned(), "three lines"),
            (format!("lazaret/test\n01\n{root}\n"), "number"),
            (format!("lazaret/test\n+1\n{root}\n"), "number"),
            (format!("lazaret/test\n99999999999999999999\n{root}\n"), "number"),
            ("lazaret/test\n1\nAAAA\n".to_owned(), "hash"),
            (format!("lazaret/test\n1\n{root}\n\nx\n"), "empty"),
            (format!("lazaret/other\n1\n{root}\n"), "of the log `lazaret/other`"),
        ] {
            let error = Checkpoint::verify(&note::seal(&text, &key), key.verifier()).unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
        let extended = note::seal(&format!("lazaret/test\n1\n{root}\nextension\n"), &key);
        assert!(Checkpoint::verify(&extended, key.verifier()).is_ok());
    }
}
