//! One running container, as far as its behaviour is concerned.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::SystemTime;

use lazaret_engine::docker::ContainerRecord;
use lazaret_model::{Actor, Behaviour, Digest, Fact, FileAccess, RUNTIME, Session, Transport};
use lazaret_profile::check::{Circumstances, Scans};
use lazaret_profile::learn::{Counted, Life, Milestone, Replica, Sessions, Visit};
use lazaret_profile::rules::{Rules, Whose};
use lazaret_sensor::{Observation, Outcome, ProcessEnded, ResourceMeter, resolved};

use super::answer::Done;
use super::expectation::Expectation;
use super::holding::Holding;
use super::verdict::seconds;
use crate::start::withheld::Withheld;

/// Command lines of visitors that are remembered.
const MOST_VISITS: usize = 64;

/// Where the kernel shows itself.
const WINDOWS: [&str; 2] = ["/proc/", "/sys/"];

/// What is remembered of it.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) replica: Replica,
    /// `None`: no engine knows it, so nothing is expected of it but that it breaks no fixed rule.
    pub(super) known: Option<Known>,
    pub(super) done: Done,
    /// A fixed rule was broken in it.
    pub(super) tainted: bool,
    /// When something was last heard of it, in seconds since 1970.
    pub(super) heard: i64,
    /// Command lines with which somebody came in, to be told once each.
    visits: HashSet<Vec<String>>,
    group: u64,
    /// Its program was started while this agent listened.
    begun: bool,
    life: Life,
    sessions: Sessions,
    /// Its first process.
    main: Option<u32>,
    /// The process of its newest health check.
    check: Option<u32>,
}

/// A container of the engine.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) record: ContainerRecord,
    pub(super) expectation: Arc<Expectation>,
    /// It was admitted, so its contents are checked before they run, and it is held to what is expected of it.
    pub(super) managed: bool,
    /// There is room to learn from it.
    pub(super) learning: bool,
    pub(super) counted: Counted,
    /// `None`: it has no control group that could be asked.
    pub(super) meter: Option<ResourceMeter>,
    /// Peers that it tried in vain or against its profile.
    pub(super) scans: Scans,
    pub(super) domain: Holding,
    /// What its system call filter keeps from it since its start.
    pub(super) withheld: Withheld,
}

/// An act that failed, and is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failed {
    /// As all that was done.
    Act(Observation),
    /// It had no permission, for another reason than what its container is held to: that matters to fixed rules.
    Attempt(Observation),
}

/// What happened to the container itself with an observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) circumstances: Circumstancing,
    /// Its program was started.
    pub(super) started: bool,
}

/// [`Circumstances`] that can be compared.
pub(super) type Circumstancing = (lazaret_model::Phase, Visit);

impl Watched {
    pub(super) fn new(container: &str, known: Option<Known>, at: i64) -> Self {
        Self {
            replica: Replica::of(container),
            known,
            done: Done::default(),
            tainted: false,
            heard: at,
            visits: HashSet::new(),
            group: 0,
            begun: false,
            life: Life::default(),
            sessions: Sessions::default(),
            main: None,
            check: None,
        }
    }

    /// Somebody admitted it.
    pub(super) fn is_managed(&self) -> bool {
        self.known.as_ref().is_some_and(|known| known.managed)
    }

    /// Of which image it is to be told what is in use; `None`: nobody admitted it.
    pub(super) fn image(&self) -> Option<Digest> {
        let known = self.known.as_ref().filter(|known| known.managed)?;
        Some(known.expectation.profile.subject.image)
    }

    /// Whether nobody came in with this command line before. Probes do so every few seconds.
    pub(super) fn is_first_visit(&mut self, behaviour: &Behaviour) -> bool {
        let Fact::Exec(execution) = &behaviour.fact else { return false };
        if self.visits.len() >= MOST_VISITS {
            self.visits.clear();
        }
        self.visits.insert(execution.arguments.clone())
    }

    /// What became of an act that failed, if that is to be told.
    pub(super) fn judge(&self, observation: &Observation) -> Option<Failed> {
        let act = |outcome| Some(Failed::Act(Observation { outcome, ..observation.clone() }));
        let known = self.known.as_ref();
        let withheld = known.and_then(|known| known.withheld.judge(observation));
        let Fact::File(access) = &observation.behaviour.fact else {
            return act(withheld.unwrap_or(observation.outcome));
        };
        let nothing = Holding::Nothing;
        let domain = known.map_or(&nothing, |known| &known.domain);
        if let Some(outcome) = withheld.or_else(|| domain.judge(observation)) {
            return act(outcome);
        }
        if is_attempt(&observation.behaviour) {
            return Some(Failed::Attempt(observation.clone()));
        }
        // Who looks at all processes fails often, and no link there leads out.
        if WINDOWS.iter().any(|window| access.path.starts_with(window)) {
            return None;
        }
        // A link leads to what matters.
        let pids = [Some(observation.behaviour.actor.pid), self.main];
        let path = resolved(&pids.into_iter().flatten().collect::<Vec<_>>(), &access.path)?;
        let mut linked = observation.clone();
        linked.behaviour.fact = Fact::File(FileAccess { path, ..access.clone() });
        if let (Holding::To(_), Some(outcome)) = (domain, domain.judge(&linked)) {
            return Some(Failed::Act(Observation { outcome, ..linked }));
        }
        is_attempt(&linked.behaviour).then_some(Failed::Attempt(linked))
    }

    /// Puts an observation into the container's life.
    pub(super) fn place(&mut self, observation: &Observation) -> Placed {
        let at = seconds(observation.at);
        self.heard = at;
        let behaviour = &observation.behaviour;
        let no_check = Vec::new();
        let check =
            self.known.as_ref().map_or(&no_check, |known| &known.expectation.profile.login.health_check);
        let visit = self.sessions.visit(behaviour, check);
        let mut started = false;
        match &behaviour.fact {
            Fact::Exec(execution) if execution.entered => match (behaviour.actor.session, visit) {
                (Session::Main, _) => {
                    started = true;
                    self.begun = true;
                    self.group = observation.cgroup_id;
                    self.main = Some(behaviour.actor.pid);
                    self.life.reach(Milestone::Started, at);
                }
                (Session::Entered(_), Visit::HealthCheck) => self.check = Some(behaviour.actor.pid),
                (Session::Entered(_), _) => {}
            },
            Fact::Listen(listening) if listening.transport == Transport::Tcp => {
                self.life.reach(Milestone::Serving, at);
            }
            _ => {}
        }
        if self.group == 0 {
            self.group = observation.cgroup_id;
        }
        Placed { circumstances: (self.life.phase(at), visit), started }
    }

    /// Notes what it uses just now.
    pub(super) fn glance(&mut self) {
        if let Some(meter) = self.known.as_mut().and_then(|known| known.meter.as_mut()) {
            meter.glance();
        }
    }

    /// What it uses, as something that it did. `None`: nobody admitted it, or there is nothing to tell yet.
    pub(super) fn usage(&mut self, container: &str) -> Option<Observation> {
        let used = self.known.as_mut()?.meter.as_mut()?.read()?;
        let actor = Actor { pid: 0, executable: RUNTIME.to_owned(), uid: 0, gid: 0, session: Session::Main };
        Some(Observation {
            container: container.to_owned(),
            cgroup_id: self.group,
            at: SystemTime::now(),
            behaviour: Behaviour { actor, fact: Fact::Resources(used) },
            parent: 0,
            comm: String::new(),
            outcome: Outcome::Done,
            incomplete: false,
            outside_root: false,
        })
    }

    /// A process of it ended. True: it was the first one, and it ended as it was told to.
    pub(super) fn ended(&mut self, ended: &ProcessEnded) -> bool {
        if self.check == Some(ended.pid) {
            self.check = None;
            if ended.status == 0 {
                self.life.reach(Milestone::Healthy, seconds(ended.at));
            }
        }
        if self.main != Some(ended.pid) {
            return false;
        }
        self.main = None;
        is_orderly(ended.status)
    }

    /// Whether all that its program did was done since this agent listens.
    pub(super) const fn has_begun(&self) -> bool {
        self.begun
    }

    /// Whether the container's own control group is the one that is gone.
    pub(super) const fn is_group(&self, group: u64) -> bool {
        self.group == group
    }
}

/// Whether a fixed rule speaks of it though it failed.
fn is_attempt(behaviour: &Behaviour) -> bool {
    Rules::shipped().attempted(behaviour, Whose::Admitted { named: false }).next().is_some()
}

pub(super) const fn circumstances((phase, visit): Circumstancing) -> Circumstances {
    Circumstances { phase, visit }
}

/// As wait(2) tells it: success, or the signals by which engines and people ask programs to end, as a program that
/// catches them tells it by its exit code or not.
const fn is_orderly(status: u32) -> bool {
    const SIGINT: u32 = 2;
    const SIGQUIT: u32 = 3;
    const SIGTERM: u32 = 15;
    let (signal, code) = (status & 0x7f, (status >> 8) & 0xff);
    match signal {
        0 => matches!(code, 0 | 130 | 131 | 143),
        SIGINT | SIGQUIT | SIGTERM => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lazaret_model::{Execution, FileOperation, FileOrigin, Phase};

    use super::*;
    use crate::behaviour::testing::{execution, observation};

    fn entered(session: Session, pid: u32) -> Observation {
        let exec = Execution { entered: true, ..execution("/app/serve", FileOrigin::Image) };
        let mut observation = observation(Fact::Exec(exec));
        observation.behaviour.actor.session = session;
        observation.behaviour.actor.pid = pid;
        observation
    }

    fn end(pid: u32, status: u32) -> ProcessEnded {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_005);
        ProcessEnded { container: "c".to_owned(), cgroup_id: 7, at, pid, status }
    }

    #[test]
    fn a_start_is_told_from_a_visit_and_an_end_from_a_death() {
        let mut watched = Watched::new("c", None, 0);
        assert!(!watched.has_begun());
        assert_eq!(
            watched.place(&entered(Session::Main, 5)),
            Placed { circumstances: (Phase::Start, Visit::Program), started: true }
        );
        assert!(watched.has_begun());
        let visit = watched.place(&entered(Session::Entered(9), 9));
        assert_eq!(visit, Placed { circumstances: (Phase::Start, Visit::Login), started: false });
        assert!(!watched.ended(&end(9, 0)) && !watched.ended(&end(6, 0)));
        assert!(watched.ended(&end(5, 143 << 8)));
        assert!(!watched.ended(&end(5, 0)), "it ends once");
        assert!(watched.is_group(7) && !watched.is_group(8));
    }

    #[test]
    fn who_asks_in_vain_for_what_matters_is_told() {
        let place = tempfile::tempdir().unwrap();
        let link = place.path().join("link");
        std::os::unix::fs::symlink("/proc/sys/kernel/core_pattern", &link).unwrap();
        let watched = Watched::new("c", None, 0);
        let judge = |path: &str, operation| {
            let access =
                FileAccess { path: path.to_owned(), operation, other: None, origin: FileOrigin::Upper };
            let mut failed = observation(Fact::File(access));
            failed.outcome = Outcome::Failed(30);
            failed.behaviour.actor.pid = std::process::id();
            match watched.judge(&failed)? {
                Failed::Attempt(Observation {
                    behaviour: Behaviour { fact: Fact::File(access), .. },
                    ..
                }) => Some(access.path),
                other => panic!("{other:?}"),
            }
        };
        let core = Some("/proc/sys/kernel/core_pattern".to_owned());
        assert_eq!(judge("/proc/sys/kernel/core_pattern", FileOperation::Write), core);
        assert_eq!(judge(link.to_str().unwrap(), FileOperation::Append), core, "where the link leads");
        for (path, operation) in [
            ("/proc/sys/kernel/core_pattern", FileOperation::Read),
            ("/usr/lib/python3/__pycache__/os.pyc", FileOperation::Create),
            ("/root/.netrc", FileOperation::Read),
            ("/nowhere", FileOperation::Write),
        ] {
            assert_eq!(judge(path, operation), None, "{path}: programs ask for more than they need");
        }
    }

    #[test]
    fn orderly_ends() {
        for (status, orderly) in
            [(0, true), (15, true), (9, false), (1 << 8, false), (137 << 8, false), (139, false)]
        {
            assert_eq!(is_orderly(status), orderly, "{status}");
        }
    }
}
