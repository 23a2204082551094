//! Every key of a policy file, as one table: the parser takes the allowed keys from it, the reference its text.

use std::fmt::Write;

use crate::operation::ENGINE;

/// One key of a policy file.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Where the key stands: `scan.vulnerability`; empty for the top.
    pub section: &'static str,
    pub key: &'static str,
    /// What may be written after it.
    pub values: &'static str,
    /// What holds when it is absent.
    pub default: &'static str,
    pub meaning: &'static str,
}

const fn rule(
    section: &'static str,
    key: &'static str,
    values: &'static str,
    default: &'static str,
    meaning: &'static str,
) -> Rule {
    Rule { section, key, values, default, meaning }
}

pub const RULES: &[Rule] = &[
    rule(
        "",
        "stages",
        "list",
        "no stage: nothing can be promoted or run",
        "The way to production, first stage first. An item is a name (then everything is required) or `name: {…}`.",
    ),
    rule(
        "",
        "scan",
        "list",
        "no image passes",
        "What a scan must show. Every rule must hold; `scan: []` lets every image pass.",
    ),
    rule(
        "",
        "exceptions",
        "list",
        "none",
        "Vulnerabilities that are accepted for a time, each with somebody who answers for it.",
    ),
    rule("", "run", "mapping", "see there", "What a container may ask of its host."),
    rule(
        "",
        "engine",
        "mapping",
        "see there",
        "What callers may ask of the engine besides creating and starting containers.",
    ),
    rule(
        "stages",
        "requires",
        "list of signature, sbom, scan-passed, previous-stage",
        "all four",
        "What must be proven of an image before it may be in this stage.",
    ),
    rule(
        "stages",
        "promotion-valid-for",
        "duration",
        "for ever",
        "How long after its promotion an image may still be started here.",
    ),
    rule("scan", "id", "word", "mandatory", "Name of the rule in verdicts."),
    rule(
        "scan",
        "vulnerability",
        "mapping",
        "",
        "Refuses images with findings that meet all of the given conditions.",
    ),
    rule("scan", "package", "mapping", "", "Refuses images with packages that must not be there."),
    rule("scan", "incomplete", "refuse", "", "Refuses images of which something could not be read."),
    rule("scan", "user", "mapping", "", "Refuses images whose own user is root."),
    rule("scan", "database", "mapping", "", "Refuses verdicts made with old knowledge."),
    rule("scan", "distribution", "mapping", "", "Refuses images of other distributions than those named."),
    rule(
        "scan.vulnerability",
        "fixable",
        "true, false",
        "both",
        "Whether a version without the vulnerability exists.",
    ),
    rule(
        "scan.vulnerability",
        "severity-at-least",
        "none, low, medium, high, critical",
        "any",
        "How bad at least. Unrated findings count as bad.",
    ),
    rule(
        "scan.vulnerability",
        "unrated",
        "refuse, ignore",
        "refuse",
        "`ignore` leaves findings without a rating out of `severity-at-least`.",
    ),
    rule(
        "scan.vulnerability",
        "fixed-for",
        "duration",
        "any",
        "How long the fix has been published at least. An unknown date counts as long ago.",
    ),
    rule(
        "scan.vulnerability",
        "ids",
        "list of names with * and ?",
        "any",
        "Only these vulnerabilities, by any of their names.",
    ),
    rule(
        "scan.vulnerability",
        "packages",
        "list of names with * and ?",
        "any",
        "Only these packages, by binary or source name.",
    ),
    rule("scan.vulnerability", "allow", "number", "0", "How many such findings are let through."),
    rule(
        "scan.package",
        "forbid",
        "list of names with * and ?",
        "mandatory",
        "Packages that must not be there, by binary or source name.",
    ),
    rule(
        "scan.user",
        "root",
        "refuse",
        "mandatory",
        "Refuses images that say nothing or `root` as their user.",
    ),
    rule(
        "scan.database",
        "older-than",
        "duration",
        "mandatory",
        "Refuses when the advisory database was built longer ago.",
    ),
    rule(
        "scan.distribution",
        "only",
        "list such as debian:12, with * and ?",
        "mandatory",
        "Distributions that images may be made of.",
    ),
    rule(
        "exceptions",
        "id",
        "vulnerability",
        "mandatory",
        "Name of the vulnerability, such as CVE-2026-1234.",
    ),
    rule(
        "exceptions",
        "packages",
        "list of names with * and ?",
        "every package",
        "Only in these packages, by binary or source name.",
    ),
    rule("exceptions", "reason", "text", "mandatory", "Why it does no harm here."),
    rule("exceptions", "owner", "text", "mandatory", "Who answers for it."),
    rule(
        "exceptions",
        "expires",
        "date such as 2026-12-31",
        "mandatory",
        "The last day, in UTC, on which the exception counts.",
    ),
    rule("run", "privileged", "refuse, allow", "refuse", "Containers with every right on the host."),
    rule("run", "users", "mapping", "root: refuse", "Users that the first process may have."),
    rule(
        "run",
        "host-namespaces",
        "refuse, allow, {allow: [pid, ipc, network, uts, user, cgroup, mount]}",
        "refuse",
        "Namespaces shared with the host.",
    ),
    rule("run", "devices", "refuse, allow, {allow: [paths with * and ?]}", "refuse", "Devices of the host."),
    rule(
        "run",
        "capabilities",
        "refuse, allow, {allow: [names]}",
        "refuse",
        "Capabilities beyond the engine's default set.",
    ),
    rule(
        "run",
        "bind-mounts",
        "refuse, allow, {allow: [paths], allow-read-only: [paths]}",
        "refuse",
        "Paths of the host, each with all below it.",
    ),
    rule(
        "run",
        "volumes",
        "refuse, allow, {allow: [names with * and ?]}",
        "allow",
        "Volumes that the engine manages.",
    ),
    rule(
        "run",
        "published-ports",
        "refuse, allow, {allow: [ports and ranges]}",
        "allow",
        "Ports of the host that lead to the container.",
    ),
    rule(
        "run",
        "weakened",
        "refuse, allow, {allow: [words with * and ?]}",
        "refuse",
        "Protections switched off, in the words of the refusal: `seccomp profile unconfined`.",
    ),
    rule("run", "sysctls", "refuse, allow, {allow: [names with * and ?]}", "refuse", "Kernel settings."),
    rule(
        "run",
        "escapes",
        "refuse, allow, {allow: [words with * and ?]}",
        "refuse",
        "Other ways out of the engine's configuration, in the words of the refusal: `runtime kata`.",
    ),
    rule("run.users", "root", "refuse, allow", "refuse", "Whether the first process may be root."),
    rule("run.bind-mounts", "allow", "list of absolute paths", "none", "Paths that may be bound."),
    rule(
        "run.bind-mounts",
        "allow-read-only",
        "list of absolute paths",
        "none",
        "Paths that may be bound for reading.",
    ),
];

/// The keys that may stand in a section, in the order of the table.
pub(crate) fn keys(section: &str) -> Vec<&'static str> {
    if section == "engine" {
        return ENGINE.iter().map(|group| group.key).collect();
    }
    RULES.iter().filter(|rule| rule.section == section).map(|rule| rule.key).collect()
}

/// The reference of the file format, as Markdown tables.
pub fn reference() -> String {
    let mut text = String::new();
    let mut section = None;
    for rule in RULES {
        if section != Some(rule.section) {
            section = Some(rule.section);
            let title = if rule.section.is_empty() {
                "The file".to_owned()
            } else {
                format!("`{}:`", rule.section.replace('.', ": "))
            };
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                "\n### {title}\n\n| key | values | when absent | meaning |\n|---|---|---|---|\n"
            );
        }
        let _ = writeln!(text, "| `{}` | {} | {} | {} |", rule.key, rule.values, rule.default, rule.meaning);
    }
    text.push_str("\n### `engine:`\n\nEach key takes `refuse`, `allow` or `{allow: [actions]}`.\n\n");
    text.push_str("| key | actions | when absent | meaning |\n|---|---|---|---|\n");
    for group in ENGINE {
        let actions: Vec<&str> = group.actions.iter().map(|action| action.name()).collect();
        let default = if group.allowed { "allow" } else { "refuse" };
        let _ =
            writeln!(text, "| `{}` | {} | {default} | {} |", group.key, actions.join(", "), group.meaning);
    }
    text.trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use lazaret_model::EngineAction;

    use super::*;

    #[test]
    fn every_action_has_one_key() {
        for action in EngineAction::ALL {
            let keys: Vec<&str> =
                ENGINE.iter().filter(|group| group.actions.contains(action)).map(|group| group.key).collect();
            assert_eq!(keys.len(), 1, "{action:?}: {keys:?}");
        }
    }

    #[test]
    fn the_default_policy_shows_every_key() {
        let text = crate::Policy::default_text();
        let shown =
            RULES.iter().filter(|rule| !rule.section.is_empty()).map(|rule| rule.key).chain(keys("engine"));
        for key in shown {
            assert!(text.contains(&format!("{key}:")), "`{key}` is not in the default policy");
        }
    }

    #[test]
    fn the_reference_names_every_key() {
        let text = reference();
        assert!(text.starts_with("### The file"));
        for rule in RULES {
            assert!(text.contains(&format!("| `{}` |", rule.key)), "{}", rule.key);
        }
    }
}
