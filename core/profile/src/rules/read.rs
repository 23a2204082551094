use lazaret_model::{FileOperation, FileOrigin, KernelOperation, Severity, SystemCall};
use serde::Deserialize;

use super::rule::{Condition, ExecCondition, FileCondition, Rule};
use crate::check::Category;
use crate::pattern::Pattern;
use crate::profile::Peer;
use crate::text::{Scalar, Word, options};

/// Most bytes of a file of rules.
const MOST_BYTES: usize = 256 << 10;

/// A text that is no file of rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    #[error("a file of rules of {0} bytes is larger than the {MOST_BYTES} allowed")]
    Large(usize),
    /// Complete: place, line, caret, and what is wrong there.
    #[error("{0}")]
    Malformed(String),
    #[error("rule `{id}`: {what}")]
    Rule { id: String, what: String },
}

impl Word for Category {
    const KIND: &'static str = "category";

    fn words() -> &'static [Self] {
        Self::ALL
    }

    fn word(self) -> &'static str {
        self.name()
    }
}

impl Word for Severity {
    const KIND: &'static str = "severity";

    fn words() -> &'static [Self] {
        Self::ALL
    }

    fn word(self) -> &'static str {
        self.name()
    }
}

impl Word for FileOrigin {
    const KIND: &'static str = "origin";

    fn words() -> &'static [Self] {
        Self::ALL
    }

    fn word(self) -> &'static str {
        self.name()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    id: String,
    title: String,
    category: Scalar<Category>,
    severity: Scalar<Severity>,
    attack: Vec<String>,
    #[serde(default)]
    profile_may_allow: bool,
    #[serde(default)]
    usual_in_builds: bool,
    #[serde(default)]
    attempts: bool,
    exec: Option<Exec>,
    file: Option<File>,
    connect: Option<Connect>,
    lookup: Option<Lookup>,
    raw_socket: Option<RawSocket>,
    kernel: Option<Vec<Scalar<KernelOperation>>>,
    system_call: Option<Vec<String>>,
    mount: Option<Mount>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Exec {
    names: Vec<String>,
    arguments: Vec<String>,
    environment: Vec<String>,
    origins: Vec<Scalar<FileOrigin>>,
    socket_stdio: bool,
    gains: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    operations: Vec<Scalar<FileOperation>>,
    #[serde(default)]
    paths: Vec<Scalar<Pattern>>,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    below: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Connect {
    networks: Vec<Scalar<Peer>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lookup {
    names: Vec<Scalar<Pattern>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSocket {
    families: Vec<u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mount {}

pub(super) fn read(text: &str) -> Result<Vec<Rule>, RulesError> {
    if text.len() > MOST_BYTES {
        return Err(RulesError::Large(text.len()));
    }
    let written: Vec<Written> = serde_saphyr::from_str_with_options(text, options())
        .map_err(|error| RulesError::Malformed(error.render()))?;
    let mut rules: Vec<Rule> = Vec::with_capacity(written.len());
    for rule in written {
        let wrong = |what: &str| RulesError::Rule { id: rule.id.clone(), what: what.to_owned() };
        let is_id = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if rule.id.is_empty() || !rule.id.bytes().all(is_id) {
            return Err(wrong("an id has lower-case letters, digits and hyphens"));
        }
        if rules.iter().any(|other| other.id == rule.id) {
            return Err(wrong("the id is given twice"));
        }
        if rule.attack.iter().any(|technique| !is_technique(technique)) {
            return Err(wrong("a technique is written T1611 or T1059.004"));
        }
        rules.push(self::rule(rule)?);
    }
    Ok(rules)
}

fn rule(written: Written) -> Result<Rule, RulesError> {
    let wrong = |what: &str| RulesError::Rule { id: written.id.clone(), what: what.to_owned() };
    let networks = |connect: Connect| -> Option<Condition> {
        let network = |peer: Scalar<Peer>| match peer.0 {
            Peer::Network(address, bits) => Some((address, bits)),
            Peer::Name(_) => None,
        };
        connect.networks.into_iter().map(network).collect::<Option<_>>().map(Condition::Connect)
    };
    let connect = match written.connect {
        Some(connect) => Some(networks(connect).ok_or_else(|| wrong("networks are addresses"))?),
        None => None,
    };
    if let Some(unknown) = written.system_call.iter().flatten().find(|name| !SystemCall::is_name(name)) {
        return Err(wrong(&format!("`{unknown}` is no system call")));
    }
    if written.attempts && written.file.is_none() {
        return Err(wrong("attempts are told of files"));
    }
    let conditions = [
        written.exec.map(exec),
        written.file.map(file),
        connect,
        written.lookup.map(|lookup| Condition::Lookup(lookup.names.into_iter().map(|name| name.0).collect())),
        written.raw_socket.map(|socket| Condition::RawSocket(socket.families)),
        written.kernel.map(|list| Condition::Kernel(list.into_iter().map(|one| one.0).collect())),
        written.system_call.map(Condition::SystemCall),
        written.mount.map(|Mount {}| Condition::Mount),
    ];
    let mut conditions = conditions.into_iter().flatten();
    let (Some(condition), None) = (conditions.next(), conditions.next()) else {
        return Err(wrong("a rule names one kind of fact"));
    };
    Ok(Rule {
        id: written.id,
        title: written.title,
        category: written.category.0,
        severity: written.severity.0,
        attack: written.attack,
        profile_may_allow: written.profile_may_allow,
        usual_in_builds: written.usual_in_builds,
        attempts: written.attempts,
        condition,
    })
}

fn exec(exec: Exec) -> Condition {
    Condition::Exec(ExecCondition {
        names: exec.names,
        arguments: exec.arguments,
        environment: exec.environment,
        origins: exec.origins.into_iter().map(|origin| origin.0).collect(),
        socket_stdio: exec.socket_stdio,
        gains: exec.gains,
    })
}

fn file(file: File) -> Condition {
    Condition::File(FileCondition {
        operations: file.operations.into_iter().map(|operation| operation.0).collect(),
        paths: file.paths.into_iter().map(|path| path.0).collect(),
        names: file.names,
        below: file.below,
    })
}

/// `T` and four digits, perhaps a dot and three more.
fn is_technique(text: &str) -> bool {
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some(rest) = text.strip_prefix('T') else { return false };
    match rest.split_once('.') {
        Some((technique, part)) => digits(technique, 4) && digits(part, 3),
        None => digits(rest, 4),
    }
}
