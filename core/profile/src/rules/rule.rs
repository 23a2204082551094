//! A rule and what it looks at.

use std::net::IpAddr;

use lazaret_model::{
    Behaviour, Connection, Execution, Fact, FileAccess, FileOperation, FileOrigin, KernelOperation, Lookup,
    RawSocket, Severity,
};

use crate::check::Category;
use crate::learn::masked;
use crate::pattern::{Kind, Pattern};

/// Something that no container should do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub id: String,
    pub title: String,
    pub category: Category,
    pub severity: Severity,
    /// Techniques of MITRE ATT&CK.
    pub attack: Vec<String>,
    /// What a profile names is meant to be.
    pub profile_may_allow: bool,
    /// Whoever builds a root file system does it: it says nothing about a container that nobody admitted.
    pub usual_in_builds: bool,
    /// Who tries it in vain is told, too: opens a file without permission, or connects to a local socket.
    pub attempts: bool,
    pub(super) condition: Condition,
}

/// All conditions must hold; of a list that is not empty one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    Exec(ExecCondition),
    File(FileCondition),
    Connect(Vec<(IpAddr, u8)>),
    Lookup(Vec<Pattern>),
    RawSocket(Vec<u16>),
    Kernel(Vec<KernelOperation>),
    /// Names of calls.
    SystemCall(Vec<String>),
    Mount,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ExecCondition {
    /// Of the file or of the program's own name: a copy is often called as what it is.
    pub(super) names: Vec<String>,
    /// Parts of arguments; those that begin with a hyphen are whole ones.
    pub(super) arguments: Vec<String>,
    /// What variables begin with.
    pub(super) environment: Vec<String>,
    pub(super) origins: Vec<FileOrigin>,
    pub(super) socket_stdio: bool,
    pub(super) gains: bool,
}

/// A path fits by any of the three lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FileCondition {
    pub(super) operations: Vec<FileOperation>,
    pub(super) paths: Vec<Pattern>,
    /// The last component.
    pub(super) names: Vec<String>,
    /// Directories wherever they are, with slashes around.
    pub(super) below: Vec<String>,
}

impl Rule {
    /// Whether a behaviour breaks the rule.
    pub fn is_broken_by(&self, behaviour: &Behaviour) -> bool {
        match (&self.condition, &behaviour.fact) {
            (Condition::Exec(condition), Fact::Exec(execution)) => condition.holds(execution),
            (Condition::File(condition), Fact::File(access)) => condition.holds(access),
            (Condition::Connect(networks), Fact::Connect(Connection { address, .. })) => {
                let address = address.to_canonical();
                networks.iter().any(|(network, bits)| masked(address, *bits) == masked(*network, *bits))
            }
            (Condition::Lookup(names), Fact::Lookup(Lookup { name, .. })) => {
                names.iter().any(|pattern| pattern.matches(name, Kind::Name))
            }
            (Condition::RawSocket(families), Fact::RawSocket(RawSocket { family, .. })) => {
                any(families, |known| known == family)
            }
            (Condition::Kernel(operations), Fact::Kernel(operation)) => operations.contains(operation),
            (Condition::SystemCall(names), Fact::SystemCall(call)) => {
                call.name().is_some_and(|called| names.iter().any(|name| name == called))
            }
            (Condition::Mount, Fact::Mount(_)) => true,
            _ => false,
        }
    }
}

/// An empty list asks for nothing.
fn any<T>(list: &[T], holds: impl Fn(&T) -> bool) -> bool {
    list.is_empty() || list.iter().any(holds)
}

impl ExecCondition {
    fn holds(&self, execution: &Execution) -> bool {
        let own_name = execution.arguments.first().map_or("", |name| last(name)).trim_start_matches('-');
        let file_name = last(&execution.executable);
        let fits = |wanted: &str, argument: &str| match wanted.starts_with('-') {
            true => {
                argument == wanted || argument.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('='))
            }
            false => argument.contains(wanted),
        };
        any(&self.names, |name| name == file_name || name == own_name)
            && any(&self.arguments, |wanted| {
                execution.arguments.iter().skip(1).any(|given| fits(wanted, given))
            })
            && any(&self.environment, |start| {
                execution.loader_environment.iter().any(|variable| variable.starts_with(start))
            })
            && any(&self.origins, |origin| *origin == execution.origin)
            && (!self.socket_stdio || execution.socket_stdio)
            && (!self.gains || execution.gains.is_some())
    }
}

impl FileCondition {
    fn holds(&self, access: &FileAccess) -> bool {
        if !self.operations.contains(&access.operation) {
            return false;
        }
        let is_anywhere = self.paths.is_empty() && self.names.is_empty() && self.below.is_empty();
        is_anywhere
            || self.is_at(&access.path)
            || access.other.as_deref().is_some_and(|other| self.is_at(other))
    }

    fn is_at(&self, path: &str) -> bool {
        self.paths.iter().any(|pattern| pattern.matches(path, Kind::Path))
            || self.names.iter().any(|name| name == last(path))
            || self.below.iter().any(|directory| path.contains(directory.as_str()))
    }
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
