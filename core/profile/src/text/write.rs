use std::fmt::{self, Display, Write as _};

use jiff::Timestamp;
use lazaret_model::Dimension;

use super::VERSION;
use crate::modes::{Action, Mode};
use crate::profile::{
    Arguments, Coverage, Executables, FileRule, Network, Peer, Pending, Permission, Process, Profile,
    Resources, Seen,
};

pub(super) fn write(profile: &Profile) -> String {
    let mut out = Out(String::with_capacity(4096));
    let subject = &profile.subject;
    out.line("", &format!("version: {VERSION}"));
    out.line("", &format!("image: {}", subject.image));
    let variant = Entry::default()
        .field("command", texts(&subject.variant.command))
        .field("user", Quoted(&subject.variant.user))
        .field("architecture", Quoted(&subject.variant.architecture));
    out.line("variant: ", &variant.done());
    out.line("state: ", profile.state.name());
    if let Some(coverage) = &profile.coverage {
        out.line("coverage: ", &write_coverage(coverage));
    }
    modes(&mut out, profile);
    out.line_if("wide: ", !profile.wide.is_empty(), || {
        flow(profile.wide.iter().map(|dimension| dimension.name()))
    });
    out.list("", "users", &profile.users, |user| {
        Entry::default().field("uid", user.uid).field("by", Quoted(&user.by)).seen(&user.seen)
    });
    out.list("", "processes", &profile.processes, process);
    executables(&mut out, &profile.executables);
    out.line("libraries:", "");
    out.line("  outside-image: ", permission(profile.libraries.outside_image));
    out.list("  ", "added", &profile.libraries.added, |library| {
        Entry::default()
            .field("path", Quoted(library.path.as_str()))
            .field("by", Quoted(&library.by))
            .seen(&library.seen)
    });
    out.list("", "volumes", &profile.volumes, |volume| {
        Entry::default().field("target", Quoted(&volume.target)).seen(&volume.seen)
    });
    out.list("", "files", &profile.files, file_rule);
    out.list("", "secrets", &profile.secrets, file_rule);
    network(&mut out, &profile.network);
    out.line_if("capabilities: ", !profile.capabilities.is_empty(), || flow(profile.capabilities.iter()));
    out.line_if("system-calls: ", !profile.system_calls.is_empty(), || {
        flow(profile.system_calls.iter().map(|name| Quoted(name)))
    });
    out.line_if("kernel: ", !profile.kernel.is_empty(), || {
        flow(profile.kernel.iter().map(|operation| operation.name()))
    });
    out.line_if("login: ", !profile.login.health_check.is_empty(), || {
        Entry::default().field("health-check", texts(&profile.login.health_check)).done()
    });
    resources(&mut out, &profile.resources);
    out.0
}

fn write_coverage(coverage: &Coverage) -> String {
    let time = |time: Timestamp| format!("{time:.0}");
    Entry::default()
        .field("since", Quoted(&time(coverage.since)))
        .field("until", Quoted(&time(coverage.until)))
        .field("replicas", coverage.replicas)
        .field("starts", coverage.starts)
        .field("stops", coverage.stops)
        .field("gaps", coverage.gaps)
        .done()
}

fn modes(out: &mut Out, profile: &Profile) {
    out.line("modes:", "");
    for dimension in Dimension::ALL {
        let mode: Mode = profile.modes.of(*dimension);
        // YAML 1.1 readers take a bare `off` for false.
        let name = if mode == Mode::Off { "\"off\"" } else { mode.name() };
        out.line(&format!("  {}: ", dimension.name()), name);
    }
    let special: Vec<_> = Dimension::ALL
        .iter()
        .map(|dimension| (dimension.name(), profile.modes.action(*dimension)))
        .filter(|(_, action)| *action != Action::default())
        .collect();
    out.line_if("actions:", !special.is_empty(), String::new);
    for (name, action) in special {
        out.line(&format!("  {name}: "), action.name());
    }
}

fn process(process: &Process) -> Entry {
    let entry = Entry::default().field("path", Quoted(&process.executable));
    let entry = match &process.digest {
        Some(digest) => entry.field("digest", digest),
        None => entry,
    };
    let entry = entry.field("parent", Quoted(&process.parent));
    match &process.arguments {
        Arguments::Any => entry,
        Arguments::Only(lists) => {
            let list =
                |list: &Vec<_>| flow(list.iter().map(|pattern: &crate::Pattern| Quoted(pattern.as_str())));
            entry.field("arguments", flow(lists.iter().map(list)))
        }
    }
    .seen(&process.seen)
}

fn executables(out: &mut Out, executables: &Executables) {
    out.line("executables:", "");
    if let Some(listed) = &executables.listed {
        let entry = Entry::default().field("count", listed.count).field("digest", listed.digest);
        out.line("  listed: ", &entry.done());
    }
    out.line("  drift: ", permission(executables.drift));
    out.line("  memory: ", permission(executables.memory));
    out.line("  loader: ", permission(executables.loader));
    out.line_if("  set-user-id: ", !executables.set_user_id.is_empty(), || texts(&executables.set_user_id));
    out.list("  ", "added", &executables.added, |added| {
        Entry::default().field("path", Quoted(&added.path)).field("digest", added.digest).seen(&added.seen)
    });
}

fn permission(permission: Permission) -> &'static str {
    match permission {
        Permission::Allow => "allow",
        Permission::Deny => "deny",
    }
}

fn file_rule(rule: &FileRule) -> Entry {
    Entry::default()
        .field("path", Quoted(rule.path.as_str()))
        .field("by", Quoted(&rule.by))
        .field("operations", flow(rule.operations.iter().map(|operation| operation.name())))
        .seen(&rule.seen)
}

fn network(out: &mut Out, network: &Network) {
    if *network == Network::default() {
        return;
    }
    out.line("network:", "");
    out.list("  ", "listen", &network.listen, |listen| {
        Entry::default()
            .field("transport", listen.transport.name())
            .field("port", port(listen.port))
            .field("by", Quoted(&listen.by))
            .seen(&listen.seen)
    });
    out.list("  ", "connect", &network.connect, |connect| {
        Entry::default()
            .field("transport", connect.transport.name())
            .field("to", Quoted(&peer(&connect.to)))
            .field("port", port(connect.port))
            .field("by", Quoted(&connect.by))
            .seen(&connect.seen)
    });
    out.list("  ", "lookup", &network.lookup, |lookup| {
        Entry::default().field("name", Quoted(lookup.name.as_str())).seen(&lookup.seen)
    });
    if network.longest_label > 0 {
        out.line("  longest-label: ", &network.longest_label.to_string());
    }
    out.list("  ", "raw", &network.raw, |raw| Entry::default().field("by", Quoted(&raw.by)).seen(&raw.seen));
}

fn port(port: Option<u16>) -> String {
    port.map_or_else(|| "any".to_owned(), |port| port.to_string())
}

/// As the text form writes a peer.
pub(crate) fn peer(peer: &Peer) -> String {
    match peer {
        Peer::Name(name) => format!("name:{name}"),
        Peer::Network(address, bits) => match (address.is_ipv4(), bits) {
            (true, 32) | (false, 128) => address.to_string(),
            _ => format!("{address}/{bits}"),
        },
    }
}

fn resources(out: &mut Out, resources: &Resources) {
    let known = [
        ("cpu-permille", resources.cpu_permille),
        ("memory-bytes", resources.memory_bytes),
        ("processes", resources.processes),
        ("written-bytes-per-minute", resources.written_bytes_per_minute),
    ];
    let entry = known.into_iter().fold(Entry::default(), |entry, (key, value)| match value {
        Some(value) => entry.field(key, value),
        None => entry,
    });
    out.line_if("resources: ", !entry.0.is_empty(), || entry.done());
}

/// The text so far.
struct Out(String);

impl Out {
    fn line(&mut self, key: &str, value: &str) {
        self.0.push_str(key);
        self.0.push_str(value);
        self.0.push('\n');
    }

    fn line_if(&mut self, key: &str, condition: bool, value: impl FnOnce() -> String) {
        if condition {
            self.line(key, &value());
        }
    }

    fn list<T>(&mut self, margin: &str, key: &str, items: &[T], entry: impl Fn(&T) -> Entry) {
        if items.is_empty() {
            return;
        }
        self.line(&format!("{margin}{key}:"), "");
        for item in items {
            self.line(&format!("{margin}  - "), &entry(item).done());
        }
    }
}

/// One mapping in a line.
#[derive(Default)]
struct Entry(String);

impl Entry {
    fn field(mut self, key: &str, value: impl Display) -> Self {
        if !self.0.is_empty() {
            self.0.push_str(", ");
        }
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{key}: {value}");
        self
    }

    fn seen(self, seen: &Seen) -> Self {
        let entry = match seen.phases.is_empty() {
            true => self,
            false => self.field("phases", flow(seen.phases.iter().map(|phase| phase.name()))),
        };
        match seen.pending {
            Some(Pending { replicas, of, tainted }) => {
                let pending = Self::default().field("replicas", replicas).field("of", of);
                let pending = if tainted { pending.field("tainted", true) } else { pending };
                entry.field("pending", pending.done())
            }
            None => entry,
        }
    }

    fn done(&self) -> String {
        format!("{{{}}}", self.0)
    }
}

fn flow<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    let mut text = String::from("[");
    for (number, item) in items.into_iter().enumerate() {
        let comma = if number == 0 { "" } else { ", " };
        let _ = write!(text, "{comma}{item}");
    }
    text.push(']');
    text
}

fn texts(items: &[String]) -> String {
    flow(items.iter().map(|item| Quoted(item)))
}

/// A text as YAML: bare where every reader takes it for the same text, else as JSON.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0.as_bytes();
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+".contains(byte);
        // A slash in front cannot begin a number, a date or a word such as `no`.
        let is_path = bytes.first() == Some(&b'/') && bytes.iter().all(plain);
        let is_call = self.0.contains('_') && bytes[0].is_ascii_lowercase() && bytes.iter().all(plain);
        if is_path || is_call {
            return f.write_str(self.0);
        }
        f.write_char('"')?;
        for character in self.0.chars() {
            match character {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                _ if character.is_control()
                    || matches!(
                        character,
                        '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
                    ) =>
                {
                    let mut units = [0; 2];
                    for unit in character.encode_utf16(&mut units) {
                        write!(f, "\\u{unit:04x}")?;
                    }
                }
                _ => f.write_char(character)?,
            }
        }
        f.write_char('"')
    }
}
