use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, KeypairBytes, spki::der::pem::LineEnding};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use p256::elliptic_curve::zeroize::Zeroizing;
use sha2::{Digest as _, Sha256};

use super::note::NoteError;
use crate::json::shorten;
use crate::pem::{self, KeyError};

/// Type of an Ed25519 key in signed notes.
const ED25519: u8 = 1;

/// The key that a log signs its checkpoints with.
#[derive(Clone)]
pub struct LogKey {
    inner: SigningKey,
    verifier: LogVerifier,
}

impl LogKey {
    /// Makes the key of the log called `name`, which is also its origin, of 32 random bytes.
    pub fn from_random(name: &str, bytes: [u8; 32]) -> Result<Self, KeyError> {
        let bytes = Zeroizing::new(bytes);
        Self::new(name, SigningKey::from_bytes(&bytes))
    }

    /// Reads PKCS#8 (`-----BEGIN PRIVATE KEY-----`), unencrypted. The file does not hold the name.
    pub fn from_pem(name: &str, pem: &str) -> Result<Self, KeyError> {
        let document = pem::private(pem, &pem::ED25519)?;
        Self::new(name, SigningKey::from_pkcs8_der(document.as_bytes()).map_err(pem::damaged)?)
    }

    /// PKCS#8 version 1: OpenSSL 3 does not read version 2, which repeats the public key.
    pub fn to_pem(&self) -> Zeroizing<String> {
        let bytes = KeypairBytes { secret_key: self.inner.to_bytes(), public_key: None };
        bytes.to_pkcs8_pem(LineEnding::LF).expect("a key of fixed size always encodes")
    }

    pub fn verifier(&self) -> &LogVerifier {
        &self.verifier
    }

    /// The base64 part of a signature line: key hash and signature.
    pub(super) fn sign(&self, text: &str) -> String {
        let signature = self.inner.sign(text.as_bytes()).to_bytes();
        STANDARD.encode([&self.verifier.hash[..], &signature].concat())
    }

    fn new(name: &str, inner: SigningKey) -> Result<Self, KeyError> {
        let verifier = LogVerifier::new(name, inner.verifying_key())?;
        Ok(Self { inner, verifier })
    }
}

/// Never prints the secret.
impl fmt::Debug for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogKey").field("verifier", &self.verifier).finish_non_exhaustive()
    }
}

/// What it takes to believe a log: its name and the public half of its key.
///
/// As text a verifier key of C2SP signed-note, `name+hash+base64`, which Go's `note.NewVerifier` reads.
#[derive(Clone, PartialEq, Eq)]
pub struct LogVerifier {
    name: String,
    hash: [u8; 4],
    inner: VerifyingKey,
}

impl LogVerifier {
    /// The log's name, which is also its origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether `base64` is a signature line's end that names this key, and if so whether it is valid.
    pub(super) fn judge(&self, text: &str, base64: &str) -> Option<Result<(), NoteError>> {
        let bytes = STANDARD.decode(base64).ok()?;
        let signature = bytes.strip_prefix(&self.hash)?;
        let valid = Signature::from_slice(signature)
            .and_then(|signature| self.inner.verify_strict(text.as_bytes(), &signature))
            .is_ok();
        Some(if valid { Ok(()) } else { Err(NoteError::Forged(self.name.clone())) })
    }

    fn new(name: &str, inner: VerifyingKey) -> Result<Self, KeyError> {
        if !is_name(name) {
            return Err(KeyError::Name(shorten(name)));
        }
        let mut hash = Sha256::new();
        hash.update(name.as_bytes());
        hash.update([b'\n', ED25519]);
        hash.update(inner.as_bytes());
        let hash: [u8; 32] = hash.finalize().into();
        Ok(Self { name: name.to_owned(), hash: [hash[0], hash[1], hash[2], hash[3]], inner })
    }
}

pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

impl FromStr for LogVerifier {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let damaged = |why: &str| KeyError::Damaged(format!("`{}` {why}", shorten(text)));
        let mut parts = text.trim_ascii().splitn(3, '+');
        let (Some(name), Some(hash), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(damaged("is not of the form name+hash+key"));
        };
        let bytes = STANDARD.decode(key).map_err(|_| damaged("has a key that is not base64"))?;
        let inner = match bytes.split_first() {
            Some((&ED25519, key)) => {
                VerifyingKey::try_from(key).map_err(|_| damaged("has a key that is none"))?
            }
            _ => return Err(damaged("has a key that is not for Ed25519")),
        };
        let verifier = Self::new(name, inner)?;
        match verifier.hash_hex() == hash {
            true => Ok(verifier),
            false => Err(damaged("has a hash that does not belong to its name and key")),
        }
    }
}

impl LogVerifier {
    fn hash_hex(&self) -> String {
        format!("{:08x}", u32::from_be_bytes(self.hash))
    }
}

impl fmt::Display for LogVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[ED25519], &self.inner.as_bytes()[..]].concat());
        write!(f, "{}+{}+{key}", self.name, self.hash_hex())
    }
}

impl fmt::Debug for LogVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogVerifier({self})")
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(in super::super) fn log_key() -> LogKey {
        LogKey::from_random("lazaret/test", [7; 32]).unwrap()
    }

    #[test]
    fn reads_the_verifier_key_of_gos_documentation() {
        // golang.org/x/mod/sumdb/note, package documentation.
        let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let verifier: LogVerifier = text.parse().unwrap();
        assert_eq!(verifier.name(), "PeterNeumann");
        assert_eq!(verifier.to_string(), text);
    }

    #[test]
    fn survives_its_files() {
        let key = log_key();
        let again = LogKey::from_pem("lazaret/test", &key.to_pem()).unwrap();
        assert_eq!(again.verifier(), key.verifier());
        let text = format!("{}\n", key.verifier());
        assert_eq!(&text.parse::<LogVerifier>().unwrap(), key.verifier());
        assert!(!format!("{key:?}").contains("07, 7"));
    }

    #[test]
    fn refuses_other_keys_and_names() {
        for name in ["", "a b", "a+b", "a\nb", "a\u{a0}b"] {
            assert!(matches!(LogKey::from_random(name, [7; 32]), Err(KeyError::Name(_))), "{name}");
        }
        let p256 = crate::key::tests::key(1).to_pem();
        let error = LogKey::from_pem("a", &p256).unwrap_err().to_string();
        assert!(error.contains("where one for Ed25519 is needed"), "{error}");
        let good = log_key().verifier().to_string();
        let first = good.split('+').nth(1).unwrap();
        for bad in [
            good.replace(first, "00000000"),
            good.replace("test", "toast"),
            good[..good.len() - 4].to_owned(),
            "x".to_owned(),
        ] {
            assert!(bad.parse::<LogVerifier>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,30}(\\+[0-9a-f]{8}\\+[A-Za-z0-9+/=]{0,60})?") {
            let _ = text.parse::<LogVerifier>();
        }
    }
}
