//! Files, secrets and users of a profile, as rules of the kernel programs at security hooks.
//!
//! The kernel must not refuse what the profile allows. What it cannot tell as exactly (phases, whether a file that
//! grows is a log) it allows, and the agent tells it as for every kernel.

use lazaret_model::{Dimension, FileOperation, KernelOperation, RUNTIME};
use lazaret_profile::learn::{STREAMING, STREAMS};
use lazaret_profile::{ANY, FileRule, Profile, User};
use lazaret_sensor::{HeldPolicy, PathRule, RuleError, UserRule};

use super::blocks;

/// What can be held, and the sentences about what cannot behind those that are there.
pub(super) fn of(profile: &Profile, security: bool, mut beyond: Vec<String>) -> (HeldPolicy, Vec<String>) {
    let mut held = HeldPolicy::default();
    for dimension in [Dimension::Files, Dimension::Secrets, Dimension::Users] {
        if !blocks(profile, dimension) {
            continue;
        }
        if let Err(why) = hold(profile, security, dimension, &mut held) {
            beyond.push(format!("{} are alerted on: {why}", dimension.name()));
        }
    }
    (held, beyond)
}

fn hold(
    profile: &Profile,
    security: bool,
    dimension: Dimension,
    held: &mut HeldPolicy,
) -> Result<(), String> {
    if !security {
        return Err("this kernel takes no programs at its security hooks".to_owned());
    }
    match dimension {
        Dimension::Users => held.users = Some(users(&profile.users).map_err(said)?),
        _ if renames_files(profile) => {
            let why = "the profile allows new roots or namespaces, in which files have other names";
            return Err(why.to_owned());
        }
        Dimension::Secrets => held.secrets = Some(files(&profile.secrets).map_err(said)?),
        _ => {
            let mut rules = files(&profile.files).map_err(said)?;
            for stream in STREAMS {
                rules.push(PathRule::new(stream, None, STREAMING).map_err(said)?);
            }
            held.files = Some(rules);
        }
    }
    Ok(())
}

fn said(problem: RuleError) -> String {
    format!("the kernel programs cannot be told of a rule: {problem}")
}

fn renames_files(profile: &Profile) -> bool {
    [KernelOperation::ChangeRoot, KernelOperation::Namespace, KernelOperation::UserNamespace]
        .iter()
        .any(|operation| profile.kernel.contains(operation))
}

/// `None`: any program. The runtime is not held.
fn program(by: &str) -> Option<Option<&str>> {
    match by {
        RUNTIME => None,
        ANY => Some(None),
        by => Some(Some(by)),
    }
}

fn files(rules: &[FileRule]) -> Result<Vec<PathRule>, RuleError> {
    let settled = rules.iter().filter(|rule| rule.seen.pending.is_none());
    let held = settled.filter_map(|rule| Some((rule, program(&rule.by)?)));
    held.map(|(rule, by)| PathRule::new(rule.path.as_str(), by, &operations(rule))).collect()
}

/// Whoever makes a file finds it there the next time; whoever cuts one opens it for writing.
fn operations(rule: &FileRule) -> Vec<FileOperation> {
    use FileOperation::{Append, Create, Truncate, Write};
    let mut operations = rule.operations.clone();
    let path = rule.path.as_str();
    let is_log = path.starts_with("/var/log/") || path.ends_with(".log") || path.ends_with("_history");
    if operations.contains(&Create) {
        operations.extend([Write, Append]);
        operations.extend((!is_log).then_some(Truncate));
    }
    if operations.contains(&Truncate) {
        operations.push(Write);
    }
    operations
}

fn users(users: &[User]) -> Result<Vec<UserRule>, RuleError> {
    let settled = users.iter().filter(|user| user.seen.pending.is_none());
    let held = settled.filter_map(|user| Some((user.uid, program(&user.by)?)));
    held.map(|(uid, by)| UserRule::new(uid, by)).collect()
}

#[cfg(test)]
mod tests {
    use lazaret_profile::{Mode, Pattern, Seen};

    use super::*;
    use crate::behaviour::testing::profile;

    fn blocking(dimension: Dimension) -> Profile {
        let mut profile = profile();
        profile.modes.set(dimension, Mode::Block);
        profile
    }

    fn rule(path: &str, by: &str, operations: &[FileOperation]) -> FileRule {
        FileRule {
            path: Pattern::parse(path).unwrap(),
            by: by.to_owned(),
            operations: operations.to_vec(),
            seen: Seen::default(),
        }
    }

    #[test]
    fn what_blocks_is_held_and_what_cannot_be_is_said() {
        assert_eq!(of(&profile(), true, Vec::new()), (HeldPolicy::default(), Vec::new()));
        for (dimension, has) in [
            (Dimension::Files, HeldPolicy { files: Some(Vec::new()), ..HeldPolicy::default() }),
            (Dimension::Secrets, HeldPolicy { secrets: Some(Vec::new()), ..HeldPolicy::default() }),
        ] {
            let profile = blocking(dimension);
            let (held, beyond) = of(&profile, true, Vec::new());
            assert_eq!(held.files.is_some(), has.files.is_some());
            assert_eq!(held.secrets.is_some(), has.secrets.is_some());
            assert!(beyond.is_empty());
            let (held, beyond) = of(&profile, false, Vec::new());
            assert!(held.is_nothing() && beyond[0].starts_with(dimension.name()));
            let roots = Profile { kernel: vec![KernelOperation::ChangeRoot], ..profile };
            assert!(of(&roots, true, Vec::new()).0.is_nothing());
        }
    }

    #[test]
    fn a_rule_that_the_kernel_cannot_compare_holds_nobody() {
        let mut profile = blocking(Dimension::Files);
        profile.files = vec![rule(&format!("/{}", "x".repeat(300)), "/p", &[FileOperation::Read])];
        let (held, beyond) = of(&profile, true, Vec::new());
        assert!(held.is_nothing() && beyond.len() == 1, "{beyond:?}");
        profile.files = vec![rule("/x", RUNTIME, &[FileOperation::Read])];
        let (held, _) = of(&profile, true, Vec::new());
        assert_eq!(held.files.map(|rules| rules.len()), Some(STREAMS.len()));
    }

    #[test]
    fn who_makes_a_file_may_write_it_but_not_empty_a_log() {
        use FileOperation::{Append, Create, Truncate, Write};
        assert_eq!(operations(&rule("/a", "*", &[Create])), [Create, Write, Append, Truncate, Write]);
        assert_eq!(operations(&rule("/a.log", "*", &[Create])), [Create, Write, Append]);
        assert_eq!(operations(&rule("/a", "*", &[Append])), [Append]);
    }
}
