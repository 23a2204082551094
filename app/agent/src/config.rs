//! The agent's configuration file.

use std::path::{Path, PathBuf};

use lazaret_model::Stage;
use lazaret_sensor::BPF_FILE_SYSTEM;
use serde::Deserialize;

use crate::failure::Failure;
use crate::files;

/// Where docker looks for plugins; fixed in the engine.
pub const PLUGIN_DIRECTORY: &str = "/run/docker/plugins";

const CONFIGURATION_BYTES: u64 = 1 << 20;
const MEBIBYTE: u64 = 1 << 20;

/// The settings of one agent, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Spool, cached admissions, key and socket of the agent.
    pub state: PathBuf,
    /// Base URL of the server, without a slash at its end.
    pub server: String,
    /// Name of this host in the fleet.
    pub host: String,
    /// The stage that images must be promoted to in order to run here.
    pub stage: Stage,
    /// Public keys (PEM) whose statements are believed; the server's word is not.
    pub trusted_keys: Vec<PathBuf>,
    pub engine: EngineConfig,
    /// Bound of the spool in bytes.
    pub spool_bytes: u64,
}

#[derive(Debug, Clone)]
pub struct EngineConfig {
    pub socket: PathBuf,
    pub data_root: PathBuf,
    /// The name under which `daemon.json` lists the plugin.
    pub plugin: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    state: PathBuf,
    server: String,
    #[serde(default)]
    host: Option<String>,
    stage: String,
    trusted_keys: Vec<PathBuf>,
    engine: EngineFile,
    #[serde(default)]
    spool_mebibytes: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct EngineFile {
    socket: PathBuf,
    data_root: PathBuf,
    plugin: String,
}

impl Config {
    pub fn load(path: &Path) -> Result<Self, Failure> {
        let bad = |why: String| Failure::Configuration { path: path.to_owned(), why };
        let bytes = files::read_bounded(path, CONFIGURATION_BYTES).map_err(|error| bad(error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|_| bad("it is not UTF-8 text".to_owned()))?;
        Self::parse(&text).map_err(bad)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: File = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        let server = file.server.trim_end_matches('/').to_owned();
        if !(server.starts_with("http://") || server.starts_with("https://")) {
            return Err(format!("`server: {}` must begin with http:// or https://", file.server));
        }
        let stage = file.stage.parse().map_err(|error| format!("`stage`: {error}"))?;
        if file.trusted_keys.is_empty() {
            return Err(
                "`trusted-keys` is empty: without a key no statement can be believed and nothing may \
                        run; name the public key that images are signed with"
                    .to_owned(),
            );
        }
        let host = match file.host {
            Some(host) => host,
            None => own_host_name()?,
        };
        if !is_host_name(&host) {
            return Err(format!(
                "`host: {host}` must be 1 to 128 letters, digits, `.`, `_` and `-`: it becomes part of the \
                 ids of decisions"
            ));
        }
        if !is_plugin_name(&file.engine.plugin) {
            return Err(format!(
                "`engine.plugin: {}` must be 1 to 64 lower-case letters, digits, `_` and `-`",
                file.engine.plugin
            ));
        }
        for (name, path) in [
            ("state", &file.state),
            ("engine.socket", &file.engine.socket),
            ("engine.data-root", &file.engine.data_root),
        ]
        .into_iter()
        .chain(file.trusted_keys.iter().map(|key| ("trusted-keys", key)))
        {
            if !path.is_absolute() {
                return Err(format!("`{name}: {}` must be an absolute path", path.display()));
            }
        }
        let spool_bytes = match file.spool_mebibytes {
            None => 256 * MEBIBYTE,
            Some(size @ 1..=1_048_576) => size * MEBIBYTE,
            Some(size) => return Err(format!("`spool-mebibytes: {size}` must be between 1 and 1048576")),
        };
        Ok(Self {
            state: file.state,
            server,
            host,
            stage,
            trusted_keys: file.trusted_keys,
            engine: EngineConfig {
                socket: file.engine.socket,
                data_root: file.engine.data_root,
                plugin: file.engine.plugin,
            },
            spool_bytes,
        })
    }

    /// The socket that the start hook asks.
    pub fn agent_socket(&self) -> PathBuf {
        self.state.join("agent.sock")
    }

    /// The socket that the engine asks.
    pub fn plugin_socket(&self) -> PathBuf {
        Path::new(PLUGIN_DIRECTORY).join(format!("{}.sock", self.engine.plugin))
    }

    pub fn key_file(&self) -> PathBuf {
        self.state.join("agent.key")
    }

    pub fn spool_directory(&self) -> PathBuf {
        self.state.join("spool")
    }

    pub fn admissions_file(&self) -> PathBuf {
        self.state.join("admissions.json")
    }

    pub fn break_glass_file(&self) -> PathBuf {
        self.state.join("break-glass.json")
    }

    pub fn running_file(&self) -> PathBuf {
        self.state.join("running.json")
    }

    pub fn learned_directory(&self) -> PathBuf {
        self.state.join("learned")
    }

    pub fn used_directory(&self) -> PathBuf {
        self.state.join("used")
    }

    /// Where what is put into the kernel stays when the agent ends; of this agent alone.
    pub fn pins_directory(&self) -> PathBuf {
        use sha2::{Digest as _, Sha256};
        let hash = Sha256::digest(self.state.as_os_str().as_encoded_bytes());
        let name: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Path::new(BPF_FILE_SYSTEM).join(format!("lazaret-{name}"))
    }

    pub fn replacements_directory(&self) -> PathBuf {
        self.state.join("replacements")
    }
}

fn own_host_name() -> Result<String, String> {
    let name = nix::unistd::gethostname()
        .map_err(|error| format!("`host` is absent and the host's name unreadable: {error}"))?;
    name.into_string().map_err(|_| "`host` is absent and the host's name is not text".to_owned())
}

fn is_host_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 128
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// The name becomes a file name in a directory that root owns.
fn is_plugin_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "state: /var/lib/lazaret/agent
server: http://127.0.0.1:7300/
host: myhost
stage: prod
trusted-keys: [/var/lib/lazaret/keys/lazaret.pub]
engine:
  socket: /var/lib/lazaret/docker/docker.sock
  data-root: /var/lib/lazaret/docker/data
  plugin: lazaret
";

    #[test]
    fn reads_the_documented_example() {
        let config = Config::parse(GOOD).unwrap();
        assert_eq!(config.server, "http://127.0.0.1:7300");
        assert_eq!(config.host, "myhost");
        assert_eq!(config.plugin_socket(), Path::new("/run/docker/plugins/lazaret.sock"));
        assert_eq!(config.agent_socket(), Path::new("/var/lib/lazaret/agent/agent.sock"));
        assert_eq!(config.spool_bytes, 256 << 20);
    }

    #[test]
    fn names_line_and_field_of_a_mistake() {
        let unknown = Config::parse(&GOOD.replace("host: myhost", "hots: myhost")).unwrap_err();
        assert!(unknown.contains("hots") && unknown.contains('3'), "{unknown}");
        let missing = Config::parse(&GOOD.replace("stage: prod\n", "")).unwrap_err();
        assert!(missing.contains("stage"), "{missing}");
    }

    #[test]
    fn refuses_what_cannot_work() {
        for (from, to, word) in [
            ("stage: prod", "stage: Prod!", "stage"),
            ("http://127.0.0.1:7300/", "127.0.0.1:7300", "http://"),
            ("[/var/lib/lazaret/keys/lazaret.pub]", "[]", "trusted-keys"),
            ("[/var/lib/lazaret/keys/lazaret.pub]", "[keys/lazaret.pub]", "absolute"),
            ("plugin: lazaret", "plugin: ../etc/x", "plugin"),
            ("host: myhost", "host: my host", "host"),
            ("state: /var", "state: var", "absolute"),
        ] {
            let error = Config::parse(&GOOD.replace(from, to)).unwrap_err();
            assert!(error.contains(word), "{to}: {error}");
        }
    }

    #[test]
    fn falls_back_to_the_host_name() {
        let config = Config::parse(&GOOD.replace("host: myhost\n", "")).unwrap();
        assert!(!config.host.is_empty());
    }
}
