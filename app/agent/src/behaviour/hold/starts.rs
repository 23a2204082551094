//! Who starts which program, by a profile: as rules for permission events, which know what a file holds and are asked
//! while the agent runs, and for programs at security hooks, which know where it is and stay when the agent is gone.

use lazaret_model::Dimension;
use lazaret_profile::{Permission, Profile};
use lazaret_sensor::{PathRule, StartRule};

use super::rules::{MOUNTED_NAMES, OTHER_NAMES, mounts, program, renames_files, said};
use super::{Hold, Means, blocks};

/// What of processes is only told.
const BEYOND: &str =
    "of processes, arguments and phases, and what is started in sessions (`docker exec`), are alerted on";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::behaviour) struct Starts {
    pub(in crate::behaviour) rules: Vec<StartRule>,
    /// Whether programs at security hooks are to hold them, too.
    pub(in crate::behaviour) lasts: bool,
    /// Programs may be among them that were made since the container began.
    changed: bool,
}

/// # Errors
/// Why nothing is held, as a fragment.
pub(super) fn put(profile: &Profile, means: Means, hold: &mut Hold) -> Result<(), String> {
    if !means.permission {
        return Err("this kernel asks nobody about programs (fanotify)".to_owned());
    }
    let settled = || profile.processes.iter().filter(|process| process.seen.pending.is_none());
    // The kernel names a script as it was called, and where that was is not known.
    if let Some(process) = settled().find(|process| !process.executable.starts_with('/')) {
        return Err(format!("the profile allows {}, which does not begin at the root", process.executable));
    }
    let held = settled().filter_map(|process| Some((process, program(&process.parent)?)));
    let rules = held.map(|(process, by)| StartRule {
        program: process.executable.clone(),
        by: by.map(str::to_owned),
        digest: process.digest,
    });
    let added = profile.executables.added.iter().any(|added| added.seen.pending.is_none());
    // A file that was merely touched looks as a changed one does: what it holds is asked of permission events.
    let touches = !blocks(profile, Dimension::Files);
    let changed = added || touches || profile.executables.drift != Permission::Deny;
    let mut starts = Starts { rules: rules.collect(), lasts: false, changed };
    let short = match () {
        () if !means.security => Some("this kernel takes no programs at its security hooks".to_owned()),
        () if mounts(profile) => Some(MOUNTED_NAMES.to_owned()),
        () if renames_files(profile) => Some(OTHER_NAMES.to_owned()),
        () => starts.by_place(&[]).err(),
    };
    starts.lasts = short.is_none();
    hold.beyond.push(match short {
        None => BEYOND.to_owned(),
        Some(why) => {
            format!("{BEYOND}; permission events (fanotify) refuse programs, while the agent runs: {why}")
        }
    });
    hold.starts = Some(starts);
    Ok(())
}

impl Starts {
    /// As rules for programs at security hooks. `scripts`: where some are that are called by a link.
    ///
    /// # Errors
    /// They cannot compare one of the names, as a fragment.
    pub(in crate::behaviour) fn by_place(
        &self,
        scripts: &[(String, String)],
    ) -> Result<Vec<PathRule>, String> {
        let mut rules = Vec::with_capacity(self.rules.len());
        for rule in &self.rules {
            let places = scripts.iter().filter(|(name, _)| *name == rule.program).map(|(_, place)| place);
            for place in [&rule.program].into_iter().chain(places) {
                rules.push(PathRule::start(place, rule.by.as_deref(), self.changed).map_err(said)?);
            }
        }
        Ok(rules)
    }
}

#[cfg(test)]
mod tests {
    use lazaret_model::RUNTIME;
    use lazaret_profile::{ANY, Arguments, Executables, Mode, Pending, Process, Seen, Volume};

    use super::*;
    use crate::behaviour::testing::profile;

    const HOOKS: Means = Means { security: true, permission: true, landlock: true, filter: false };
    const EVENTS: Means = Means { security: false, permission: true, landlock: false, filter: false };

    fn process(executable: &str, parent: &str) -> Process {
        Process {
            executable: executable.to_owned(),
            digest: None,
            parent: parent.to_owned(),
            arguments: Arguments::Any,
            seen: Seen::default(),
        }
    }

    fn blocking() -> Profile {
        let mut profile = profile();
        profile.modes.set(Dimension::Processes, Mode::Block);
        let pending =
            Seen { pending: Some(Pending { replicas: 1, of: 3, tainted: false }), ..Seen::default() };
        profile.processes = vec![
            process("/app/serve", RUNTIME),
            process("/bin/sh", "/app/serve"),
            process("/bin/true", ANY),
            Process { seen: pending, ..process("/bin/nc", "/bin/sh") },
        ];
        profile
    }

    #[test]
    fn who_starts_what_is_held_where_the_kernel_asks() {
        let mut profile = blocking();
        for means in [EVENTS, HOOKS] {
            let hold = Hold::of(&profile, means);
            let starts = hold.starts.unwrap();
            let by: Vec<_> =
                starts.rules.iter().map(|rule| (rule.program.as_str(), rule.by.as_deref())).collect();
            // Whom the runtime starts needs no rule.
            assert_eq!(by, [("/bin/sh", Some("/app/serve")), ("/bin/true", None)]);
            assert!(hold.beyond[0].contains("arguments"), "{:?}", hold.beyond);
        }
        let hold = Hold::of(&profile, Means::default());
        assert!(hold.starts.is_none() && hold.beyond[0].starts_with("processes are alerted on"));
        profile.processes.push(process("./run.sh", "/bin/sh"));
        let hold = Hold::of(&profile, EVENTS);
        assert!(hold.starts.is_none() && hold.beyond[0].contains("./run.sh"), "{:?}", hold.beyond);
    }

    #[test]
    fn security_hooks_hold_them_where_names_stay_what_they_are() {
        let profile = blocking();
        assert!(Hold::of(&profile, HOOKS).starts.unwrap().lasts);
        assert!(!Hold::of(&profile, EVENTS).starts.unwrap().lasts);
        let mounting = Volume { target: "/mnt".to_owned(), seen: Seen::default() };
        let hold = Hold::of(&Profile { volumes: vec![mounting], ..profile.clone() }, HOOKS);
        assert!(!hold.starts.unwrap().lasts && hold.beyond[0].contains("mounts"), "{:?}", hold.beyond);
        let mut long = profile;
        long.processes.push(process(&format!("/{}", "x".repeat(300)), "/bin/sh"));
        assert!(!Hold::of(&long, HOOKS).starts.unwrap().lasts);
    }

    #[test]
    fn scripts_are_held_by_where_they_are_too() {
        let mut profile = blocking();
        profile.executables.drift = Permission::Deny;
        profile.modes.set(Dimension::Files, Mode::Block);
        let starts = Hold::of(&profile, HOOKS).starts.unwrap();
        let scripts = [("/bin/sh".to_owned(), "/usr/bin/dash".to_owned())];
        let rule = |program: &str, by: Option<&str>| PathRule::start(program, by, false).unwrap();
        assert_eq!(
            starts.by_place(&scripts).unwrap(),
            [
                rule("/bin/sh", Some("/app/serve")),
                rule("/usr/bin/dash", Some("/app/serve")),
                rule("/bin/true", None)
            ]
        );
        let accepts_changed = |profile: &Profile| {
            let starts = Hold::of(profile, HOOKS).starts.unwrap();
            starts.by_place(&[]).unwrap().contains(&PathRule::start("/bin/true", None, true).unwrap())
        };
        assert!(!accepts_changed(&profile));
        let drifts = Executables { drift: Permission::Allow, ..profile.executables.clone() };
        assert!(accepts_changed(&Profile { executables: drifts, ..profile.clone() }));
        profile.modes.set(Dimension::Files, Mode::Alert);
        assert!(accepts_changed(&profile), "who may touch files may touch programs");
    }
}
