//! Facts held against a profile. What is allowed costs well under a microsecond and allocates nothing; what is not is
//! explained.

mod compiled;
mod deviation;
mod execution;
mod files;
mod libraries;
mod network;
mod reach;
mod scan;

use lazaret_model::{Behaviour, Dimension, Fact};

use crate::learn::Visit;
use crate::modes::{Action, Mode};

pub use compiled::{Circumstances, Compiled, ImageFiles};
pub use deviation::{Category, Deviation};
pub use scan::Scans;

impl Compiled {
    /// What of a behaviour is not allowed, gravest first; empty if all is. Dimensions that are off or learn are not
    /// looked at.
    pub fn check(&self, behaviour: &Behaviour, circumstances: Circumstances) -> Vec<Deviation> {
        let mut found = Vec::new();
        let by = behaviour.actor.executable.as_str();
        match &behaviour.fact {
            Fact::Exec(execution) => self.exec(execution, &behaviour.actor, circumstances, &mut found),
            Fact::Map(mapping) => self.map(mapping, by, &mut found),
            Fact::File(access) => self.file(access, by, circumstances.phase, &mut found),
            Fact::Connect(connection) => self.connect(connection, by, &mut found),
            Fact::Listen(listening) => self.listen(listening, by, &mut found),
            Fact::Lookup(lookup) => self.lookup(lookup, &mut found),
            Fact::RawSocket(_) => self.raw_socket(by, &mut found),
            Fact::Identity(change) => self.user(change.to_uid, by, circumstances.phase, &mut found),
            Fact::Capability(used) => self.capability(*used, by, &mut found),
            Fact::SystemCall(call) => self.system_call(*call, by, &mut found),
            Fact::Mount(mounting) => self.mount(mounting, by, &mut found),
            Fact::Kernel(operation) => self.kernel(*operation, by, &mut found),
            Fact::Login(login) => self.login(&login.arguments, &mut found),
            Fact::Resources(used) => self.resources(used, &mut found),
        }
        found
    }

    fn login(&self, arguments: &[String], found: &mut Vec<Deviation>) {
        self.deviates(Dimension::Login, Category::Login, found, || Words {
            what: format!("somebody started `{}` in the container", shown(arguments)),
            expected: "nobody logs in".to_owned(),
            remedy: "debug in a copy of the container, or break the glass".to_owned(),
        });
    }

    /// Notes a deviation, if the dimension is looked at.
    fn deviates(
        &self,
        dimension: Dimension,
        category: Category,
        found: &mut Vec<Deviation>,
        words: impl FnOnce() -> Words,
    ) {
        let (mode, action) = self.modes[dimension.index()];
        if matches!(mode, Mode::Off | Mode::Learn) {
            return;
        }
        let Words { what, expected, remedy } = words();
        let action = if mode == Mode::Block { action } else { Action::Alert };
        found.push(Deviation { dimension, category, mode, action, what, expected, remedy });
    }

    /// Whether the answer would be looked at.
    fn looks_at(&self, dimension: Dimension) -> bool {
        matches!(self.modes[dimension.index()].0, Mode::Alert | Mode::Block)
    }
}

/// What a deviation says.
struct Words {
    what: String,
    expected: String,
    remedy: String,
}

/// Most of foreign text that an explanation repeats.
const MOST_SHOWN: usize = 200;

/// A command line for people.
fn shown(arguments: &[String]) -> String {
    let mut text = String::new();
    for argument in arguments {
        if !text.is_empty() {
            text.push(' ');
        }
        text.extend(argument.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST_SHOWN));
        if text.len() > MOST_SHOWN {
            break;
        }
    }
    match text.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// A list for people: `a, b or 3 more`; or that there is nothing.
fn listed<T: std::fmt::Display>(items: impl IntoIterator<Item = T>, none: &str) -> String {
    const MOST: usize = 5;
    let mut items = items.into_iter();
    let first: Vec<_> = items.by_ref().take(MOST).map(|item| item.to_string()).collect();
    let more = items.count();
    match (first.is_empty(), more) {
        (true, _) => none.to_owned(),
        (false, 0) => first.join(", "),
        (false, more) => format!("{} or {more} more", first.join(", ")),
    }
}

impl Circumstances {
    /// The container's own program, while it serves.
    pub const STEADY: Self = Self { phase: lazaret_model::Phase::Steady, visit: Visit::Program };
}
