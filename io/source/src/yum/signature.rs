//! The detached signature of `repomd.xml`, checked by GnuPG's `gpgv` with keys of this machine.
//!
//! OpenPGP is a large format with an unhappy history: the machine's own program for it is what its package system
//! trusts too.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::network::{Network, NetworkError};
use super::repository::Key;

/// Why a signature proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum SignatureError {
    #[error("no key of this machine is there to check its signature with")]
    NoKeys,
    #[error("its signature cannot be checked: {0}")]
    Program(String),
    #[error("its signature is not that of a key of this machine: {0}")]
    Bad(String),
    #[error(transparent)]
    Key(#[from] NetworkError),
}

/// Largest key and largest signature.
pub(super) const MOST_BYTES: u64 = 1 << 20;
const LIMIT: Duration = Duration::from_secs(60);

/// Whether one of the keys signed the content.
pub(super) async fn verify(
    content: &[u8],
    signature: &[u8],
    keys: &[Key],
    network: &Network<'_>,
    scratch: &Path,
) -> Result<(), SignatureError> {
    let mut ring = Vec::new();
    for key in keys {
        match key {
            Key::File(path) => ring.extend(binary(&read(path)?)),
            Key::Address(url) => ring.extend(binary(&network.get(url, MOST_BYTES).await?)),
        }
    }
    if ring.is_empty() {
        return Err(SignatureError::NoKeys);
    }
    let result = ask(scratch, &ring, content, signature).await;
    let _ = std::fs::remove_dir_all(scratch);
    result
}

fn read(path: &PathBuf) -> Result<Vec<u8>, NetworkError> {
    let fail = |why: String| NetworkError::Setting { what: path.display().to_string(), why };
    let length = std::fs::metadata(path).map_err(|error| fail(error.to_string()))?.len();
    if length > MOST_BYTES {
        return Err(fail(format!("it has {length} bytes, which no key has")));
    }
    std::fs::read(path).map_err(|error| fail(error.to_string()))
}

async fn ask(folder: &Path, ring: &[u8], content: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
    let program = |error: std::io::Error| SignatureError::Program(format!("cannot use `gpgv`: {error}"));
    std::fs::create_dir_all(folder).map_err(program)?;
    // gpgv looks for a key ring without a slash in its home.
    let folder = std::path::absolute(folder).map_err(program)?;
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).map(|()| path)
    };
    let ring = write("keys.gpg", ring).map_err(program)?;
    let signature = write("signature", signature).map_err(program)?;
    let content = write("content", content).map_err(program)?;
    let mut command = tokio::process::Command::new("gpgv");
    command.args(["--status-fd", "1", "--keyring"]).arg(&ring).arg("--").arg(&signature).arg(&content);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("LC_ALL", "C.UTF-8").env("GNUPGHOME", &folder).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(LIMIT, command.output()).await;
    let output =
        output.map_err(|_| SignatureError::Program("`gpgv` did not end".to_owned()))?.map_err(program)?;
    let status = String::from_utf8_lossy(&output.stdout);
    let says = |word: &str| status.lines().any(|line| line.split(' ').nth(1) == Some(word));
    if output.status.success() && says("GOODSIG") && says("VALIDSIG") {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let last = complaint.lines().last().unwrap_or_default().trim_start_matches("gpgv: ");
    Err(SignatureError::Bad(last.chars().filter(|c| !c.is_control()).take(200).collect()))
}

/// The keys of a file in OpenPGP's binary form (RFC 9580, section 6.2): those of all its blocks of text, or the file.
fn binary(bytes: &[u8]) -> Vec<u8> {
    const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
    // The first byte of a packet has its highest bit set, that of a text never.
    if bytes.first().is_some_and(|first| first & 0x80 != 0) {
        return bytes.to_vec();
    }
    let text = String::from_utf8_lossy(bytes);
    let mut all = Vec::new();
    for block in text.split(BEGIN).skip(1) {
        let mut lines = block.lines().skip(1).map(str::trim).skip_while(|line| !line.is_empty()).skip(1);
        let mut encoded = String::new();
        // The check sum after `=` is optional, and nothing depends on it.
        for line in lines.by_ref().take_while(|line| !line.starts_with('=') && !line.starts_with('-')) {
            encoded.push_str(line);
        }
        all.extend(STANDARD.decode(&encoded).unwrap_or_default());
    }
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_come_as_text_or_binary() {
        let block = "-----BEGIN PGP PUBLIC KEY BLOCK-----\nVersion: x\n\nAQID\nBAUG\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n";
        assert_eq!(
            binary(format!("a comment\n{block}{block}").as_bytes()),
            [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6]
        );
        assert_eq!(binary(&[0x99, 1]), [0x99, 1]);
        assert_eq!(binary(b"nothing"), [0; 0]);
    }

    proptest! {
        #[test]
        fn any_file_of_keys_is_read(bytes: Vec<u8>, text in "[-A-Za-z= \n]{0,200}") {
            let _ = (binary(&bytes), binary(text.as_bytes()));
            let _ = binary(format!("-----BEGIN PGP PUBLIC KEY BLOCK-----{text}").as_bytes());
        }
    }
}
