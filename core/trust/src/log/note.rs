//! Signed notes (C2SP signed-note): text, a blank line, and signature lines.

use super::key::{LogKey, LogVerifier, is_name};

/// A checkpoint is under 200 bytes; witnesses add a line each.
const LARGEST: usize = 64 << 10;
const MOST_SIGNATURES: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("is not a signed note: {0}")]
    Malformed(&'static str),
    #[error("is not signed by the log `{0}`")]
    Unsigned(String),
    #[error("has a wrong signature of the log `{0}`: it was altered, or another key signed it")]
    Forged(String),
}

/// `text` must end in a newline.
pub(super) fn seal(text: &str, key: &LogKey) -> String {
    format!("{text}\n— {} {}\n", key.verifier().name(), key.sign(text))
}

/// The text of a note that `key` signed. Signatures of other keys are ignored, as the format demands.
pub(super) fn open<'a>(note: &'a str, key: &LogVerifier) -> Result<&'a str, NoteError> {
    let fail = |why| Err(NoteError::Malformed(why));
    if note.len() > LARGEST {
        return fail("it is too long");
    }
    if note.contains(|c: char| c < ' ' && c != '\n') {
        return fail("it holds control characters");
    }
    let Some(end) = note.rfind("\n\n") else {
        return fail("there is no blank line before the signatures");
    };
    let (text, signatures) = (&note[..=end], &note[end + 2..]);
    if signatures.is_empty() || !signatures.ends_with('\n') {
        return fail("the last signature line is incomplete");
    }
    let mut signed = false;
    for (count, line) in signatures.lines().enumerate() {
        let Some((name, base64)) = line.strip_prefix("— ").and_then(|line| line.split_once(' ')) else {
            return fail("a signature line does not have the form `— name signature`");
        };
        if !is_name(name) || count >= MOST_SIGNATURES {
            return fail("a signature line names no key, or there are too many of them");
        }
        if name == key.name()
            && let Some(verdict) = key.judge(text, base64)
        {
            verdict?;
            signed = true;
        }
    }
    if signed { Ok(text) } else { Err(NoteError::Unsigned(key.name().to_owned())) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::key::tests::log_key;
    use super::*;

    /// golang.org/x/mod/sumdb/note, package documentation.
    const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const GO_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\
        \n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn opens_the_note_of_gos_documentation() {
        let key: LogVerifier = GO_KEY.parse().unwrap();
        assert!(open(GO_NOTE, &key).unwrap().ends_with("your problem is.\n"));
        let altered = GO_NOTE.replace("answer", "Answer");
        assert_eq!(open(&altered, &key), Err(NoteError::Forged("PeterNeumann".to_owned())));
    }

    #[test]
    fn opens_its_own_notes_and_ignores_strangers() {
        let key = log_key();
        let note = seal("a\n\nb\n", &key);
        assert_eq!(open(&note, key.verifier()), Ok("a\n\nb\n"));
        let stranger = LogKey::from_random("witness", [9; 32]).unwrap();
        let both = format!("{note}— witness {}\n— other AAAA\n", stranger.sign("a\n\nb\n"));
        assert_eq!(open(&both, key.verifier()), Ok("a\n\nb\n"));
        assert_eq!(open(&both, stranger.verifier()), Ok("a\n\nb\n"));
    }

    #[test]
    fn one_wrong_signature_spoils_a_good_one() {
        let key = log_key();
        let note = seal("a\n", &key);
        let wrong = format!("{note}— lazaret/test {}\n", key.sign("b\n"));
        assert!(matches!(open(&wrong, key.verifier()), Err(NoteError::Forged(_))));
    }

    #[test]
    fn another_key_of_the_same_name_does_not_sign() {
        let impostor = LogKey::from_random("lazaret/test", [8; 32]).unwrap();
        let error = open(&seal("a\n", &impostor), log_key().verifier()).unwrap_err();
        assert!(matches!(error, NoteError::Unsigned(_)));
    }

    #[test]
    fn refuses_what_is_no_note() {
        let key = log_key();
        let good = seal("a\n", &key);
        for bad in [
            "",
            "a\n",
            "\n\n",
            "a\n\n",
            good.trim_end(),
            &good.replace('—', "-"),
            &good.replace('a', "a\r"),
            &"\n".repeat(100_000),
        ] {
            assert!(matches!(open(bad, key.verifier()), Err(NoteError::Malformed(_))), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "(.|\n|— |— lazaret/test ){0,60}") {
            let _ = open(&text, log_key().verifier());
        }
    }
}
