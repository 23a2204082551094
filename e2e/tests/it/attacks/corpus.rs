//! The cases: what is run, how, and what must be told of it.

use std::path::{Path, PathBuf};

use lazaret_e2e::{Context, Result};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct Corpus {
    pub(crate) cases: Vec<Case>,
    #[serde(skip)]
    pub(crate) folder: PathBuf,
}

/// One attack, or one procedure that is none.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) via: Via,
    /// Of `docker run`.
    pub(crate) run_args: String,
    pub(crate) command: String,
    pub(crate) expect: Expectation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Via {
    /// A shell that the application is made to start.
    Rce,
    /// Code inside the application.
    Eval,
    /// `docker exec`.
    Exec,
    /// Nothing but the flags of `docker create`.
    Create,
    Benign,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Expectation {
    pub(crate) category: String,
}

impl Case {
    /// It begins with a shell that the application starts, in a container that it is granted.
    pub(crate) fn by_shell(&self) -> bool {
        self.via == Via::Rce && self.run_args.is_empty()
    }
}

impl Corpus {
    /// The corpus of attacks, or why there is none.
    pub(crate) fn find() -> std::result::Result<Self, String> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let corpora =
            std::env::var_os("LAZARET_CORPORA").map_or(here.join("../../shared/corpora"), PathBuf::from);
        let folder = corpora.join("attacks");
        let path = folder.join("attacks.yaml");
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let corpus: Self = read(&text).map_err(|error| error.to_string())?;
        Ok(Self { folder, ..corpus })
    }

    /// All attacks, or those that `LAZARET_ATTACKS` names, with commas between.
    pub(crate) fn attacks(&self) -> Vec<&Case> {
        let wanted = std::env::var("LAZARET_ATTACKS").unwrap_or_default();
        let wanted: Vec<&str> = wanted.split(',').filter(|id| !id.is_empty()).collect();
        let chosen = |case: &&Case| wanted.is_empty() || wanted.contains(&case.id.as_str());
        self.cases.iter().filter(|case| case.via != Via::Benign).filter(chosen).collect()
    }
}

fn read(text: &str) -> Result<Corpus> {
    serde_saphyr::from_str(text).context(|| "attacks.yaml cannot be read".to_owned())
}
