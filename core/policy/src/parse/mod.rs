//! From YAML to a [`Policy`]. All mistakes of a file are collected, so that it can be mended in one go.

mod exceptions;
mod ignore;
mod reader;
mod run;
mod scan;
mod stages;
mod words;

use lazaret_model::Digest;
use sha2::{Digest as _, Sha256};

use crate::mistake::PolicyError;
use crate::policy::{EngineRules, Policy, RunRules};
use crate::yaml;
use reader::Reader;

impl Policy {
    /// Reads a policy file; `file` is its name in messages.
    pub fn parse(text: &str, file: &str) -> Result<Self, PolicyError> {
        let root = yaml::parse(text).map_err(|mistake| PolicyError::new(file, text, vec![mistake]))?;
        let mut reader = Reader::default();
        let policy = policy(&mut reader, &root, text);
        let mistakes = reader.into_mistakes();
        match policy {
            Some(policy) if mistakes.is_empty() => Ok(policy),
            _ => Err(PolicyError::new(file, text, mistakes)),
        }
    }
}

fn policy(reader: &mut Reader, root: &yaml::Node, text: &str) -> Option<Policy> {
    if matches!(root.value, yaml::Value::Empty) {
        // A policy that refuses everything is one thing, a file that was cut to nothing another.
        reader.wrong(root, "the policy is empty", "write at least `scan:`, or start from the default policy");
        return None;
    }
    let top = reader.fields(root, "")?;
    Some(Policy {
        digest: Digest::from_bytes(Sha256::digest(text.as_bytes()).into()),
        stages: top.get("stages").map(|node| stages::read(reader, node)).unwrap_or_default(),
        scan: top.get("scan").map(|node| scan::read(reader, node)),
        exceptions: top.get("exceptions").map(|node| exceptions::read(reader, node)).unwrap_or_default(),
        run: top.get("run").map_or_else(RunRules::default, |node| run::read(reader, node)),
        engine: match top.get("engine") {
            Some(node) => run::read_engine(reader, node),
            None => EngineRules { allowed: run::engine_defaults().collect() },
        },
    })
}
