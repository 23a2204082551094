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

/// In what container something was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// `named`: its profile allows it by name, and the dimension is looked at.
    Admitted { named: bool },
    /// Nobody admitted it: an image that is built, or what was started behind the engine's back.
    Nobodys,
}

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

    /// The rules that a behaviour breaks.
    pub fn broken<'r>(&'r self, behaviour: &Behaviour, whose: Whose) -> impl Iterator<Item = &'r Rule> {
        let counts = move |rule: &&Rule| match whose {
            Whose::Admitted { named } => !(named && rule.profile_may_allow),
            Whose::Nobodys => !rule.usual_in_builds,
        };
        self.iter().filter(counts).filter(move |rule| rule.is_broken_by(behaviour))
    }

    /// The rules whose breaking was tried in vain.
    pub fn attempted<'r>(&'r self, behaviour: &Behaviour, whose: Whose) -> impl Iterator<Item = &'r Rule> {
        self.broken(behaviour, whose).filter(|rule| rule.attempts)
    }
}
