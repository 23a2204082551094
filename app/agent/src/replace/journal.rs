//! What the agent has written down about a replacement, so that it goes on after `kill -9` where it stood.

use std::path::{Path, PathBuf};

use lazaret_format::v1::ReplacementBody;
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::failure::Failure;
use crate::files;

const JOURNAL_BYTES: u64 = 4 << 20;

/// One replacement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    pub id: String,
    /// The container that gives way, as the user called it.
    pub container: String,
    /// Reference by digest.
    pub image: String,
    pub health_seconds: u32,
    pub phase: Phase,
    pub old: Option<Old>,
    /// The container that takes over.
    pub successor: Option<String>,
    /// When it was started, RFC 3339.
    pub waiting_since: Option<String>,
    /// Why it is rolled back.
    pub trouble: Option<String>,
    pub steps: Vec<Step>,
    /// The server's number of the first step.
    pub first_index: usize,
    /// Steps that the server has.
    pub reported: usize,
}

/// The container that gives way, as it was before anything was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Old {
    pub id: String,
    pub name: String,
    pub networks: Vec<Network>,
    /// Ports of the host that it listens on: nobody else can meanwhile.
    #[serde(default)]
    pub ports: Vec<String>,
}

/// A network that users made. (Those of the engine have no aliases, so nothing can be shifted on them.)
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    pub name: String,
    pub aliases: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    Planned,
    Starting,
    Waiting,
    Shifting,
    /// The successor has the traffic: the old container is stopped and gives its name.
    Retiring,
    RollingBack,
    Done,
    RolledBack,
    /// Refused before anything was changed, or stuck.
    Failed,
}

impl Phase {
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::RolledBack | Self::Failed)
    }

    /// The word of the REST API.
    pub const fn state(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Starting => "starting",
            Self::Waiting => "waiting-for-health",
            Self::Shifting | Self::Retiring | Self::RollingBack => "shifting",
            Self::Done => "done",
            Self::RolledBack => "rolled-back",
            Self::Failed => "failed",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub at: String,
    pub state: String,
    pub text: String,
}

impl Journal {
    pub fn new(body: &ReplacementBody) -> Self {
        Self {
            id: body.id.clone(),
            container: body.container.clone(),
            image: body.image.clone(),
            health_seconds: body.health_seconds,
            phase: Phase::Planned,
            old: None,
            successor: None,
            waiting_since: None,
            trouble: None,
            steps: Vec::new(),
            first_index: 0,
            reported: 0,
        }
    }

    /// Goes on to a phase, with a sentence for people.
    pub fn enter(&mut self, phase: Phase, text: impl Into<String>) {
        self.phase = phase;
        self.say(text);
    }

    pub fn say(&mut self, text: impl Into<String>) {
        let text = text.into();
        tracing::info!(replacement = self.id, "{text}");
        self.steps.push(Step { at: clock::now(), state: self.phase.state().to_owned(), text });
    }

    /// Whether nothing is left to do or to report.
    pub const fn is_settled(&self) -> bool {
        self.phase.is_final() && self.reported == self.steps.len()
    }
}

/// The directory of all journals.
#[derive(Debug, Clone)]
pub struct Shelf(PathBuf);

impl Shelf {
    pub fn open(directory: &Path) -> Result<Self, Failure> {
        files::create_private_directory(directory)?;
        Ok(Self(directory.to_owned()))
    }

    pub fn save(&self, journal: &Journal) -> Result<(), Failure> {
        let text = serde_json::to_vec(journal).map_err(|error| Failure::Internal(error.to_string()))?;
        files::replace(&self.path(&journal.id), &text)
    }

    pub fn remove(&self, id: &str) -> Result<(), Failure> {
        let path = self.path(id);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::write(&path, error)),
            _ => Ok(()),
        }
    }

    /// All journals that are readable; each other one is set aside with a word in the log.
    pub fn load(&self) -> Result<Vec<Journal>, Failure> {
        let mut journals = Vec::new();
        for entry in std::fs::read_dir(&self.0).map_err(|source| Failure::read(&self.0, source))? {
            let path = entry.map_err(|source| Failure::read(&self.0, source))?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let read = files::read_bounded(&path, JOURNAL_BYTES).map_err(|error| error.to_string());
            match read.and_then(|bytes| {
                serde_json::from_slice::<Journal>(&bytes).map_err(|error| error.to_string())
            }) {
                Ok(journal) => journals.push(journal),
                Err(error) => {
                    tracing::error!(path = %path.display(), error, "the notes of a replacement are not readable");
                    let _ = std::fs::rename(&path, path.with_extension("damaged"));
                }
            }
        }
        Ok(journals)
    }

    /// Ids come from the server: only their digest becomes a file name.
    fn path(&self, id: &str) -> PathBuf {
        use sha2::{Digest as _, Sha256};
        let name = crate::enroll::hex(&Sha256::digest(id.as_bytes())[..16]);
        self.0.join(format!("{name}.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn journals_survive_and_cannot_leave_their_shelf() {
        let directory = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(&directory.path().join("replacements")).unwrap();
        let body = ReplacementBody {
            id: "../../escape".to_owned(),
            host: "h".to_owned(),
            container: "shop".to_owned(),
            image: "r/shop@sha256:1".to_owned(),
            health_seconds: 60,
            state: "planned".to_owned(),
            steps: vec![],
            successor: None,
            requested: String::new(),
        };
        let mut journal = Journal::new(&body);
        journal.enter(Phase::Starting, "starting");
        shelf.save(&journal).unwrap();
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
        assert_eq!(shelf.load().unwrap(), [journal.clone()]);
        std::fs::write(directory.path().join("replacements/x.json"), "{").unwrap();
        assert_eq!(shelf.load().unwrap().len(), 1);
        assert_eq!(shelf.load().unwrap().len(), 1, "set aside once");
        shelf.remove(&journal.id).unwrap();
        shelf.remove(&journal.id).unwrap();
        assert!(shelf.load().unwrap().is_empty());
    }
}
