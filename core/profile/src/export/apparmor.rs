use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use lazaret_model::{FileOperation, Transport};

use super::{Export, short};
use crate::pattern::Pattern;
use crate::profile::{FileRule, Profile};

/// Places of the kernel that no container writes, whatever is allowed elsewhere.
const NEVER_WRITTEN: &[&str] = &[
    "/proc/sys/kernel/**",
    "/proc/sysrq-trigger",
    "/proc/kcore",
    "/sys/kernel/**",
    "/sys/fs/cgroup/**",
    "/sys/firmware/**",
];

/// An AppArmor profile (apparmor.d(5)), named `lazaret-` and the first digits of the image's digest.
///
/// AppArmor has one profile for all programs of a container here: what one of them may do, all may.
pub fn apparmor(profile: &Profile) -> Export {
    let mut out = format!(
        "abi <abi/3.0>,\n\nprofile lazaret-{} flags=(attach_disconnected,mediate_deleted) {{\n",
        short(profile)
    );
    capabilities(&mut out, profile);
    network(&mut out, profile);
    line(&mut out, "signal (send, receive) peer=@{profile_name},");
    line(&mut out, "signal (receive) peer=unconfined,");
    line(&mut out, "unix,");
    line(&mut out, "/** r,");
    for directories in ["/{,usr/}lib{,32,64,x32}/**", "/usr/local/lib/**", "/opt/**"] {
        line(&mut out, &format!("{directories} mr,"));
    }
    programs(&mut out, profile);
    files(&mut out, profile);
    for path in NEVER_WRITTEN {
        line(&mut out, &format!("deny {path} wkl,"));
    }
    out.push_str("}\n");
    let lost = vec![
        "which program does it, with which arguments and when: all programs may do what one may".to_owned(),
        "digests: a changed program is another program only to Lazaret".to_owned(),
        "peers: AppArmor knows protocols, not addresses".to_owned(),
    ];
    Export { text: out, lost }
}

fn line(out: &mut String, text: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "  {text}");
}

fn capabilities(out: &mut String, profile: &Profile) {
    // Numbers are newer than AppArmor's names.
    for capability in
        profile.capabilities.iter().map(ToString::to_string).filter(|name| name.parse::<u8>().is_err())
    {
        line(out, &format!("capability {},", capability.to_ascii_lowercase()));
    }
}

fn network(out: &mut String, profile: &Profile) {
    let network = &profile.network;
    let listens = network.listen.iter().filter(|rule| rule.seen.pending.is_none()).map(|rule| rule.transport);
    let connects =
        network.connect.iter().filter(|rule| rule.seen.pending.is_none()).map(|rule| rule.transport);
    let mut transports: BTreeSet<Transport> = listens.chain(connects).collect();
    if !network.lookup.is_empty() {
        transports.extend([Transport::Udp, Transport::Tcp]);
    }
    for transport in transports {
        for family in ["inet", "inet6"] {
            match transport {
                Transport::Tcp => line(out, &format!("network {family} stream,")),
                Transport::Udp => line(out, &format!("network {family} dgram,")),
                Transport::Sctp => line(out, &format!("network {family} seqpacket,")),
                Transport::Icmp => line(out, &format!("network {family} raw,")),
            }
        }
    }
    if network.raw.iter().any(|raw| raw.seen.pending.is_none()) {
        line(out, "network packet,");
        line(out, "network inet raw,");
    }
}

fn programs(out: &mut String, profile: &Profile) {
    let settled = profile.processes.iter().filter(|process| process.seen.pending.is_none());
    let health_check = profile.login.health_check.first().filter(|path| path.starts_with('/'));
    let programs: BTreeSet<&String> =
        settled.map(|process| &process.executable).chain(health_check).collect();
    for program in programs.into_iter().filter(|path| path.starts_with('/')) {
        line(out, &format!("{} mrix,", glob(&Pattern::literal(program))));
    }
}

fn files(out: &mut String, profile: &Profile) {
    let mut permissions: BTreeMap<String, BTreeSet<char>> = BTreeMap::new();
    let settled = |rules: &'_ [FileRule]| -> Vec<FileRule> {
        rules.iter().filter(|rule| rule.seen.pending.is_none()).cloned().collect()
    };
    for rule in settled(&profile.files).iter().chain(&settled(&profile.secrets)) {
        let of_path = permissions.entry(glob(&rule.path)).or_default();
        for operation in &rule.operations {
            of_path.extend(permission(*operation).chars());
        }
    }
    for (path, mut permissions) in permissions {
        // `w` holds `a`, and AppArmor refuses both.
        if permissions.contains(&'w') {
            permissions.remove(&'a');
        }
        line(out, &format!("{path} {},", permissions.into_iter().collect::<String>()));
    }
}

const fn permission(operation: FileOperation) -> &'static str {
    match operation {
        FileOperation::Read => "r",
        FileOperation::Append => "a",
        FileOperation::Write | FileOperation::Connect => "rw",
        FileOperation::Link => "lw",
        FileOperation::Truncate
        | FileOperation::Create
        | FileOperation::Delete
        | FileOperation::Rename
        | FileOperation::Symlink
        | FileOperation::Attributes
        | FileOperation::SetUserId
        | FileOperation::Device => "w",
    }
}

/// A pattern as AppArmor writes it, in quotation marks: its stars mean the same, the rest is escaped.
fn glob(pattern: &Pattern) -> String {
    let mut text = String::from("\"");
    let mut rest = pattern.as_str();
    while let Some(character) = rest.chars().next() {
        let escaped = rest.strip_prefix(r"\x").and_then(|hex| u8::from_str_radix(hex.get(..2)?, 16).ok());
        rest = match escaped {
            Some(b'*') => {
                text.push_str(r"\*");
                &rest[4..]
            }
            Some(byte) => {
                let _ = write!(text, "\\{byte:03o}");
                &rest[4..]
            }
            None => {
                if matches!(character, '?' | '[' | ']' | '{' | '}' | '^' | ',' | '"' | '\\' | '@' | '#') {
                    text.push('\\');
                }
                text.push(character);
                &rest[character.len_utf8()..]
            }
        };
    }
    text.push('"');
    text
}
