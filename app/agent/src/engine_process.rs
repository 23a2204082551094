//! The engine's process and its settings, found through its socket without asking it anything.

use std::path::{Path, PathBuf};

use nix::sys::socket::{getsockopt, sockopt};
use serde_json::Value;

use crate::files;

const DEFAULT_SETTINGS: &str = "/etc/docker/daemon.json";
const DEFAULT_EXEC_ROOT: &str = "/var/run/docker";
const FILE_BYTES: u64 = 4 << 20;

/// The command line of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineProcess(Vec<String>);

impl EngineProcess {
    /// The process that listens on the socket.
    pub fn behind(socket: &Path) -> Result<Self, String> {
        let stream = std::os::unix::net::UnixStream::connect(socket)
            .map_err(|error| format!("{}: {error}", socket.display()))?;
        let peer = getsockopt(&stream, sockopt::PeerCredentials).map_err(|error| error.to_string())?;
        let path = PathBuf::from(format!("/proc/{}/cmdline", peer.pid()));
        let bytes =
            files::read_bounded(&path, FILE_BYTES).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(
            bytes.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect(),
        ))
    }

    /// The value of `--name VALUE` or `--name=VALUE`.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.0.iter().enumerate().find_map(|(place, word)| {
            let rest = word.strip_prefix("--")?.strip_prefix(name)?;
            match rest.strip_prefix('=') {
                Some(value) => Some(value),
                None if rest.is_empty() => self.0.get(place + 1).map(String::as_str),
                None => None,
            }
        })
    }

    pub fn settings_file(&self) -> PathBuf {
        PathBuf::from(self.option("config-file").unwrap_or(DEFAULT_SETTINGS))
    }

    pub fn settings(&self) -> Result<Value, String> {
        let path = self.settings_file();
        let say = |why: String| format!("{}: {why}", path.display());
        let bytes = files::read_bounded(&path, FILE_BYTES).map_err(|error| say(error.to_string()))?;
        serde_json::from_slice(&bytes).map_err(|error| say(error.to_string()))
    }

    /// Where the engine keeps what lives as long as it runs.
    pub fn exec_root(&self) -> String {
        self.option_or_setting("exec-root")
            .unwrap_or_else(|| DEFAULT_EXEC_ROOT.to_owned())
            .trim_end_matches('/')
            .to_owned()
    }

    /// The control group of containers, if the engine was told one.
    pub fn cgroup_parent(&self) -> Option<String> {
        self.option_or_setting("cgroup-parent")
    }

    fn option_or_setting(&self, name: &str) -> Option<String> {
        let set = || self.settings().ok()?.get(name)?.as_str().map(str::to_owned);
        self.option(name).map(str::to_owned).or_else(set)
    }

    #[cfg(test)]
    pub(crate) fn of(line: &str) -> Self {
        Self(line.split(' ').map(str::to_owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_settings_on_the_command_line_and_in_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("daemon.json");
        std::fs::write(&file, r#"{"cgroup-parent":"/x"}"#).unwrap();
        let engine = EngineProcess::of(&format!("dockerd --config-file {} --exec-root=/y/", file.display()));
        assert_eq!(engine.option("config"), None);
        assert_eq!(engine.settings_file(), file);
        assert_eq!((engine.exec_root().as_str(), engine.cgroup_parent().as_deref()), ("/y", Some("/x")));
        let bare = EngineProcess::of("dockerd --config-file /nonexistent");
        assert_eq!((bare.exec_root().as_str(), bare.cgroup_parent()), ("/var/run/docker", None));
    }

    #[test]
    fn the_process_behind_a_socket_is_its_listener() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("s");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let engine = EngineProcess::behind(&socket).unwrap();
        assert_eq!(engine.0.first().map(String::as_str), std::env::args().next().as_deref());
        assert!(EngineProcess::behind(&directory.path().join("none")).is_err());
    }
}
