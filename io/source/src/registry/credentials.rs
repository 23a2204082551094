//! Credentials that `docker login` stored.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Logins by registry.
#[derive(Debug, Default)]
pub(super) struct Credentials(HashMap<String, Login>);

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    auths: HashMap<String, Auth>,
}

#[derive(Deserialize)]
struct Auth {
    #[serde(default)]
    auth: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
}

/// `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`.
pub(super) fn default_path() -> Option<PathBuf> {
    let directory = match std::env::var_os("DOCKER_CONFIG") {
        Some(directory) if !directory.is_empty() => PathBuf::from(directory),
        _ => PathBuf::from(std::env::var_os("HOME")?).join(".docker"),
    };
    Some(directory.join("config.json"))
}

impl Credentials {
    /// Without a readable file there are none: the registry will say if it wants some.
    pub(super) fn load(path: &Path) -> Self {
        match std::fs::read(path) {
            Ok(bytes) => Self::parse(&bytes).unwrap_or_else(|error| {
                tracing::warn!("{} is not read: {error}", path.display());
                Self::default()
            }),
            Err(error) => {
                if error.kind() != std::io::ErrorKind::NotFound {
                    tracing::warn!("{} is not read: {error}", path.display());
                }
                Self::default()
            }
        }
    }

    fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let config: Config = serde_json::from_slice(bytes)?;
        let logins = config.auths.into_iter().filter_map(|(key, auth)| Some((registry(&key), login(auth)?)));
        Ok(Self(logins.collect()))
    }

    pub(super) fn get(&self, registry: &str) -> Option<&Login> {
        self.0.get(registry)
    }
}

fn login(auth: Auth) -> Option<Login> {
    if !auth.username.is_empty() {
        return Some(Login { user: auth.username, password: auth.password });
    }
    let decoded = String::from_utf8(STANDARD.decode(auth.auth.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    // Docker pads with NULs what it read from some keychains.
    let (user, password) = (user.to_owned(), password.trim_end_matches('\0').to_owned());
    (!user.is_empty()).then_some(Login { user, password })
}

/// Keys are hosts or, from old versions, URLs.
fn registry(key: &str) -> String {
    let host = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    match host.split('/').next().unwrap_or_default() {
        "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
        host => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_docker_logins() {
        let text = format!(
            r#"{{"auths":{{"https://index.docker.io/v1/":{{"auth":"{}"}},"r.example:5000":{{"username":"u","password":"p:q"}},
                "empty.example":{{}},"helper.example":{{"auth":""}}}},"credsStore":"x"}}"#,
            STANDARD.encode("me:se:cret")
        );
        let credentials = Credentials::parse(text.as_bytes()).unwrap();
        let login =
            |user: &str, password: &str| Login { user: user.to_owned(), password: password.to_owned() };
        assert_eq!(credentials.get("docker.io"), Some(&login("me", "se:cret")));
        assert_eq!(credentials.get("r.example:5000"), Some(&login("u", "p:q")));
        assert_eq!(credentials.get("empty.example"), None);
        assert!(!format!("{credentials:?}").contains("se:cret"));
    }

    #[test]
    fn no_file_is_no_login() {
        assert!(Credentials::load(Path::new("/nonexistent/config.json")).0.is_empty());
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Credentials::parse(&bytes);
        }
    }
}
