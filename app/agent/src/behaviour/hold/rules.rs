//! Programs, files, secrets and users of a profile, as rules of what refuses the rest: permission events for who starts
//! what, kernel programs at security hooks for the others; of secrets also where there are none.
//!
//! The kernel must not refuse what the profile allows. What it cannot tell as exactly (phases, whether a file that
//! grows is a log) it allows, and the agent tells it as for every kernel.

use lazaret_model::{Dimension, FileOperation, KernelOperation, RUNTIME};
use lazaret_profile::learn::{STREAMING, STREAMS};
use lazaret_profile::{ANY, FileRule, Profile, User};
use lazaret_sensor::{PathRule, RuleError, UserRule};

use super::{Hold, Means, blocks, domain, starts};

/// What permission events do not see of secrets.
const BEYOND_EVENTS: &str = "of secrets, environment and memory of processes, what is made elsewhere than in a directory of \
                             secrets, and all changes but by opening are alerted on: this kernel takes no programs at its \
                             security hooks, and permission events (fanotify) refuse to open only, while the agent runs";

/// What can be held is put into `hold`, with a sentence for what cannot.
pub(super) fn put(profile: &Profile, means: Means, hold: &mut Hold) {
    for dimension in [Dimension::Processes, Dimension::Files, Dimension::Secrets, Dimension::Users] {
        if !blocks(profile, dimension) {
            continue;
        }
        if let Err(why) = held(profile, means, dimension, hold) {
            hold.beyond.push(format!("{} are alerted on: {why}", dimension.name()));
        }
    }
}

fn held(profile: &Profile, means: Means, dimension: Dimension, hold: &mut Hold) -> Result<(), String> {
    if dimension == Dimension::Processes {
        return starts::put(profile, means, hold);
    }
    let by_events = !means.security && means.permission && dimension == Dimension::Secrets;
    if !means.security && means.landlock && dimension == Dimension::Files {
        return domain::put(profile, means, hold);
    }
    if !(means.security || by_events) {
        return Err("this kernel takes no programs at its security hooks".to_owned());
    }
    match dimension {
        Dimension::Users => hold.held.users = Some(users(&profile.users).map_err(said)?),
        _ if renames_files(profile) => return Err(OTHER_NAMES.to_owned()),
        Dimension::Secrets if by_events => {
            if mounts(profile) {
                return Err(MOUNTED_NAMES.to_owned());
            }
            hold.secrets = Some(files(&profile.secrets).map_err(said)?);
            hold.beyond.push(BEYOND_EVENTS.to_owned());
        }
        Dimension::Secrets => hold.held.secrets = Some(files(&profile.secrets).map_err(said)?),
        _ => {
            let mut rules = files(&profile.files).map_err(said)?;
            for stream in STREAMS {
                rules.push(PathRule::new(stream, None, STREAMING).map_err(said)?);
            }
            hold.held.files = Some(rules);
        }
    }
    Ok(())
}

pub(super) fn said(problem: RuleError) -> String {
    format!("the kernel programs cannot be told of a rule: {problem}")
}

pub(super) const MOUNTED_NAMES: &str = "the profile allows mounts, which give files other names";
pub(super) const OTHER_NAMES: &str =
    "the profile allows new roots or namespaces, in which files have other names";

pub(super) fn mounts(profile: &Profile) -> bool {
    profile.volumes.iter().any(|volume| volume.seen.pending.is_none())
}

pub(super) fn renames_files(profile: &Profile) -> bool {
    [KernelOperation::ChangeRoot, KernelOperation::Namespace, KernelOperation::UserNamespace]
        .iter()
        .any(|operation| profile.kernel.contains(operation))
}

/// `None`: any program. The runtime is not held.
pub(super) fn program(by: &str) -> Option<Option<&str>> {
    match by {
        RUNTIME => None,
        ANY => Some(None),
        by => Some(Some(by)),
    }
}

pub(super) fn files(rules: &[FileRule]) -> Result<Vec<PathRule>, RuleError> {
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
    use lazaret_profile::{Mode, Pattern, Seen, Volume};
    use lazaret_sensor::{Deadly, HeldPolicy};

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

    const HOOKS: Means = Means { security: true, permission: true, landlock: true, filter: false };
    const EVENTS: Means = Means { security: false, permission: true, landlock: false, filter: false };

    fn of(profile: &Profile, means: Means) -> Hold {
        let mut hold = Hold::default();
        put(profile, means, &mut hold);
        hold
    }

    #[test]
    fn what_blocks_is_held_and_what_cannot_be_is_said() {
        assert_eq!(of(&profile(), HOOKS), Hold::default());
        for dimension in [Dimension::Files, Dimension::Secrets] {
            let profile = blocking(dimension);
            let hold = of(&profile, HOOKS);
            assert_eq!(hold.held.files.is_some(), dimension == Dimension::Files);
            assert_eq!(hold.held.secrets.is_some(), dimension == Dimension::Secrets);
            assert!(hold.beyond.is_empty() && hold.secrets.is_none());
            let hold = of(&profile, Means::default());
            assert!(hold.is_nothing() && hold.beyond[0].starts_with(dimension.name()));
            let roots = Profile { kernel: vec![KernelOperation::ChangeRoot], ..profile };
            assert!(of(&roots, HOOKS).is_nothing() && of(&roots, EVENTS).is_nothing());
        }
    }

    #[test]
    fn secrets_are_held_by_permission_events_where_there_is_nothing_better() {
        let mut profile = blocking(Dimension::Secrets);
        profile.secrets = vec![rule("/run/secrets/a", "/p", &[FileOperation::Read])];
        let hold = of(&profile, EVENTS);
        let expected = PathRule::new("/run/secrets/a", Some("/p"), &[FileOperation::Read]).unwrap();
        assert_eq!((hold.secrets, hold.held), (Some(vec![expected]), HeldPolicy::default()));
        assert!(hold.beyond[0].contains("environment"), "{:?}", hold.beyond);
        assert!(Hold::of(&profile, EVENTS).deadly.ends_with(&[Deadly::Mount, Deadly::NewNamespace]));
        assert!(!Hold::of(&profile, HOOKS).deadly.contains(&Deadly::Mount));
        assert!(of(&blocking(Dimension::Files), EVENTS).is_nothing());
        profile.volumes = vec![Volume { target: "/mnt".to_owned(), seen: Seen::default() }];
        assert!(of(&profile, EVENTS).is_nothing());
    }

    #[test]
    fn a_rule_that_the_kernel_cannot_compare_holds_nobody() {
        let mut profile = blocking(Dimension::Files);
        profile.files = vec![rule(&format!("/{}", "x".repeat(300)), "/p", &[FileOperation::Read])];
        let hold = of(&profile, HOOKS);
        assert!(hold.is_nothing() && hold.beyond.len() == 1, "{:?}", hold.beyond);
        profile.files = vec![rule("/x", RUNTIME, &[FileOperation::Read])];
        assert_eq!(of(&profile, HOOKS).held.files.map(|rules| rules.len()), Some(STREAMS.len()));
    }

    #[test]
    fn who_makes_a_file_may_write_it_but_not_empty_a_log() {
        use FileOperation::{Append, Create, Truncate, Write};
        assert_eq!(operations(&rule("/a", "*", &[Create])), [Create, Write, Append, Truncate, Write]);
        assert_eq!(operations(&rule("/a.log", "*", &[Create])), [Create, Write, Append]);
        assert_eq!(operations(&rule("/a", "*", &[Append])), [Append]);
    }
}
