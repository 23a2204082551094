use std::time::Duration;

use super::{Daemon, Folders, free_port};
use crate::http::Peer;
use crate::{Result, Run};

/// `lazaret serve` on a loopback port.
#[derive(Debug)]
pub struct Server {
    port: u16,
    folders: Folders,
    daemon: Option<Daemon>,
}

impl Server {
    pub(super) fn start(folders: &Folders, wanted_port: u16) -> Result<Self> {
        let mut server = Self { port: free_port(wanted_port)?, folders: folders.clone(), daemon: None };
        server.restart()?;
        Ok(server)
    }

    /// Starts it: at first, or after a kill, on the same port and state.
    pub fn restart(&mut self) -> Result<()> {
        let arguments = [
            "serve",
            "--state",
            &self.folders.server().display().to_string(),
            "--listen",
            &format!("127.0.0.1:{}", self.port),
            "--trusted-key",
            &self.folders.public_key().display().to_string(),
        ]
        .map(str::to_owned);
        let mut daemon = Daemon::start("server", &self.folders, &crate::program("lazaret")?, &arguments)?;
        let (peer, token) = (self.peer(), self.folders.admin_token());
        // Without a token it answers 401, and that is an answer.
        daemon.ready(Duration::from_secs(20), || token.exists() && peer.get("/v1/agents").is_ok())?;
        self.daemon = Some(daemon);
        Ok(())
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn peer(&self) -> Peer {
        Peer::loopback(self.port)
    }

    pub fn lazaret<S: AsRef<str>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<Run> {
        let run = Run::new(crate::program("lazaret")?)
            .env("LAZARET_SERVER", self.url())
            .env("LAZARET_TOKEN_FILE", self.folders.admin_token())
            .env("LAZARET_DB", self.folders.database())
            .env("LAZARET_ENGINE_SOCKET", self.folders.build().join("docker.sock"))
            .args(arguments);
        Ok(run)
    }

    pub fn kill(&mut self) {
        if let Some(daemon) = &mut self.daemon {
            daemon.kill();
        }
    }

    pub fn is_alive(&mut self) -> bool {
        self.daemon.as_mut().is_some_and(Daemon::is_alive)
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
