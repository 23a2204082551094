//! Containers that hold themselves to where their profile lets files be changed (Landlock), because nothing in the kernel
//! does it for them: they begin with a program of ours, which gives the rights up and becomes their own. What their profile
//! blocks of system calls is taken out of their filter (seccomp).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use lazaret_engine::docker::{ContainerRecord, StoreReader};
use lazaret_sensor::{Domain, StartFiles, is_start};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::protocol::{Begin, Prepare, Prepared};
use super::specification::CONFIGURATION_BYTES;
use super::withheld::Withheld;
use crate::behaviour::keeper::Keeper;
use crate::files;
use crate::runtime::seccomp::withhold;

/// Starts that were prepared and that no hook has asked about yet. More are asked for again.
const MOST: usize = 4096;

#[derive(Debug)]
pub struct Beginnings {
    /// Where the program is, or why it is nowhere.
    program: Result<PathBuf, String>,
    prepared: Mutex<HashMap<String, Domain>>,
}

/// What of an OCI configuration decides whether a container can begin so.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Shape {
    #[serde(default)]
    process: Process,
    #[serde(default)]
    linux: Linux,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Process {
    args: Vec<String>,
    selinux_label: String,
    user: User,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct User {
    uid: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Linux {
    namespaces: Vec<Namespace>,
    seccomp: Value,
}

#[derive(Debug, Deserialize)]
struct Namespace {
    #[serde(rename = "type")]
    kind: String,
}

impl Shape {
    /// Why it cannot.
    fn unfit(&self) -> Option<&'static str> {
        if !self.process.selinux_label.is_empty() {
            return Some("SELinux lets no program of the host begin a container");
        }
        let has_own = self.linux.namespaces.iter().any(|namespace| namespace.kind == "pid");
        (!has_own).then_some("it has no PID namespace of its own, by which its beginning could be told")
    }

    /// What it runs, without what was put before it.
    fn command(&self, begins: bool) -> String {
        self.process.args[usize::from(begins).min(self.process.args.len())..].join(" ")
    }

    /// Whether nothing would be taken out of its filter any more.
    fn is_without(&self, withheld: &Withheld) -> bool {
        let linux = Map::from_iter([("seccomp".to_owned(), self.linux.seccomp.clone())]);
        let mut after = linux.clone();
        withhold(&mut after, withheld, self.process.user.uid == 0).is_ok() && after == linux
    }

    fn begins_so(&self) -> bool {
        self.process.args.len() > 1 && is_start(&self.process.args[0])
    }
}

/// How a container begins.
#[derive(Debug)]
pub(super) struct Beginning {
    pub(super) command: String,
    /// What it holds itself to.
    pub(super) domain: Option<Domain>,
    /// What its system call filter keeps from it.
    pub(super) withheld: Withheld,
    /// Why it does not, though its profile wants it: to be told.
    pub(super) unfit: Option<&'static str>,
}

impl Beginnings {
    /// `directory` is the agent's own.
    pub fn new(directory: &Path) -> Self {
        let program = StartFiles::install(directory).map_err(|error| {
            let why = format!(
                "the program that holds containers cannot be written to {}: {error}",
                directory.display()
            );
            tracing::error!("{why}");
            why
        });
        Self { program, prepared: Mutex::default() }
    }

    /// What the container is to begin with.
    pub(super) fn prepare(&self, ask: &Prepare, engine_files: &StoreReader, keeper: &Keeper) -> Prepared {
        let record = engine_files.container(&ask.prepare).ok();
        let withheld = record.as_ref().map(|record| keeper.withheld(record)).unwrap_or_default();
        let begin = || {
            let domain = keeper.domain(record.as_ref()?)?;
            let path = Path::new(&ask.bundle).join("config.json");
            let shape: Shape =
                serde_json::from_slice(&files::read_bounded(&path, CONFIGURATION_BYTES).ok()?).ok()?;
            let program =
                self.program.as_ref().ok().filter(|_| shape.unfit().is_none())?.to_str()?.to_owned();
            let rules = BASE64.encode(domain.rules().ok()?);
            Some((domain, Begin { program, rules }))
        };
        let made = begin();
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        prepared.remove(&ask.prepare);
        if prepared.len() >= MOST {
            prepared.clear();
        }
        let begin = made.map(|(domain, begin)| {
            prepared.insert(ask.prepare.clone(), domain);
            begin
        });
        Prepared { begin, withheld }
    }

    /// How the container begins that waits for a yes.
    ///
    /// # Errors
    /// Its profile wants it held, and it does not begin so: why.
    pub(super) fn of(
        &self,
        container: &str,
        shape: &Shape,
        record: &ContainerRecord,
        keeper: &Keeper,
    ) -> Result<Beginning, String> {
        let prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner).remove(container);
        // Without preparation it is the container's own program that is called so.
        let begins = prepared.is_some() && shape.begins_so();
        let withheld = keeper.withheld(record);
        let is_without = shape.is_without(&withheld);
        let beginning = |domain, unfit| Beginning { command: shape.command(begins), domain, withheld, unfit };
        if !is_without {
            return Err(PREPARED_OTHERWISE.to_owned());
        }
        match (keeper.domain(record), shape.unfit()) {
            (None, _) => Ok(beginning(prepared.filter(|_| begins), None)),
            (Some(_), Some(why)) => Ok(beginning(None, Some(why))),
            (Some(domain), None) if begins && prepared.as_ref() == Some(&domain) => {
                Ok(beginning(Some(domain), None))
            }
            (Some(_), None) => Err(match &self.program {
                Err(why) => why.clone(),
                Ok(_) => PREPARED_OTHERWISE.to_owned(),
            }),
        }
    }
}

const PREPARED_OTHERWISE: &str = "this start was prepared by an older runtime, while no agent ran, or under another profile: \
                                  start it again";

/// What a domain is remembered by.
pub(crate) fn fingerprint(domain: &Domain) -> Option<String> {
    use sha2::{Digest as _, Sha256};
    let hash = Sha256::digest(domain.rules().ok()?);
    Some(hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> Shape {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_was_put_before_a_program_is_no_part_of_its_command() {
        let held = shape(
            r#"{"process":{"args":["/proc/self/fd/3","sh","-c"]},"linux":{"namespaces":[{"type":"pid"}]}}"#,
        );
        assert!(held.begins_so() && held.unfit().is_none());
        assert_eq!(
            (held.command(true).as_str(), held.command(false).as_str()),
            ("sh -c", "/proc/self/fd/3 sh -c")
        );
        assert!(!shape(r#"{"process":{"args":["/proc/self/fd/3"]}}"#).begins_so(), "nothing would be left");
        assert!(!shape(r#"{"process":{"args":["sh","x"]}}"#).begins_so());
        assert_eq!(Shape::default().command(true), "");
    }

    #[test]
    fn who_cannot_begin_so_is_told() {
        let labelled = shape(r#"{"process":{"selinuxLabel":"x"},"linux":{"namespaces":[{"type":"pid"}]}}"#);
        assert!(labelled.unfit().is_some_and(|why| why.contains("SELinux")));
        assert!(Shape::default().unfit().is_some_and(|why| why.contains("PID namespace")));
    }
}
