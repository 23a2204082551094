//! The laboratory: everything that one host with Lazaret has, under one state folder, and beside anything else
//! that runs on the machine.

mod agent;
mod cgroups;
mod engine;
mod folders;
mod mounts;
mod network;
mod process;
mod registry;
mod server;
mod sweep;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use agent::Agent;
pub use engine::{Engine, Guard};
pub use folders::Folders;
pub use network::{Network, free_port};
pub use process::{Daemon, Process, kill_now, processes};
pub use registry::Registry;
pub use server::Server;
pub use sweep::{Swept, sweep};

use crate::{Context, Result, Run};

#[derive(Debug, Clone)]
pub struct LabOptions {
    /// Everything is made in this folder.
    pub state: PathBuf,
    /// Ports that are taken if they are free; otherwise the kernel chooses.
    pub server_port: u16,
    pub registry_port: u16,
    pub shop_port: u16,
    /// Name of the host in the fleet.
    pub host: String,
}

impl LabOptions {
    /// Beside everything else: own folder, any ports.
    pub fn beside(state: &Path) -> Self {
        Self {
            state: state.to_owned(),
            server_port: 0,
            registry_port: 0,
            shop_port: 0,
            host: "lab".to_owned(),
        }
    }
}

/// A running laboratory. It goes on when this value is dropped; [`Lab::stop`] or [`sweep`] end it.
#[derive(Debug)]
pub struct Lab {
    pub folders: Folders,
    pub registry: Registry,
    /// Where images are built: an engine without a guard.
    pub build: Engine,
    pub server: Server,
    pub agent: Agent,
    /// Where images run: the engine that Lazaret guards.
    pub docker: Engine,
    /// The port of the loopback interface on which the story's service is published.
    pub shop_port: u16,
}

impl Lab {
    /// Removes what an earlier laboratory left in the state folder, then starts everything. `said` gets a line for
    /// each part, with the time it took.
    pub fn start(options: &LabOptions, mut said: impl FnMut(&str, Duration)) -> Result<Self> {
        crate::privileges()?;
        let folders = Folders::new(&options.state)?;
        sweep(&folders)?;
        match Self::start_parts(options, &folders, &mut said) {
            Ok(lab) => Ok(lab),
            Err(failure) => {
                keep_logs(&folders);
                let _ = sweep(&folders);
                Err(failure)
            }
        }
    }

    fn start_parts(
        options: &LabOptions,
        folders: &Folders,
        said: &mut impl FnMut(&str, Duration),
    ) -> Result<Self> {
        folders.create()?;
        note_cgroups(folders, &cgroups::mount_if_absent()?)?;

        let begun = Instant::now();
        let registry = Registry::start(folders, options.registry_port)?;
        said(&format!("registry on {}", registry.host()), begun.elapsed());

        let begun = Instant::now();
        let build = Engine::start("build", folders.build(), folders, None)?;
        said("engine that builds images", begun.elapsed());

        let begun = Instant::now();
        let keys = folders.keys().display().to_string();
        Run::new(crate::program("lazaret")?).args(["key", "generate", "--out", &keys]).ok()?;
        let server = Server::start(folders, options.server_port)?;
        said(&format!("signing key, and lazaret serve on {}", server.url()), begun.elapsed());

        let begun = Instant::now();
        let agent = Agent::start(folders, &server, &options.host)?;
        said("lazaret-agent, enrolled", begun.elapsed());

        let begun = Instant::now();
        let guard = Guard {
            plugin: folders.plugin(),
            agent: crate::program("lazaret-agent")?,
            socket: agent.socket(),
        };
        let docker = Engine::start("docker", folders.docker(), folders, Some(guard))?;
        said("engine that runs images, guarded by Lazaret", begun.elapsed());

        let shop_port = free_port(options.shop_port)?;
        Ok(Self { folders: folders.clone(), registry, build, server, agent, docker, shop_port })
    }

    /// `lazaret …`, as the user who has the server's first token.
    pub fn lazaret<S: AsRef<str>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<Run> {
        self.server.lazaret(arguments)
    }

    /// `lazaret --format json …`, read.
    pub fn ask<S: AsRef<str>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<serde_json::Value> {
        self.lazaret(["--format", "json"])?.args(arguments).ok()?.json()
    }

    /// CPU time that everything in it used so far.
    pub fn cpu_time(&self) -> Option<Duration> {
        cgroups::cpu_time(&self.folders.cgroup())
    }

    /// Ends everything politely, then removes all of it.
    pub fn stop(mut self) -> Result<Swept> {
        self.docker.stop();
        self.build.stop();
        self.agent.stop();
        self.server.stop();
        self.registry.stop();
        sweep(&self.folders)
    }

    /// Keeps the logs of the daemons where a person can read them after the laboratory is gone.
    pub fn keep_logs(&self) -> Option<PathBuf> {
        keep_logs(&self.folders)
    }
}

fn note_cgroups(folders: &Folders, mounted: &[PathBuf]) -> Result<()> {
    if mounted.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = mounted.iter().map(|point| point.display().to_string()).collect();
    let note = Path::new(sweep::MOUNTED_CGROUPS);
    fs::create_dir_all(note)
        .and_then(|()| fs::write(note.join(folders.tag()), lines.join("\n")))
        .context(|| format!("cannot write into {}", note.display()))
}

fn keep_logs(folders: &Folders) -> Option<PathBuf> {
    let kept = crate::cache_folder().ok()?.join("logs").join(folders.tag());
    let _ = fs::remove_dir_all(&kept);
    fs::create_dir_all(&kept).ok()?;
    for entry in fs::read_dir(folders.logs()).ok()?.flatten() {
        let _ = fs::copy(entry.path(), kept.join(entry.file_name()));
    }
    Some(kept)
}
