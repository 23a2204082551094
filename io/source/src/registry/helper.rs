//! Credential helpers: programs named `docker-credential-…` that keep logins elsewhere
//! (docker/docker-credential-helpers, "Development").

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use super::credentials::Login;
use crate::problems::lossy;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

/// A helper may ask a cloud; it may not ask the user.
const LONGEST: Duration = Duration::from_secs(20);
const ANSWER_BYTES: u64 = 1 << 20;
/// The user's name that marks an identity token.
const TOKEN: &str = "<token>";

/// Asks a helper, looked for in `$PATH` or another path; none if it knows no login for the registry.
pub(super) async fn get(helper: &str, registry: &str, path: Option<&OsStr>) -> Result<Option<Login>, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if helper.is_empty() || !helper.bytes().all(allowed) {
        return Err("it has no name that a program could have".to_owned());
    }
    let program = format!("docker-credential-{helper}");
    let asked = ask(&program, server(registry), path);
    match tokio::time::timeout(LONGEST, asked).await {
        Ok(answer) => answer.map_err(|error| error.to_string())?,
        Err(_) => Err("it did not answer in time".to_owned()),
    }
}

/// What Docker calls the registry before helpers.
fn server(registry: &str) -> &str {
    if registry == "docker.io" { "https://index.docker.io/v1/" } else { registry }
}

async fn ask(
    program: &str,
    server: &str,
    path: Option<&OsStr>,
) -> std::io::Result<Result<Option<Login>, String>> {
    let mut child = Command::new(program)
        .envs(path.map(|path| ("PATH", path)))
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // One that answers without reading is welcome.
        let _ = input.write_all(format!("{server}\n").as_bytes()).await;
    }
    let mut answer = Vec::new();
    if let Some(output) = child.stdout.take() {
        output.take(ANSWER_BYTES).read_to_end(&mut answer).await?;
    }
    let succeeded = child.wait().await?.success();
    Ok(read(&answer, succeeded))
}

fn read(answer: &[u8], succeeded: bool) -> Result<Option<Login>, String> {
    if !succeeded {
        let said = lossy(answer.trim_ascii());
        // The words of the library that all helpers are made with.
        return if said.contains("credentials not found") { Ok(None) } else { Err(said) };
    }
    let Answer { username: user, secret } =
        serde_json::from_slice(answer).map_err(|_| "its answer is malformed".to_owned())?;
    Ok(match user.as_str() {
        _ if secret.is_empty() => None,
        TOKEN => Some(Login::Identity(secret)),
        _ => Some(Login::Password { user, password: secret }),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_answers() {
        let login = Login::Password { user: "u".to_owned(), password: "p".to_owned() };
        assert_eq!(read(br#"{"ServerURL":"x","Username":"u","Secret":"p"}"#, true), Ok(Some(login)));
        let identity = Login::Identity("p".to_owned());
        assert_eq!(read(br#"{"Username":"<token>","Secret":"p"}"#, true), Ok(Some(identity)));
        assert_eq!(read(b"credentials not found in native keychain\n", false), Ok(None));
        assert_eq!(read(br#"{"Username":"","Secret":""}"#, true), Ok(None));
        assert_eq!(read(b"no session\n", false), Err("no session".to_owned()));
        assert!(read(b"{", true).is_err());
    }

    #[tokio::test]
    async fn helpers_that_do_not_exist_are_told() {
        assert!(get("lazaret-has-none", "r.example", None).await.is_err());
        for odd in ["", "../../bin/sh", "a b", "a/b"] {
            assert!(get(odd, "r.example", None).await.unwrap_err().contains("no name"), "{odd}");
        }
    }

    #[test]
    fn docker_hub_has_its_old_name() {
        assert_eq!(server("docker.io"), "https://index.docker.io/v1/");
        assert_eq!(server("r.example:5000"), "r.example:5000");
    }

    proptest! {
        #[test]
        fn takes_any_answer(answer in proptest::collection::vec(any::<u8>(), 0..200), succeeded in any::<bool>()) {
            let _ = read(&answer, succeeded);
        }
    }
}
