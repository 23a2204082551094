//! `lazaret-agent enroll`: exchanges an enrolment token for this host's own key.

use std::path::Path;

use futures_util::future::BoxFuture;
use lazaret_format::v1::EnrollRequest;
use sha2::{Digest as _, Sha256};

use crate::admissions;
use crate::config::Config;
use crate::failure::Failure;
use crate::files;
use crate::server::Server;

const SECRET_BYTES: u64 = 4096;

/// Enrols and keeps the key in the state directory; answers with the agent's id.
pub fn run<'a>(config: &'a Config, token_file: &'a Path) -> BoxFuture<'a, Result<String, Failure>> {
    // Compiled here: see `run::run`.
    Box::pin(exchange(config, token_file))
}

async fn exchange(config: &Config, token_file: &Path) -> Result<String, Failure> {
    let token = read_secret(token_file)?;
    files::create_private_directory(&config.state)?;
    let request = EnrollRequest {
        host: config.host.clone(),
        machine_id: machine_id(&config.state)?,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let response = Server::new(&config.server, &token)?.enroll(&request).await?;
    files::replace(&config.key_file(), format!("{}\n", response.key).as_bytes())?;
    admissions::forget(&config.admissions_file())?;
    Ok(response.agent_id)
}

/// The key of an enrolled agent.
pub fn read_key(config: &Config) -> Result<String, Failure> {
    let path = config.key_file();
    if !path.exists() {
        return Err(Failure::Unauthorized(format!(
            "this host is not enrolled: {} does not exist; create a token with `lazaret token create --kind \
             enrolment --name {}` and run `lazaret-agent enroll --config FILE --token-file TOKEN`",
            path.display(),
            config.host
        )));
    }
    read_secret(&path)
}

fn read_secret(path: &Path) -> Result<String, Failure> {
    let bytes = files::read_bounded(path, SECRET_BYTES).map_err(|source| Failure::read(path, source))?;
    let text = String::from_utf8_lossy(&bytes).trim().to_owned();
    if text.is_empty() || text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\u{fffd}') {
        return Err(Failure::Usage(format!(
            "{} does not hold a token: it must be one word in one line",
            path.display()
        )));
    }
    Ok(text)
}

/// Names the machine and this installation on it: two agents on one machine are two agents, and the
/// machine's own id stays at home.
fn machine_id(state: &Path) -> Result<String, Failure> {
    let machine = match files::read_optional(Path::new("/etc/machine-id"), SECRET_BYTES)? {
        Some(id) if !id.trim_ascii().is_empty() => id,
        _ => made_up_id(state)?,
    };
    let mut hash = Sha256::new();
    hash.update(machine.trim_ascii());
    hash.update([0]);
    hash.update(state.as_os_str().as_encoded_bytes());
    Ok(hex(&hash.finalize()[..16]))
}

/// For machines without an id: one is drawn once and kept.
fn made_up_id(state: &Path) -> Result<Vec<u8>, Failure> {
    let path = state.join("machine-id");
    if let Some(id) = files::read_optional(&path, SECRET_BYTES)? {
        return Ok(id);
    }
    let id = random_name()?.into_bytes();
    files::replace(&path, &id)?;
    Ok(id)
}

/// 32 hexadecimal digits that nobody else has.
pub fn random_name() -> Result<String, Failure> {
    Ok(hex(&random()?))
}

pub fn random() -> Result<[u8; 16], Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::Internal(format!("no randomness from the kernel: {error}")))?;
    Ok(bytes)
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_word() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        std::fs::write(&path, "  abc123 \n").unwrap();
        assert_eq!(read_secret(&path).unwrap(), "abc123");
        for bad in ["", "\n", "two words", "a\nb", "a\u{0}b"] {
            std::fs::write(&path, bad).unwrap();
            assert_eq!(read_secret(&path).unwrap_err().exit_code(), 2, "{bad:?}");
        }
        assert_eq!(read_secret(&directory.path().join("none")).unwrap_err().exit_code(), 3);
    }

    #[test]
    fn the_machine_id_is_stable_and_of_this_state_directory() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let id = machine_id(one.path()).unwrap();
        assert_eq!(id, machine_id(one.path()).unwrap());
        assert_ne!(id, machine_id(two.path()).unwrap());
        assert_eq!(id.len(), 32);
        assert_eq!(made_up_id(one.path()).unwrap(), made_up_id(one.path()).unwrap());
    }
}
