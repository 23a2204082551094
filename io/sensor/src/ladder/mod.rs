//! What keeps a container from doing what it may not, best first, for each kind of thing; and what of it works here.
//!
//! A kernel may list a mechanism and refuse it, so each is tried: something harmless that is not allowed is done in
//! a container of our own, and what became of it is the answer.

mod opening;
mod trial;

use std::fmt;

use lazaret_model::Dimension;

use crate::confine::{Deadly, NetworkPolicy};
use crate::held::{HeldPolicy, SecretPlace};
use crate::probe;
use crate::sensor::Sensor;
use crate::{domain, filter};
use trial::{Act, End, Trial};

/// A mechanism of the kernel that enforces, or the last resort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rung {
    /// Programs at the kernel's own security hooks: the caller gets EPERM.
    BpfLsm,
    /// Permission events: the caller gets EPERM.
    Fanotify,
    /// A container's first process has given up rights for itself and all that descend from it: the caller gets EACCES.
    Landlock,
    /// A filter of system calls, which the runtime puts before a container's first process: the caller gets EPERM.
    Seccomp,
    /// Programs on the control group: the caller gets EPERM.
    CgroupBpf,
    /// SIGKILL before the process goes on.
    BpfKill,
    /// It happens and is told.
    Alert,
}

impl Rung {
    pub const ALL: &[Self] = &[
        Self::BpfLsm,
        Self::Fanotify,
        Self::Landlock,
        Self::Seccomp,
        Self::CgroupBpf,
        Self::BpfKill,
        Self::Alert,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::BpfLsm => "bpf-lsm",
            Self::Fanotify => "fanotify",
            Self::Landlock => "landlock",
            Self::Seccomp => "seccomp",
            Self::CgroupBpf => "cgroup-bpf",
            Self::BpfKill => "bpf-kill",
            Self::Alert => "alert",
        }
    }
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a rung is worth on this host. The texts are for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It was tried and did it.
    Works(String),
    /// It was tried and did not, or could not be.
    Fails(String),
    /// The kernel may have it, but nothing here uses it.
    Unused(String),
}

/// One kind of thing that is held to a profile, with the rungs for it from the best to the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stair {
    pub dimension: Dimension,
    /// What exactly, in words for people.
    pub what: &'static str,
    /// Whether what is refused has had no effect; otherwise the process ends after its first forbidden act.
    pub prevents: bool,
    pub rungs: Vec<(Rung, Standing)>,
}

impl Stair {
    /// What enforces here.
    pub fn enforcing(&self) -> Rung {
        let works = |(rung, standing): &&(Rung, Standing)| {
            matches!(standing, Standing::Works(_)) && *rung != Rung::Alert
        };
        self.rungs.iter().find(works).map_or(Rung::Alert, |(rung, _)| *rung)
    }
}

/// Tries everything, in part of a second. Leaves nothing behind.
pub(crate) fn climb(sensor: &Sensor) -> Vec<Stair> {
    let fanotify = match probe::refuses_foreign(sensor) {
        Ok(()) => Standing::Works("a program that is not allowed was refused, an allowed one ran".to_owned()),
        Err(why) => Standing::Fails(why),
    };
    let opening = match opening::refuses(sensor) {
        Ok(()) => {
            Standing::Works("a secret was refused, another one opened; only while the agent runs".to_owned())
        }
        Err(why) => Standing::Fails(why),
    };
    let mut trial = Trial::new();
    let mut deadly = |act, deadly| {
        let end =
            trial.run(act, |group| sensor.make_deadly(group, &[deadly]), |group| sensor.release_group(group));
        ended(sensor.security(), end)
    };
    let (memory_refused, memory) = deadly(Act::ExecuteMemory, Deadly::ExecuteMemory);
    let (code_refused, code) = deadly(Act::LoadMemory, Deadly::LoadMemory);
    let (kernel_refused, kernel) = deadly(Act::NewNamespace, Deadly::NewNamespace);
    let mut held = |act, policy: HeldPolicy| {
        let named = || sensor.name_secrets(&[SecretPlace::OfProcess("/environ")]);
        let hold = |group| named().and_then(|()| sensor.hold(group, &policy));
        refused(trial.run(act, hold, |group| sensor.release_group(group)))
    };
    let files = held(Act::WriteNothing, HeldPolicy { files: Some(Vec::new()), ..HeldPolicy::default() });
    let secrets =
        held(Act::ReadEnvironment, HeldPolicy { secrets: Some(Vec::new()), ..HeldPolicy::default() });
    // A program that no rule names: without a file it has no name at all.
    let starts = held(Act::ExecuteMemory, HeldPolicy { starts: Some(Vec::new()), ..HeldPolicy::default() });
    let users = held(Act::BecomeNobody, HeldPolicy { users: Some(Vec::new()), ..HeldPolicy::default() });
    let nobody = NetworkPolicy { peers: Some(Vec::new()), ports: None };
    let connect = trial.run(
        Act::Connect,
        |group| sensor.confine_network(group, &nobody),
        |group| sensor.release_group(group),
    );
    let connect = refused(connect);
    let lsm = |standing: &Standing| (Rung::BpfLsm, standing.clone());
    let whole = || {
        let why = "programs at security hooks go by where a file is; what it holds is asked of fanotify";
        match sensor.security() {
            Ok(()) => (Rung::BpfLsm, Standing::Unused(why.to_owned())),
            Err(why) => (Rung::BpfLsm, Standing::Fails(why.to_owned())),
        }
    };
    let landlock = || (Rung::Landlock, landlock());
    let alert = || match sensor.observation() {
        Ok(()) => (Rung::Alert, Standing::Works("the kernel took the programs that see it".to_owned())),
        Err(why) => (Rung::Alert, Standing::Fails(why.to_owned())),
    };
    let stair = |dimension, what, prevents, rungs| Stair { dimension, what, prevents, rungs };
    vec![
        stair(
            Dimension::Executables,
            "programs that the image did not bring",
            true,
            // By where the file is, not by what it holds: where contents cannot be asked for.
            vec![
                whole(),
                (Rung::Fanotify, fanotify.clone()),
                landlock(),
                (Rung::BpfKill, memory.clone()),
                alert(),
            ],
        ),
        stair(
            Dimension::Processes,
            "programs that a profile does not let another one start",
            true,
            vec![lsm(&starts), (Rung::Fanotify, fanotify), landlock(), alert()],
        ),
        stair(
            Dimension::Executables,
            "programs without a file",
            true,
            vec![lsm(&memory_refused), landlock(), (Rung::BpfKill, memory), alert()],
        ),
        stair(
            Dimension::Libraries,
            "libraries from outside the image, and programs given to a loader",
            true,
            vec![lsm(&code_refused), landlock(), (Rung::BpfKill, code), alert()],
        ),
        stair(
            Dimension::Network,
            "peers and ports",
            true,
            vec![landlock(), (Rung::CgroupBpf, connect), alert()],
        ),
        stair(
            Dimension::SystemCalls,
            "namespaces, mounts, tracing, modules and other reaches into the kernel",
            matches!(kernel_refused, Standing::Works(_)) || filter::refuses().is_ok(),
            vec![
                lsm(&kernel_refused),
                (Rung::Seccomp, of_starts(sensor, filter::refuses())),
                (Rung::BpfKill, kernel),
                alert(),
            ],
        ),
        stair(
            Dimension::Files,
            "files that are changed",
            true,
            vec![lsm(&files), (Rung::Landlock, of_starts(sensor, domain::refuses())), alert()],
        ),
        stair(
            Dimension::Secrets,
            "files that hold secrets",
            true,
            vec![lsm(&secrets), (Rung::Fanotify, opening), landlock(), alert()],
        ),
        stair(Dimension::Users, "users that a process makes itself", true, vec![lsm(&users), alert()]),
    ]
}

/// Of a trial that a program at a security hook, or one that kills, was to end.
fn ended(security: Result<(), &str>, end: Result<End, String>) -> (Standing, Standing) {
    let killed = match &end {
        Ok(End::Killed) => Standing::Works("it was tried, and the process was ended".to_owned()),
        Ok(End::Failed(libc::EPERM)) if security.is_ok() => {
            Standing::Unused("what the rung above refuses does not come so far".to_owned())
        }
        Ok(end) => Standing::Fails(format!("it was tried, and {end}")),
        Err(why) => Standing::Fails(why.clone()),
    };
    match security {
        Ok(()) => (refused(end), killed),
        Err(why) => (Standing::Fails(why.to_owned()), killed),
    }
}

/// Of a trial that was to get an error.
fn refused(end: Result<End, String>) -> Standing {
    match end {
        Ok(End::Failed(libc::EPERM)) => Standing::Works("it was tried, and refused".to_owned()),
        Ok(end) => Standing::Fails(format!("it was tried, and {end}")),
        Err(why) => Standing::Fails(why),
    }
}

/// Of what a container is held to from its start on, for good.
fn of_starts(sensor: &Sensor, tried: Result<String, String>) -> Standing {
    match tried {
        Ok(_) if sensor.security().is_ok() => {
            Standing::Unused("what the rung above refuses comes first".to_owned())
        }
        Ok(seen) => Standing::Works(seen),
        Err(why) => Standing::Fails(why),
    }
}

fn landlock() -> Standing {
    match domain::version() {
        Ok(version) => {
            Standing::Unused(format!("the kernel has version {version}; here it holds files alone"))
        }
        Err(why) => Standing::Fails(format!("the kernel has no Landlock: {why}")),
    }
}

#[cfg(test)]
#[expect(clippy::print_stderr, reason = "a skipped test says so aloud")]
mod tests {
    use super::*;
    use crate::sensor::Options;

    #[test]
    fn every_rung_is_tried_and_the_best_that_works_enforces() {
        let (sensor, _events) = match Sensor::start(&Options { observe: true, ..Options::default() }) {
            Ok(started) => started,
            Err(why) => {
                return eprintln!("SKIPPED: every_rung_is_tried_and_the_best_that_works_enforces: {why}");
            }
        };
        if sensor.observation().is_err() || sensor.enforcement().is_err() {
            return eprintln!(
                "SKIPPED: every_rung_is_tried_and_the_best_that_works_enforces: no kernel programs"
            );
        }
        let ladder = sensor.ladder();
        for stair in ladder {
            eprintln!("{} ({}): {}", stair.dimension.name(), stair.what, stair.enforcing());
            for (rung, standing) in &stair.rungs {
                eprintln!("    {rung}: {standing:?}");
            }
            assert_eq!(stair.rungs.last().map(|(rung, _)| *rung), Some(Rung::Alert));
            assert!(stair.rungs.is_sorted_by_key(|(rung, _)| *rung), "best first");
        }
        let enforcing =
            |what: &str| ladder.iter().find(|stair| stair.what.contains(what)).unwrap().enforcing();
        assert_eq!(enforcing("did not bring"), Rung::Fanotify);
        assert_eq!(enforcing("another one start"), Rung::Fanotify);
        assert_eq!(enforcing("without a file"), Rung::BpfKill);
        assert_eq!(enforcing("loader"), Rung::BpfKill);
        assert_eq!(enforcing("peers"), Rung::CgroupBpf);
        assert_eq!(enforcing("namespaces"), Rung::Seccomp);
        assert_eq!(enforcing("secrets"), Rung::Fanotify);
        if domain::refuses().is_ok() {
            assert_eq!(enforcing("files that are changed"), Rung::Landlock);
        }
        assert!(sensor.confined_groups().is_empty(), "nothing is left behind");
    }

    #[test]
    fn what_does_not_work_does_not_enforce() {
        let fails = || Standing::Fails(String::new());
        let stair = Stair {
            dimension: Dimension::Network,
            what: "",
            prevents: true,
            rungs: vec![
                (Rung::BpfLsm, Standing::Unused(String::new())),
                (Rung::CgroupBpf, fails()),
                (Rung::Alert, fails()),
            ],
        };
        assert_eq!(stair.enforcing(), Rung::Alert);
    }
}
