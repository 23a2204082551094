//! The containers that run on this host, remembered across restarts of the agent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::process::ProcessId;
use crate::failure::Failure;
use crate::files;
use crate::start::withheld::Withheld;

const FILE_BYTES: u64 = 256 << 20;

/// A running container as the server was told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    pub name: String,
    pub image_name: String,
    #[serde(default)]
    pub image_config: Option<String>,
    /// The decision that admitted it; absent: unmanaged.
    #[serde(default)]
    pub decision: Option<String>,
    pub command: String,
    pub pid: u32,
    /// Start of that process in the kernel's clock: with it the pid names one process for ever.
    pub pid_started: u64,
    /// RFC 3339.
    pub started: String,
    /// What it holds itself to since its start, in short (Landlock).
    #[serde(default)]
    pub domain: Option<String>,
    /// What its system call filter keeps from it since its start (seccomp).
    #[serde(default, skip_serializing_if = "Withheld::is_nothing")]
    pub withheld: Withheld,
}

impl Known {
    pub const fn process(&self) -> ProcessId {
        ProcessId { pid: self.pid, started: self.pid_started }
    }
}

/// All of them, by the engine's id or `ns:<inode>`.
#[derive(Debug)]
pub struct Running {
    path: PathBuf,
    containers: BTreeMap<String, Known>,
}

#[derive(Serialize, Deserialize)]
struct File<C> {
    /// Ids and start times of processes are of one boot.
    boot: String,
    containers: C,
}

impl Running {
    /// Reads what an earlier life left. Containers of an earlier boot have ended and are answered separately.
    pub fn load(path: &Path, boot: &str) -> Result<(Self, Earlier), Failure> {
        let mut running = Self { path: path.to_owned(), containers: BTreeMap::new() };
        let mut earlier = Earlier::default();
        let Some(bytes) = files::read_optional(path, FILE_BYTES)? else { return Ok((running, earlier)) };
        let file: File<BTreeMap<String, Known>> = match serde_json::from_slice(&bytes) {
            Ok(file) => file,
            Err(error) => {
                earlier.unreadable = Some(error.to_string());
                return Ok((running, earlier));
            }
        };
        if file.boot == boot {
            running.containers = file.containers;
        } else {
            earlier.ended = file.containers.into_keys().collect();
        }
        Ok((running, earlier))
    }

    pub fn get(&self, id: &str) -> Option<&Known> {
        self.containers.get(id)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&String, &Known)> {
        self.containers.iter()
    }

    pub fn insert(&mut self, id: String, known: Known) {
        self.containers.insert(id, known);
    }

    pub fn rename(&mut self, id: &str, name: &str) -> bool {
        match self.containers.get_mut(id) {
            Some(known) if known.name != name => {
                name.clone_into(&mut known.name);
                true
            }
            _ => false,
        }
    }

    pub fn remove(&mut self, id: &str) -> Option<Known> {
        self.containers.remove(id)
    }

    pub fn save(&self, boot: &str) -> Result<(), Failure> {
        let file = File { boot: boot.to_owned(), containers: &self.containers };
        let text = serde_json::to_vec(&file).map_err(|error| Failure::Internal(error.to_string()))?;
        files::replace(&self.path, &text)
    }
}

/// What an earlier life of the agent knew and this one cannot take over.
#[derive(Debug, Default)]
pub struct Earlier {
    /// Ended with the boot they ran in.
    pub ended: Vec<String>,
    /// The file was damaged.
    pub unreadable: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(name: &str) -> Known {
        Known {
            name: name.to_owned(),
            image_name: "shop".to_owned(),
            image_config: None,
            decision: Some("h-1".to_owned()),
            command: "nginx".to_owned(),
            pid: 7,
            pid_started: 8,
            started: "2026-11-22T00:00:00Z".to_owned(),
            domain: None,
            withheld: Withheld::default(),
        }
    }

    #[test]
    fn is_remembered_for_one_boot() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("running.json");
        let (mut running, _) = Running::load(&path, "b").unwrap();
        running.insert("id".to_owned(), known("one"));
        assert!(running.rename("id", "two") && !running.rename("id", "two") && !running.rename("other", "x"));
        running.save("b").unwrap();

        let (again, earlier) = Running::load(&path, "b").unwrap();
        assert_eq!(again.get("id"), Some(&known("two")));
        assert!(earlier.ended.is_empty() && earlier.unreadable.is_none());
        let (again, earlier) = Running::load(&path, "other boot").unwrap();
        assert!(again.get("id").is_none());
        assert_eq!(earlier.ended, ["id"]);
        std::fs::write(&path, "{").unwrap();
        assert!(Running::load(&path, "b").unwrap().1.unreadable.is_some());
    }
}
