use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::{Daemon, Folders, Network};
use crate::http::Peer;
use crate::{Context, Result, Run};

/// A Docker engine of our own: its containerd, its dockerd, its bridge. It shares nothing with an engine that runs
/// here already: in particular it does not use the containerd that listens on the well-known socket.
#[derive(Debug)]
pub struct Engine {
    name: String,
    folder: PathBuf,
    folders: Folders,
    network: Network,
    guard: Option<Guard>,
    containerd: Option<Daemon>,
    dockerd: Option<Daemon>,
}

/// What makes an engine a guarded one.
#[derive(Debug, Clone)]
pub struct Guard {
    /// Name of the authorization plugin.
    pub plugin: String,
    /// The program that is the runtime's wrapper, and the agent's socket.
    pub agent: PathBuf,
    pub socket: PathBuf,
}

/// A daemon that finds containers of a killed one waits 10 s for each batch of them before it listens.
const START_LIMIT: Duration = Duration::from_secs(60);

impl Engine {
    pub(super) fn start(
        name: &str,
        folder: PathBuf,
        folders: &Folders,
        guard: Option<Guard>,
    ) -> Result<Self> {
        let network = Network::create(&folders.bridge(name))?;
        // The next run must find the network's bridges even when this one is killed.
        let noted = folders.run().join(format!("{name}.network"));
        fs::write(noted, network.block()).context(|| "cannot note the network".to_owned())?;
        fs::create_dir_all(&folder).context(|| format!("cannot create {}", folder.display()))?;
        let folders = folders.clone();
        let mut engine =
            Self { name: name.to_owned(), folder, folders, network, guard, containerd: None, dockerd: None };
        engine.restart()?;
        Ok(engine)
    }

    /// An engine as a user of this machine may have one: unguarded, in a folder of its own.
    pub fn of_somebody_else(state: &Path) -> Result<Self> {
        let folders = Folders::new(state)?;
        folders.create()?;
        Self::start("build", folders.build(), &folders, None)
    }

    /// Starts what does not run: at first, or after a kill.
    pub fn restart(&mut self) -> Result<()> {
        if !self.containerd.as_mut().is_some_and(Daemon::is_alive) {
            self.start_containerd()?;
        }
        if !self.dockerd.as_mut().is_some_and(Daemon::is_alive) {
            self.start_dockerd()?;
        }
        Ok(())
    }

    fn start_containerd(&mut self) -> Result<()> {
        let socket = self.containerd_socket();
        let at = |name: &str| self.folder.join("containerd").join(name).display().to_string();
        let text = format!(
            "version = 2\nroot = \"{}\"\nstate = \"{}\"\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n\
             [grpc]\naddress = \"{}\"\n[plugins.\"io.containerd.internal.v1.opt\"]\npath = \"{}\"\n",
            at("root"),
            at("state"),
            socket.display(),
            at("opt"),
        );
        let config = self.write("containerd.toml", &text)?;
        let arguments = ["--config".to_owned(), config.display().to_string()];
        let name = format!("{}-containerd", self.name);
        let mut daemon = Daemon::start(&name, &self.folders, &crate::tool("containerd")?, &arguments)?;
        daemon.ready(START_LIMIT, || std::os::unix::net::UnixStream::connect(&socket).is_ok())?;
        self.containerd = Some(daemon);
        Ok(())
    }

    fn start_dockerd(&mut self) -> Result<()> {
        let config = self.write("daemon.json", &format!("{:#}\n", self.settings()))?;
        // dockerd refuses to start while a process with the noted number exists, even a zombie or a stranger.
        let _ = fs::remove_file(self.folder.join("docker.pid"));
        let arguments = ["--config-file".to_owned(), config.display().to_string()];
        let name = format!("{}-dockerd", self.name);
        let mut daemon = Daemon::start(&name, &self.folders, &crate::tool("dockerd")?, &arguments)?;
        let peer = Peer::unix(self.socket());
        daemon.ready(START_LIMIT, || peer.get("/_ping").is_ok_and(|answer| answer.status == 200))?;
        self.dockerd = Some(daemon);
        Ok(())
    }

    fn settings(&self) -> serde_json::Value {
        let at = |name: &str| self.folder.join(name).display().to_string();
        let (base, size) = self.network.pool();
        let mut settings = json!({
            "data-root": at("data"),
            "exec-root": at("exec"),
            "hosts": [format!("unix://{}", at("docker.sock"))],
            "pidfile": at("docker.pid"),
            "containerd": self.containerd_socket().display().to_string(),
            // Its own bridge and no packet filter: published ports go through docker-proxy, and the rules and
            // settings of this host stay as they are. (`"bridge": "none"` would delete another engine's bridge.)
            "bridge": self.network.bridge,
            "default-address-pools": [{ "base": base, "size": size }],
            "iptables": false,
            "ip6tables": false,
            "ip-masq": false,
            "ip-forward": false,
            "userland-proxy": true,
            "cgroup-parent": self.cgroup_parent(),
            "storage-driver": "overlay2",
            "log-driver": "json-file",
            "max-concurrent-uploads": 2,
        });
        if let Some(guard) = &self.guard {
            settings["authorization-plugins"] = json!([guard.plugin]);
            settings["default-runtime"] = json!("lazaret");
            settings["runtimes"] = json!({ "lazaret": {
                "path": guard.agent.display().to_string(),
                "runtimeArgs": ["runtime", "--socket", guard.socket.display().to_string(), "--"],
            }});
        }
        settings
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.folder.join(name);
        fs::write(&path, text).context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// Where the control groups of this engine's containers lie, in each hierarchy.
    pub fn cgroup_parent(&self) -> String {
        format!("/{}/{}", self.folders.cgroup(), self.name)
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.join("docker.sock")
    }

    pub fn data_root(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub fn containerd_socket(&self) -> PathBuf {
        self.folder.join("containerd.sock")
    }

    pub fn peer(&self) -> Peer {
        Peer::unix(self.socket())
    }

    /// The client, talking to this engine, with nothing of the caller's own configuration.
    pub fn docker<S: AsRef<str>>(&self, arguments: impl IntoIterator<Item = S>) -> Run {
        self.client(Path::new("docker")).args(arguments)
    }

    fn client(&self, program: &Path) -> Run {
        Run::new(program)
            .env("DOCKER_HOST", format!("unix://{}", self.socket().display()))
            .env("DOCKER_CONFIG", self.folders.docker_config())
            // The classic builder: no plugin of the client is needed.
            .env("DOCKER_BUILDKIT", "0")
            .without_env("DOCKER_CONTEXT")
            .without_env("DOCKER_TLS_VERIFY")
    }

    /// `kill -9` of dockerd alone; containers go on under their shims.
    pub fn kill_dockerd(&mut self) {
        if let Some(daemon) = &mut self.dockerd {
            daemon.kill();
        }
    }

    /// The engine's daemons.
    pub fn pids(&self) -> Vec<i32> {
        [&self.containerd, &self.dockerd].into_iter().flatten().map(Daemon::pid).collect()
    }

    pub fn log_end(&self) -> String {
        self.dockerd.as_ref().map(Daemon::log_end).unwrap_or_default()
    }

    pub(super) fn stop(&mut self) {
        for daemon in [&mut self.dockerd, &mut self.containerd].into_iter().flatten() {
            daemon.stop(Duration::from_secs(15));
        }
    }
}
