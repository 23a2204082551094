//! Logins that `docker login` and `podman login` stored, in files or with credential helpers.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::helper;

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Login {
    Password {
        user: String,
        password: String,
    },
    /// What a token service gives tokens for, instead of a password.
    Identity(String),
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password { user, .. } => {
                f.debug_struct("Password").field("user", user).finish_non_exhaustive()
            }
            Self::Identity(_) => f.debug_struct("Identity").finish_non_exhaustive(),
        }
    }
}

/// Files with logins, the first that knows a registry counts.
#[derive(Debug)]
pub(super) struct Credentials {
    files: Vec<LoginFile>,
    helper_path: Option<OsString>,
}

/// Docker's `config.json` or, with the same keys, `auth.json` of Podman and its kin.
#[derive(Debug, Default)]
struct LoginFile {
    /// By registry or, in files of Podman, by the beginning of a repository.
    logins: HashMap<String, Login>,
    /// Suffixes of helper programs, by registry.
    helpers: HashMap<String, String>,
    /// The helper for all registries.
    store: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    #[serde(default)]
    auths: HashMap<String, Auth>,
    #[serde(default)]
    cred_helpers: HashMap<String, String>,
    #[serde(default)]
    creds_store: Option<String>,
}

#[derive(Deserialize)]
struct Auth {
    #[serde(default)]
    auth: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    identitytoken: String,
}

/// Where logins are by default: `$REGISTRY_AUTH_FILE`, Docker's `$DOCKER_CONFIG/config.json` or
/// `~/.docker/config.json`, and Podman's `auth.json` (containers-auth.json(5)).
pub(super) fn default_paths() -> Vec<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = variable("HOME");
    let in_home = |path: &str| home.as_ref().map(|home| home.join(path));
    let paths = [
        variable("REGISTRY_AUTH_FILE"),
        variable("DOCKER_CONFIG")
            .or_else(|| in_home(".docker"))
            .map(|directory| directory.join("config.json")),
        variable("XDG_RUNTIME_DIR").map(|directory| directory.join("containers/auth.json")),
        variable("XDG_CONFIG_HOME").or_else(|| in_home(".config")).map(|at| at.join("containers/auth.json")),
    ];
    paths.into_iter().flatten().collect()
}

impl Credentials {
    /// Without readable files there are none: the registry will say if it wants some.
    pub(super) fn load(paths: &[PathBuf], helper_path: Option<OsString>) -> Self {
        Self { files: paths.iter().filter_map(|path| LoginFile::load(path)).collect(), helper_path }
    }

    /// The login for a repository. May run a helper program.
    pub(super) async fn get(&self, registry: &str, repository: &str) -> Option<Login> {
        for file in &self.files {
            if let Some(login) = file.get(registry, repository, self.helper_path.as_deref()).await {
                return Some(login);
            }
        }
        None
    }
}

impl LoginFile {
    fn load(path: &Path) -> Option<Self> {
        let error = match std::fs::read(path) {
            Ok(bytes) => match Self::parse(&bytes) {
                Ok(file) => return Some(file),
                Err(error) => error.to_string(),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(error) => error.to_string(),
        };
        tracing::warn!("{} is not read: {error}", path.display());
        None
    }

    fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let config: Config = serde_json::from_slice(bytes)?;
        let logins = config.auths.into_iter().filter_map(|(key, auth)| Some((place(&key), login(auth)?)));
        Ok(Self {
            logins: logins.collect(),
            helpers: config.cred_helpers.into_iter().map(|(key, helper)| (place(&key), helper)).collect(),
            store: config.creds_store.filter(|store| !store.is_empty()),
        })
    }

    /// As Docker looks: the registry's helper, else the helper for all, else the file itself.
    async fn get(&self, registry: &str, repository: &str, helper_path: Option<&OsStr>) -> Option<Login> {
        if let Some(helper) = self.helpers.get(registry).or(self.store.as_ref()) {
            match helper::get(helper, registry, helper_path).await {
                Ok(Some(login)) => return Some(login),
                Ok(None) => {}
                Err(why) => tracing::warn!("docker-credential-{helper} gave no login for {registry}: {why}"),
            }
        }
        let mut place = format!("{registry}/{repository}");
        loop {
            if let Some(login) = self.logins.get(&place) {
                return Some(login.clone());
            }
            place.truncate(place.rfind('/')?);
        }
    }
}

fn login(auth: Auth) -> Option<Login> {
    if !auth.identitytoken.is_empty() {
        return Some(Login::Identity(auth.identitytoken));
    }
    if !auth.username.is_empty() {
        return Some(Login::Password { user: auth.username, password: auth.password });
    }
    let decoded = String::from_utf8(STANDARD.decode(auth.auth.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    // Docker pads with NULs what it read from some keychains.
    let (user, password) = (user.to_owned(), password.trim_end_matches('\0').to_owned());
    (!user.is_empty()).then_some(Login::Password { user, password })
}

/// Keys are hosts, hosts with the beginning of a repository or, from old versions of Docker, URLs.
fn place(key: &str) -> String {
    let url = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://"));
    let place = match url {
        Some(url) => url.split('/').next().unwrap_or_default(),
        None => key.trim_end_matches('/'),
    };
    let (host, rest) = place.split_once('/').map_or((place, None), |(host, rest)| (host, Some(rest)));
    match (host, rest) {
        // `index.docker.io/v1/` names Docker Hub as a whole.
        ("index.docker.io" | "registry-1.docker.io", None | Some("v1" | "v2")) => "docker.io".to_owned(),
        _ => place.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn password(user: &str, password: &str) -> Option<Login> {
        Some(Login::Password { user: user.to_owned(), password: password.to_owned() })
    }

    #[tokio::test]
    async fn reads_logins() {
        let text = format!(
            r#"{{"auths":{{"https://index.docker.io/v1/":{{"auth":"{}"}},"r.example:5000":{{"username":"u","password":"p:q"}},
                "empty.example":{{}},"helper.example":{{"auth":""}},"r.example/team":{{"username":"t","password":"1"}},
                "r.example/team/shop":{{"username":"s","password":"2"}},"i.example":{{"identitytoken":"xyz"}}}}}}"#,
            STANDARD.encode("me:se:cret")
        );
        let file = LoginFile::parse(text.as_bytes()).unwrap();
        assert!(!format!("{file:?}").contains("se:cret"));
        assert!(!format!("{file:?}").contains("xyz"));
        for (registry, repository, expected) in [
            ("docker.io", "library/a", password("me", "se:cret")),
            ("r.example:5000", "a", password("u", "p:q")),
            ("empty.example", "a", None),
            ("r.example", "other", None),
            ("r.example", "team/a", password("t", "1")),
            ("r.example", "team/shop", password("s", "2")),
            ("r.example", "team/shop/x", password("s", "2")),
            ("i.example", "a", Some(Login::Identity("xyz".to_owned()))),
        ] {
            assert_eq!(file.get(registry, repository, None).await, expected, "{registry}/{repository}");
        }
    }

    #[tokio::test]
    async fn the_first_file_that_knows_a_registry_counts() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        std::fs::write(at("one"), r#"{"auths":{"a.example":{"username":"1"}}}"#).unwrap();
        std::fs::write(at("two"), r#"{"auths":{"a.example":{"username":"2"},"b.example":{"username":"2"}}}"#)
            .unwrap();
        std::fs::write(at("bad"), "{").unwrap();
        let credentials = Credentials::load(&[at("none"), at("bad"), at("one"), at("two")], None);
        assert_eq!(credentials.get("a.example", "x").await, password("1", ""));
        assert_eq!(credentials.get("b.example", "x").await, password("2", ""));
        assert_eq!(credentials.get("c.example", "x").await, None);
    }

    #[test]
    fn knows_places() {
        for (key, expected) in [
            ("https://index.docker.io/v1/", "docker.io"),
            ("index.docker.io/v1/", "docker.io"),
            ("docker.io", "docker.io"),
            ("docker.io/team", "docker.io/team"),
            ("http://r.example:5000/v2/", "r.example:5000"),
            ("r.example/team/", "r.example/team"),
        ] {
            assert_eq!(place(key), expected, "{key}");
        }
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = LoginFile::parse(&bytes);
        }
    }
}
