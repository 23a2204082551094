use std::fs;
use std::time::Duration;

use super::{Daemon, Folders, free_port};
use crate::http::Peer;
use crate::{Context, Result};

/// Debian's `docker-registry` on a loopback port, its blobs in the state folder.
#[derive(Debug)]
pub struct Registry {
    port: u16,
    folders: Folders,
    daemon: Option<Daemon>,
}

impl Registry {
    pub(super) fn start(folders: &Folders, wanted_port: u16) -> Result<Self> {
        let port = free_port(wanted_port)?;
        let mut registry = Self { port, folders: folders.clone(), daemon: None };
        registry.restart()?;
        Ok(registry)
    }

    pub fn restart(&mut self) -> Result<()> {
        let folder = self.folders.registry();
        fs::create_dir_all(&folder).context(|| format!("cannot create {}", folder.display()))?;
        let config = folder.join("config.yml");
        let text = format!(
            "version: 0.1\nlog: {{level: warn, accesslog: {{disabled: true}}}}\n\
             storage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\n\
             http: {{addr: \"127.0.0.1:{}\"}}\n",
            folder.join("data").display(),
            self.port
        );
        fs::write(&config, text).context(|| format!("cannot write {}", config.display()))?;
        let arguments = ["serve".to_owned(), config.display().to_string()];
        let mut daemon =
            Daemon::start("registry", &self.folders, &crate::tool("docker-registry")?, &arguments)?;
        let peer = self.peer();
        daemon
            .ready(Duration::from_secs(20), || peer.get("/v2/").is_ok_and(|answer| answer.status == 200))?;
        self.daemon = Some(daemon);
        Ok(())
    }

    /// `127.0.0.1:PORT`, as it stands before the repository in a reference.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn peer(&self) -> Peer {
        Peer::loopback(self.port)
    }

    pub fn stop(&mut self) {
        if let Some(daemon) = &mut self.daemon {
            daemon.stop(Duration::from_secs(5));
        }
    }
}
