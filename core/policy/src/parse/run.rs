use lazaret_model::{EngineAction, HostNamespace};

use super::reader::Reader;
use super::words;
use crate::mistake::shorten;
use crate::operation::ENGINE;
use crate::policy::{BindPermission, EngineRules, Permission, RunRules};
use crate::yaml::{Node, Value};

pub(super) fn read(reader: &mut Reader, node: &Node) -> RunRules {
    let mut run = RunRules::default();
    let Some(fields) = reader.fields(node, "run") else { return run };
    if let Some(node) = fields.get("privileged") {
        run.privileged = reader.refuse_or_allow::<()>(node, ", nothing else") == Permission::Allow;
    }
    if let Some(users) = fields.get("users").and_then(|node| reader.fields(node, "run.users")) {
        let root = reader.needed(&users, "root", "write {root: refuse} or {root: allow}");
        run.root_user = root
            .is_some_and(|node| reader.refuse_or_allow::<()>(node, ", nothing else") == Permission::Allow);
    }
    if let Some(node) = fields.get("host-namespaces") {
        run.host_namespaces = reader.permission(node, namespace);
    }
    if let Some(node) = fields.get("capabilities") {
        run.capabilities = reader.permission(node, capability);
    }
    if let Some(node) = fields.get("bind-mounts") {
        run.bind_mounts = bind_mounts(reader, node);
    }
    if let Some(node) = fields.get("published-ports") {
        run.published_ports = reader.permission(node, ports);
    }
    for (key, target) in [
        ("devices", &mut run.devices),
        ("volumes", &mut run.volumes),
        ("weakened", &mut run.weakened),
        ("sysctls", &mut run.sysctls),
        ("escapes", &mut run.escapes),
    ] {
        if let Some(node) = fields.get(key) {
            *target = reader.permission(node, words::pattern);
        }
    }
    run
}

const NAMESPACES: &[HostNamespace] = &[
    HostNamespace::Pid,
    HostNamespace::Ipc,
    HostNamespace::Network,
    HostNamespace::Uts,
    HostNamespace::User,
    HostNamespace::Cgroup,
    HostNamespace::Mount,
];

fn namespace(reader: &mut Reader, node: &Node) -> Option<HostNamespace> {
    let names: Vec<&str> = NAMESPACES.iter().map(|namespace| namespace.name()).collect();
    let word = reader.word(node, &names)?;
    NAMESPACES.iter().copied().find(|namespace| namespace.name() == word)
}

/// With or without `CAP_`, in any case: kept as the edges report them.
fn capability(reader: &mut Reader, node: &Node) -> Option<String> {
    let text = reader.text(node)?;
    let name = text.to_ascii_uppercase();
    let name = name.strip_prefix("CAP_").unwrap_or(&name);
    let is_name = !name.is_empty()
        && name.len() <= 32
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    if !is_name {
        reader.wrong(
            node,
            format!("`{}` is not a capability", shorten(text)),
            "write its name: NET_BIND_SERVICE",
        );
        return None;
    }
    Some(name.to_owned())
}

fn bind_mounts(reader: &mut Reader, node: &Node) -> Permission<BindPermission> {
    let Value::Map(_) = node.value else {
        return reader.refuse_or_allow(node, " or `{allow: [paths], allow-read-only: [paths]}`");
    };
    let Some(fields) = reader.fields(node, "run.bind-mounts") else { return Permission::Refuse };
    let mut list = Vec::new();
    for (key, only_reading) in [("allow", false), ("allow-read-only", true)] {
        if let Some(node) = fields.get(key) {
            let paths = reader.items(node, host_path);
            list.extend(paths.into_iter().map(|path| BindPermission { path, only_reading }));
        }
    }
    Permission::Only(list)
}

fn host_path(reader: &mut Reader, node: &Node) -> Option<String> {
    let text = reader.text(node)?;
    let path = text.strip_suffix('/').unwrap_or(text);
    if path.is_empty() {
        reader.wrong(
            node,
            "`/` is the whole host",
            "name the paths that are needed; to allow every bind mount, write `bind-mounts: allow`",
        );
        return None;
    }
    let is_plain = path.starts_with('/') && !path[1..].split('/').any(|part| matches!(part, "" | "." | ".."));
    if !is_plain {
        reader.wrong(
            node,
            format!("`{}` is not an absolute path", shorten(text)),
            "write it from `/`, without `.` and `..`",
        );
        return None;
    }
    Some(path.to_owned())
}

/// `80` or `1024-65535`.
fn ports(reader: &mut Reader, node: &Node) -> Option<(u16, u16)> {
    let text = reader.text(node)?;
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => Some((first, last)),
        _ => {
            reader.wrong(
                node,
                format!("`{}` is not a port", shorten(text)),
                "write a port or a range: 80, 1024-65535",
            );
            None
        }
    }
}

/// What is allowed by keys that are absent.
pub(super) fn engine_defaults() -> impl Iterator<Item = EngineAction> {
    ENGINE.iter().filter(|group| group.allowed).flat_map(|group| group.actions.iter().copied())
}

pub(super) fn read_engine(reader: &mut Reader, node: &Node) -> EngineRules {
    let mut allowed = Vec::new();
    let Some(fields) = reader.fields(node, "engine") else { return EngineRules::default() };
    for group in ENGINE {
        let Some(node) = fields.get(group.key) else {
            if group.allowed {
                allowed.extend_from_slice(group.actions);
            }
            continue;
        };
        let names: Vec<&str> = group.actions.iter().map(|action| action.name()).collect();
        let permission =
            reader.permission(node, |reader, node| EngineAction::from_name(reader.word(node, &names)?));
        match permission {
            Permission::Refuse => {}
            Permission::Allow => allowed.extend_from_slice(group.actions),
            Permission::Only(list) => allowed.extend(list),
        }
    }
    EngineRules { allowed }
}
