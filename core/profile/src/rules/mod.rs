//! What no container should do, whatever was learned: rules as data.

mod read;
mod rule;

use std::sync::LazyLock;

use lazaret_model::Behaviour;

pub use read::RulesError;
pub use rule::Rule;

/// Rules that hold together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules(Vec<Rule>);

/// The rules that Lazaret brings, as they are written.
pub const SHIPPED: &str = include_str!("rules.yaml");

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::parse(SHIPPED).unwrap_or(Rules(Vec::new())));

impl Rules {
    /// The rules that Lazaret brings.
    pub fn shipped() -> &'static Self {
        &RULES
    }

    /// Reads a file of rules.
    pub fn parse(text: &str) -> Result<Self, RulesError> {
        read::read(text).map(Self)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.0.iter()
    }

    /// The rules that a behaviour breaks. `named`: the container's profile allows it by name, and its dimension is
    /// looked at.
    pub fn broken<'r>(&'r self, behaviour: &'r Behaviour, named: bool) -> impl Iterator<Item = &'r Rule> {
        self.iter().filter(move |rule| !(named && rule.profile_may_allow) && rule.is_broken_by(behaviour))
    }
}
