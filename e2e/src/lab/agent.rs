use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use super::{Daemon, Folders, Server};
use crate::http::Peer;
use crate::{Context, Result, Run};

/// `lazaret-agent run`, enrolled with the server, guarding the engine in `docker/`.
#[derive(Debug)]
pub struct Agent {
    folders: Folders,
    daemon: Option<Daemon>,
}

impl Agent {
    pub(super) fn start(folders: &Folders, server: &Server, host: &str) -> Result<Self> {
        let config = folders.agent_config();
        let text = format!(
            "state: {}\nserver: {}\nhost: {host}\nstage: prod\ntrusted-keys: [{}]\nengine:\n  socket: {}\n  \
             data-root: {}\n  plugin: {}\n",
            folders.agent().display(),
            server.url(),
            folders.public_key().display(),
            folders.docker().join("docker.sock").display(),
            folders.docker().join("data").display(),
            folders.plugin(),
        );
        fs::write(&config, text).context(|| format!("cannot write {}", config.display()))?;

        let created =
            server.lazaret(["--format", "json", "token", "create", "--kind", "enrolment", "--name", host])?;
        let created = created.ok()?.json()?;
        let token = folders.run().join("enrolment.token");
        let mut file = fs::File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&token)
            .context(|| format!("cannot write {}", token.display()))?;
        std::io::Write::write_all(&mut file, created["token"].as_str().unwrap_or_default().as_bytes())
            .context(|| format!("cannot write {}", token.display()))?;

        let (config, token) = (config.display().to_string(), token.display().to_string());
        let program = crate::program("lazaret-agent")?;
        Run::new(program).args(["enroll", "--config", &config, "--token-file", &token]).ok()?;
        let mut agent = Self { folders: folders.clone(), daemon: None };
        agent.restart()?;
        Ok(agent)
    }

    /// Starts it: at first, or after a kill.
    pub fn restart(&mut self) -> Result<()> {
        let arguments =
            ["run", "--config", &self.folders.agent_config().display().to_string()].map(str::to_owned);
        let mut daemon =
            Daemon::start("agent", &self.folders, &crate::program("lazaret-agent")?, &arguments)?;
        let (plugin, hook) = (Peer::unix(self.plugin_socket()), self.socket());
        daemon.ready(Duration::from_secs(20), || {
            plugin.post_json("/Plugin.Activate", "").is_ok_and(|answer| answer.body.contains("authz"))
                && UnixStream::connect(&hook).is_ok()
        })?;
        self.daemon = Some(daemon);
        Ok(())
    }

    /// The socket that start hooks ask.
    pub fn socket(&self) -> PathBuf {
        self.folders.agent().join("agent.sock")
    }

    pub fn plugin_socket(&self) -> PathBuf {
        PathBuf::from(format!("/run/docker/plugins/{}.sock", self.folders.plugin()))
    }

    pub fn kill(&mut self) {
        if let Some(daemon) = &mut self.daemon {
            daemon.kill();
        }
    }

    pub fn is_alive(&mut self) -> bool {
        self.daemon.as_mut().is_some_and(Daemon::is_alive)
    }

    pub fn pid(&self) -> Option<i32> {
        self.daemon.as_ref().map(Daemon::pid)
    }

    pub fn stop(&mut self) {
        if let Some(daemon) = &mut self.daemon {
            daemon.stop(Duration::from_secs(10));
        }
    }

    pub fn log_end(&self) -> String {
        self.daemon.as_ref().map(Daemon::log_end).unwrap_or_default()
    }
}
