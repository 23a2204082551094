//! What repositories for yum, dnf and zypper say of their own files, so that those can be fetched and checked:
//! `repomd.xml` (createrepo_c's `cr_xml_parse_repomd`), and the metalink that names its mirrors and its digests
//! (RFC 5854's predecessor, Metalink 3.0, as MirrorManager writes it). What the updates say is read by
//! [`updateinfo`](super::updateinfo).

mod metalink;
mod repomd;

pub use metalink::{Metalink, metalink};
pub use repomd::{IndexedFile, RepositoryIndex, repomd};

use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// A digest as repositories state it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    /// As it is called there: `sha256`.
    pub kind: String,
    /// In lower-case hexadecimal digits.
    pub hex: String,
}

impl Checksum {
    fn new(kind: &str, hex: &str) -> Self {
        let short = |text: &str| text.trim().chars().take(MOST_WORD).collect::<String>().to_ascii_lowercase();
        Self { kind: short(kind), hex: short(hex) }
    }

    /// Whether it proves anything: MD5 and SHA-1 don't.
    pub fn is_strong(&self) -> bool {
        let length = match self.kind.as_str() {
            "sha256" => 64,
            "sha384" => 96,
            "sha512" => 128,
            _ => return false,
        };
        self.hex.len() == length && self.hex.bytes().all(|byte| byte.is_ascii_hexdigit())
    }

    /// Whether bytes have this digest; no bytes have one that proves nothing.
    pub fn is_of(&self, bytes: &[u8]) -> bool {
        fn hex(digest: &[u8]) -> String {
            use std::fmt::Write as _;
            digest.iter().fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            })
        }
        let found = match self.kind.as_str() {
            "sha256" => hex(&Sha256::digest(bytes)),
            "sha384" => hex(&Sha384::digest(bytes)),
            "sha512" => hex(&Sha512::digest(bytes)),
            _ => return false,
        };
        found == self.hex
    }
}

const MOST_WORD: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_digests_prove_nothing() {
        let empty = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855";
        let sum = Checksum::new("sha256", empty);
        assert!(sum.is_strong() && sum.is_of(b"") && !sum.is_of(b"x"));
        for (kind, hex) in [("sha", "da39a3ee5e6b4b0d3255bfef95601890afd80709"), ("sha256", "../x"), ("", "")]
        {
            let sum = Checksum::new(kind, hex);
            assert!(!sum.is_strong() && !sum.is_of(b""), "{kind}");
        }
    }
}
