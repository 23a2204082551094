//! Files of a profile, as a container can hold itself to them (Landlock), where the kernel takes no programs at its
//! security hooks.

use lazaret_model::{Dimension, KernelOperation};
use lazaret_profile::learn::{STREAMING, STREAMS};
use lazaret_profile::{ANY, Profile};
use lazaret_sensor::{Domain, PathRule};

use super::rules::{files, said};
use super::{Hold, Means, blocks, changes_attributes};

/// What Landlock does not see of files.
const BEYOND: &str = "what another program changes where one may, and what comes in from outside (`docker exec`) are alerted \
                      on: Landlock knows places alone, of the container's own processes, from its next start on";
const ATTRIBUTES: &str = "of files, mode, owner, times and attributes are alerted on";
/// Places that are named to people.
const MOST_NAMED: usize = 8;

/// Puts where files may be changed into `hold`, with sentences for what that is not.
pub(super) fn put(profile: &Profile, means: Means, hold: &mut Hold) -> Result<(), String> {
    if let Some(program) = set_user_id(profile) {
        return Err(format!(
            "the profile needs {program} to give another user's rights, and who holds himself to something (Landlock) \
             gets none"
        ));
    }
    if profile.volumes.iter().any(|volume| volume.seen.pending.is_none()) {
        return Err(
            "the profile allows mounts, and who holds himself to something (Landlock) makes none".to_owned()
        );
    }
    let renames = [KernelOperation::Namespace, KernelOperation::UserNamespace];
    if renames.iter().any(|operation| profile.kernel.contains(operation)) {
        return Err("the profile allows namespaces, whose makers mount, and who holds himself to something (Landlock) \
                    makes no mounts"
            .to_owned());
    }
    if profile.kernel.contains(&KernelOperation::IoUring) {
        return Err("the profile allows io_uring, by which overlayfs empties files past Landlock".to_owned());
    }
    let mut rules = files(&profile.files).map_err(said)?;
    // Landlock does not tell them from other files.
    rules.extend(files(&profile.secrets).map_err(said)?);
    let wide = rules.clone();
    for stream in STREAMS {
        rules.push(PathRule::new(stream, None, STREAMING).map_err(said)?);
    }
    let domain = Domain::of(&rules).map_err(|problem| problem.to_string())?;
    hold.beyond.push(format!("of files, {BEYOND}"));
    if !means.filter {
        hold.beyond.push(format!("{ATTRIBUTES}: no filter of system calls works here"));
    } else if changes_attributes(profile) {
        hold.beyond.push(format!(
            "{ATTRIBUTES}: the profile names some, and a filter of system calls knows no files"
        ));
    }
    let wide = domain.wider_than(&wide);
    if !wide.is_empty() {
        let named = wide.iter().take(MOST_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = wide.len().saturating_sub(MOST_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        hold.beyond.push(format!(
            "all that is in {named}{more} can be changed, though the profile names some files there: the rest is alerted on"
        ));
    }
    if !blocks(profile, Dimension::Secrets) {
        hold.beyond.push("changes of secrets are refused as those of other files are".to_owned());
    }
    hold.domain = Some(domain);
    Ok(())
}

/// A program of the image that gives another user's rights, and that something in the profile needs for it.
fn set_user_id(profile: &Profile) -> Option<&str> {
    let gives = |path: &str| profile.executables.set_user_id.iter().any(|known| known == path);
    let settled = profile.processes.iter().filter(|process| process.seen.pending.is_none());
    let mut run = settled.map(|process| process.executable.as_str());
    let users = profile.users.iter().filter(|user| user.seen.pending.is_none() && user.by != ANY);
    run.find(|path| gives(path)).or_else(|| users.map(|user| user.by.as_str()).find(|path| gives(path)))
}

#[cfg(test)]
mod tests {
    use lazaret_model::FileOperation;
    use lazaret_profile::{Arguments, Mode, Pattern, Process, Seen, Volume};

    use super::*;
    use crate::behaviour::testing::profile;

    const LANDLOCK: Means = Means { security: false, permission: true, landlock: true, filter: true };

    fn blocking(paths: &[&str]) -> Profile {
        let mut profile = profile();
        profile.modes.set(Dimension::Files, Mode::Block);
        let rule = |path: &&str| lazaret_profile::FileRule {
            path: Pattern::parse(path).unwrap(),
            by: "/app/serve".to_owned(),
            operations: vec![FileOperation::Create],
            seen: Seen::default(),
        };
        profile.files = paths.iter().map(rule).collect();
        profile
    }

    #[test]
    fn files_are_held_by_the_container_itself_where_nothing_better_does() {
        let profile = blocking(&["/var/lib/app/**", "/tmp/*"]);
        let hold = Hold::of(&profile, LANDLOCK);
        let domain = hold.domain.clone().unwrap();
        for (path, allowed) in [
            ("/var/lib/app/x/y", true),
            ("/tmp/x", true),
            ("/dev/null", true),
            ("/etc/x", false),
            ("/dev/sda", false),
        ] {
            assert_eq!(domain.allows(path, FileOperation::Write), allowed, "{path}");
        }
        assert!(!hold.is_nothing() && hold.held.files.is_none());
        let said = hold.beyond.join("\n");
        assert!(said.contains("all that is in /tmp can") && said.contains("docker exec"), "{said}");
        assert!(said.contains("secrets are refused"), "{said}");
        let hooks = Hold::of(&profile, Means { security: true, ..LANDLOCK });
        assert!(hooks.domain.is_none() && hooks.held.files.is_some());
        assert!(Hold::of(&profile, Means { landlock: false, ..LANDLOCK }).domain.is_none());
    }

    #[test]
    fn whoever_would_lose_more_than_that_is_told_and_not_held() {
        let setuid = || {
            let mut profile = blocking(&[]);
            profile.executables.set_user_id = vec!["/usr/bin/sudo".to_owned()];
            profile
        };
        assert!(Hold::of(&setuid(), LANDLOCK).domain.is_some(), "nobody uses it");
        let mut used = setuid();
        used.processes = vec![Process {
            executable: "/usr/bin/sudo".to_owned(),
            digest: None,
            parent: "/app/serve".to_owned(),
            arguments: Arguments::Any,
            seen: Seen::default(),
        }];
        let mut mounts = blocking(&[]);
        mounts.volumes = vec![Volume { target: "/mnt".to_owned(), seen: Seen::default() }];
        let mut namespaces = blocking(&[]);
        namespaces.kernel = vec![KernelOperation::Namespace];
        let mut rings = blocking(&[]);
        rings.kernel = vec![KernelOperation::IoUring];
        for (profile, word) in [
            (rings, "io_uring"),
            (used, "/usr/bin/sudo"),
            (mounts, "mounts"),
            (namespaces, "namespaces"),
            (blocking(&["/x"]), "root directory"),
        ] {
            let hold = Hold::of(&profile, LANDLOCK);
            assert!(hold.domain.is_none());
            assert!(
                hold.beyond.iter().any(|why| why.starts_with("files are") && why.contains(word)),
                "{:?}",
                hold.beyond
            );
        }
    }
}
