//! What a container may ask of its host.

use lazaret_model::{Mount, MountKind, Reason, RunConfiguration};

use crate::host_path;
use crate::mistake::shorten;
use crate::pattern::Pattern;
use crate::policy::{Permission, Policy, RunRules};
use crate::sentence::some_of;

/// Everything in a run configuration that the policy does not allow: one reason for each rule.
///
/// [`admit`](crate::admit) asks this too. By itself it decides wishes that are only part of a container, such
/// as a volume that is really a path of the host.
pub fn forbidden(policy: &Policy, run: &RunConfiguration) -> Vec<Reason> {
    let rules = &policy.run;
    let mut reasons = Vec::new();
    if run.privileged && !rules.privileged {
        reasons.push(reason(
            "privileged",
            "the container asks for every right on the host (privileged)".to_owned(),
            "run it without --privileged; name the capabilities or devices it needs",
        ));
    }
    if is_root(&run.user) && !run.user.is_empty() && !rules.root_user {
        reasons.push(reason(
            "users",
            format!("the first process runs as root (user `{}`)", shorten(&run.user)),
            "add `USER name` to the image or run it with --user",
        ));
    }
    reasons.extend(host_namespaces(rules, run));
    reasons.extend(capabilities(rules, run));
    reasons.extend(bind_mounts(rules, run));
    reasons.extend(published_ports(rules, run));
    reasons.extend(volumes(rules, run));
    reasons.extend(sysctls(rules, run));
    for list in LISTS {
        let permission = (list.rule)(rules);
        let open: Vec<String> = (list.given)(run)
            .iter()
            .filter(|word| !permission.permits(|p| p.matches(word)))
            .map(|word| shorten(word))
            .collect();
        if !open.is_empty() {
            reasons.push(reason(list.key, format!("{}: {}", list.says, some_of(&open, 5)), list.instead));
        }
    }
    reasons
}

/// Rules that are a list of words against a list of patterns.
struct List {
    key: &'static str,
    says: &'static str,
    instead: &'static str,
    rule: fn(&RunRules) -> &Permission<Pattern>,
    given: fn(&RunConfiguration) -> &[String],
}

const LISTS: &[List] = &[
    List {
        key: "devices",
        says: "the container asks for devices of the host",
        instead: "run it without them, or have the policy allow them under `run: devices`",
        rule: |rules| &rules.devices,
        given: |run| &run.devices,
    },
    List {
        key: "weakened",
        says: "the container asks for weaker protection",
        instead: "run it with the engine's default protection, or have the policy allow it under `run: weakened`",
        rule: |rules| &rules.weakened,
        given: |run| &run.weakened,
    },
    List {
        key: "escapes",
        says: "the container asks for something outside the engine's configuration",
        instead: "run it without, or have the policy allow it under `run: escapes`",
        rule: |rules| &rules.escapes,
        given: |run| &run.escapes,
    },
];

fn reason(key: &str, message: String, instead: &str) -> Reason {
    Reason { rule: format!("run.{key}"), message, remedy: instead.to_owned() }
}

/// Whether the engine would take the text for user 0. An image's own user is only known where an image is.
pub(crate) fn is_root(user: &str) -> bool {
    let name = user.split_once(':').map_or(user, |(name, _)| name);
    // Engines read numbers as Go's Atoi does: `+0` and `00` are 0 as well.
    matches!(name, "" | "root") || name.parse::<i64>() == Ok(0)
}

fn host_namespaces(rules: &RunRules, run: &RunConfiguration) -> Option<Reason> {
    let open: Vec<&str> = run
        .host_namespaces
        .iter()
        .filter(|namespace| !rules.host_namespaces.permits(|allowed| allowed == *namespace))
        .map(|namespace| namespace.name())
        .collect();
    (!open.is_empty()).then(|| {
        reason(
            "host-namespaces",
            format!("the container asks for namespaces of the host: {}", open.join(", ")),
            "run it in its own namespaces; publish ports instead of --network host",
        )
    })
}

fn capabilities(rules: &RunRules, run: &RunConfiguration) -> Option<Reason> {
    let open: Vec<String> = run
        .added_capabilities
        .iter()
        .filter(|name| !rules.capabilities.permits(|allowed| allowed == *name))
        .map(|name| shorten(name))
        .collect();
    (!open.is_empty()).then(|| {
        reason(
            "capabilities",
            format!("the container asks for further capabilities: {}", some_of(&open, 8)),
            "run it without --cap-add, or have the policy allow them under `run: capabilities`",
        )
    })
}

fn bind_mounts(rules: &RunRules, run: &RunConfiguration) -> Option<Reason> {
    let binds = run.mounts.iter().filter(|mount| mount.kind == MountKind::Bind);
    let open: Vec<String> = binds.filter_map(|mount| refused_bind(rules, mount)).collect();
    (!open.is_empty()).then(|| {
        reason(
            "bind-mounts",
            format!("the container asks for paths of the host: {}", some_of(&open, 5)),
            "put the files into the image or a volume, or have the policy allow the path under `run: bind-mounts`",
        )
    })
}

fn refused_bind(rules: &RunRules, mount: &Mount) -> Option<String> {
    if rules.bind_mounts == Permission::Allow {
        return None;
    }
    let shown = shorten(&mount.source);
    let Some(path) = host_path::clean(&mount.source) else {
        return Some(format!("{shown} (not a plain absolute path)"));
    };
    let within = |allowed: &str| {
        path.strip_prefix(allowed).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if rules
        .bind_mounts
        .permits(|allowed| within(&allowed.path) && (mount.read_only || !allowed.only_reading))
    {
        return None;
    }
    if rules.bind_mounts.permits(|allowed| within(&allowed.path)) {
        return Some(format!("{shown} for writing (allowed only for reading)"));
    }
    match host_path::danger(&path) {
        Some(danger) => Some(format!("{shown} ({danger})")),
        None => Some(shown),
    }
}

fn sysctls(rules: &RunRules, run: &RunConfiguration) -> Option<Reason> {
    let name = |setting: &str| setting.split_once('=').map_or(setting, |(name, _)| name).to_owned();
    let open: Vec<String> = run
        .sysctls
        .iter()
        .filter(|setting| !rules.sysctls.permits(|pattern| pattern.matches(&name(setting))))
        .map(|setting| shorten(setting))
        .collect();
    (!open.is_empty()).then(|| {
        reason(
            "sysctls",
            format!("the container asks for kernel settings: {}", some_of(&open, 5)),
            "run it without --sysctl, or have the policy allow them under `run: sysctls`",
        )
    })
}

fn volumes(rules: &RunRules, run: &RunConfiguration) -> Option<Reason> {
    let volumes = run.mounts.iter().filter(|mount| mount.kind == MountKind::Volume);
    let open: Vec<String> = volumes
        .filter(|mount| !rules.volumes.permits(|pattern| pattern.matches(&mount.source)))
        .map(|mount| if mount.source.is_empty() { shorten(&mount.target) } else { shorten(&mount.source) })
        .collect();
    (!open.is_empty()).then(|| {
        reason(
            "volumes",
            format!("the container asks for volumes: {}", some_of(&open, 5)),
            "use the volumes that the policy names under `run: volumes`",
        )
    })
}

fn published_ports(rules: &RunRules, run: &RunConfiguration) -> Option<Reason> {
    let open: Vec<String> = run
        .published_ports
        .iter()
        .filter(|port| !may_publish(&rules.published_ports, port))
        .map(|port| shorten(port))
        .collect();
    (!open.is_empty()).then(|| {
        reason(
            "published-ports",
            format!("the container asks for ports of the host: {}", some_of(&open, 5)),
            "publish a port that the policy names under `run: published-ports`",
        )
    })
}

/// Where Linux takes ports from that nobody chose (`ip_local_port_range`).
const ANY_PORT: (u16, u16) = (32_768, 60_999);

/// `[address:]host[-last]:container[/protocol]`, where host may be empty: any free port.
fn may_publish(permission: &Permission<(u16, u16)>, text: &str) -> bool {
    let ports = text.split('/').next().unwrap_or_default();
    let host = ports.rsplit_once(':').map_or(ports, |(host, _)| host);
    let host = host.rsplit_once(':').map_or(host, |(_, port)| port);
    let (first, last) = match host {
        "" | "*" | "0" => ANY_PORT,
        _ => {
            let (first, last) = host.split_once('-').unwrap_or((host, host));
            match (first.parse(), last.parse()) {
                (Ok(first), Ok(last)) => (first, last),
                // Not understood: only a policy that asks for nothing lets it pass.
                _ => return *permission == Permission::Allow,
            }
        }
    };
    permission.permits(|(from, to)| *from <= first && last <= *to)
}
