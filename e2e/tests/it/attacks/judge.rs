//! What an agent does with what the sensor tells: learn from it, or hold it against profile and fixed rules.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use crate::runner::say;
use lazaret_model::{Behaviour, Digest, Fact, FileOrigin, Listening, ResourceUse};
use lazaret_profile::check::{Category, Circumstances, Compiled, ImageFiles, Scans};
use lazaret_profile::learn::{Learned, Life, Milestone, Observation as Lesson, Replica, Sessions};
use lazaret_profile::rules::{Rules, Whose};
use lazaret_profile::{Mode, Modes, Profile};
use lazaret_sensor::{Observation, Outcome, ResourceMeter, Rung, Sensor, SensorEvent, Sighting};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc::Receiver;

/// Something that was told, of one container.
#[derive(Debug, Clone)]
pub(crate) struct Alert {
    pub(crate) category: &'static str,
    pub(crate) what: String,
    /// The rung that kept it from happening, or ended who did it.
    pub(crate) by: Option<&'static str>,
}

pub(crate) struct Judge {
    sightings: Receiver<Sighting>,
    events: Receiver<SensorEvent>,
    containers: HashMap<String, Watched>,
    pub(crate) derived: Profile,
    pub(crate) learned: Learned,
    image: ImageFiles,
    compiled: Option<Compiled>,
    pub(crate) gaps: u64,
}

#[derive(Default)]
struct Watched {
    /// Its first process, as the host numbers it.
    init: u32,
    replica: u64,
    life: Life,
    sessions: Sessions,
    scans: Scans,
    meter: Option<ResourceMeter>,
    alerts: Vec<Alert>,
    measured: Option<Instant>,
}

const MOST_HASHED: u64 = 64 << 20;

impl Judge {
    pub(crate) fn new(
        (sightings, events): (Receiver<Sighting>, Receiver<SensorEvent>),
        derived: Profile,
        image: ImageFiles,
    ) -> Self {
        let learned = Learned::new(derived.subject.clone());
        Self {
            sightings,
            events,
            containers: HashMap::new(),
            derived,
            learned,
            image,
            compiled: None,
            gaps: 0,
        }
    }

    /// From now on what the container does is looked at.
    pub(crate) fn watch(&mut self, id: &str) {
        let replica = Replica::of(id);
        let mut watched = Watched { replica: replica.0, ..Watched::default() };
        watched.life.reach(Milestone::Started, now());
        self.learned.started(replica, now(), 1);
        self.containers.insert(id.to_owned(), watched);
    }

    /// It runs: this is its first process.
    pub(crate) fn runs(&mut self, id: &str, init: u32, sensor: &Sensor) {
        if let Some(watched) = self.containers.get_mut(id) {
            watched.init = init;
            watched.meter = sensor.meter(init).ok();
        }
    }

    pub(crate) fn reach(&mut self, id: &str, milestone: Milestone) {
        if let Some(watched) = self.containers.get_mut(id) {
            watched.life.reach(milestone, now());
        }
    }

    pub(crate) fn stopped(&mut self, id: &str) {
        self.learned.stopped(Replica::of(id), now(), 1);
    }

    /// The profile of what was learned, in one mode everywhere. From now on containers are held to it.
    pub(crate) fn settle(&mut self, mode: Mode) -> Profile {
        let mut profile = self.learned.profile(&self.derived);
        profile.modes = Modes::all(mode);
        self.compiled = Some(Compiled::new(&profile, self.image.clone()));
        profile
    }

    /// What was told of a container since it was asked last.
    pub(crate) fn alerts(&mut self, id: &str) -> Vec<Alert> {
        self.containers.get_mut(id).map(|watched| std::mem::take(&mut watched.alerts)).unwrap_or_default()
    }

    pub(crate) fn forget(&mut self, id: &str) {
        self.containers.remove(id);
    }

    /// Takes in all that comes until nothing comes for a moment, at least for `time`.
    pub(crate) fn listen(&mut self, time: Duration) {
        const QUIET: Duration = Duration::from_millis(60);
        let until = Instant::now() + time;
        let mut last = Instant::now();
        while Instant::now() < until || last.elapsed() < QUIET {
            match self.sightings.try_recv() {
                Ok(Sighting::Behaviour(observation)) => {
                    last = Instant::now();
                    self.take(*observation);
                }
                Ok(Sighting::Missing(gap)) => {
                    self.gaps += gap.overflowed + gap.alerts_overflowed + gap.astray + gap.orphaned
                }
                Ok(_) => {}
                Err(_) => {
                    while let Ok(event) = self.events.try_recv() {
                        self.denied(event);
                    }
                    self.measure();
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
        }
    }

    /// Listens while something else is done.
    pub(crate) fn meanwhile<T: Send>(&mut self, job: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let job = scope.spawn(job);
            while !job.is_finished() {
                self.listen(Duration::from_millis(20));
            }
            job.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn denied(&mut self, event: SensorEvent) {
        let SensorEvent::ExecutionDenied(denied) = event else { return };
        let Some(watched) = denied.container.and_then(|id| self.containers.get_mut(&id)) else { return };
        let is_replaced = self.image.paths.contains_key(&denied.path);
        let category = if is_replaced { Category::ModifiedBinary } else { Category::NewBinary };
        let what = format!("{} was refused to execute {}: {}", denied.by, denied.path, denied.reason);
        watched.alerts.push(Alert { category: category.name(), what, by: Some("fanotify (EPERM)") });
    }

    fn measure(&mut self) {
        let due: Vec<(String, ResourceUse)> = self
            .containers
            .iter_mut()
            .filter(|(_, watched)| watched.measured.is_none_or(|at| at.elapsed() >= Duration::from_secs(1)))
            .filter_map(|(id, watched)| {
                watched.measured = Some(Instant::now());
                Some((id.clone(), watched.meter.as_mut()?.read()?))
            })
            .collect();
        for (id, used) in due {
            let actor = lazaret_model::Actor {
                pid: 0,
                executable: lazaret_model::RUNTIME.to_owned(),
                uid: 0,
                gid: 0,
                session: lazaret_model::Session::Main,
            };
            self.judge(&id, &Behaviour { actor, fact: Fact::Resources(used) }, now(), None);
        }
    }

    fn take(&mut self, observation: Observation) {
        let Observation { container, mut behaviour, outcome, at, .. } = observation;
        let at = at.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |age| age.as_secs().cast_signed());
        let Some(watched) = self.containers.get_mut(&container) else { return };
        let root = format!("/proc/{}/root", watched.init);
        match &mut behaviour.fact {
            Fact::Exec(exec) if !matches!(exec.origin, FileOrigin::Image | FileOrigin::Nameless) => {
                exec.digest = digest(&root, &exec.executable);
            }
            Fact::Map(map) if !matches!(map.origin, FileOrigin::Image | FileOrigin::Nameless) => {
                map.digest = digest(&root, &map.path);
            }
            Fact::Listen(Listening { port: 1.., .. }) => watched.life.reach(Milestone::Serving, at),
            _ => {}
        }
        self.judge(&container, &behaviour, at, Some(outcome));
    }

    fn judge(&mut self, id: &str, behaviour: &Behaviour, at: i64, outcome: Option<Outcome>) {
        let Some(watched) = self.containers.get_mut(id) else { return };
        let visit = watched.sessions.visit(behaviour, &self.derived.login.health_check);
        let phase = watched.life.phase(at);
        let replica = Replica(watched.replica);
        let Some(compiled) = &self.compiled else {
            self.learned.observe(Lesson { replica, at, phase, visit, behaviour });
            if Rules::shipped().broken(behaviour, Whose::Admitted { named: false }).next().is_some() {
                say(&format!("a fixed rule was broken while learning: {behaviour:?}"));
                self.learned.taint(replica);
            }
            return;
        };
        let deviations = compiled.check(behaviour, Circumstances { phase, visit });
        let scan = watched.scans.look(behaviour, &deviations, at);
        let whose = Whose::Admitted { named: deviations.is_empty() };
        let broken: Vec<_> = Rules::shipped().broken(behaviour, whose).collect();
        let of_profile = deviations.iter().chain(&scan).map(|one| (one.category, one.what.clone()));
        let of_rules = broken.iter().map(|rule| (rule.category, format!("rule {}", rule.id)));
        for (category, what) in of_rules.chain(of_profile) {
            watched.alerts.push(Alert { category: category.name(), what, by: outcome.and_then(rung) });
        }
    }
}

/// Who prevented or ended it.
fn rung(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Refused(Rung::BpfLsm) => Some("BPF LSM (EPERM)"),
        Outcome::Refused(_) => Some("cgroup BPF (EPERM)"),
        Outcome::DiedBeforeStart => Some("BPF kill"),
        // Nothing came of what was got: a socket that nobody reads.
        Outcome::Killed => Some("BPF kill, after the act"),
        Outcome::Done | Outcome::Failed(_) => None,
    }
}

/// Of a file that is not where the image put it, if it is still there.
fn digest(root: &str, path: &str) -> Option<Digest> {
    let path = Path::new(root).join(path.trim_start_matches('/'));
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(MOST_HASHED).read_to_end(&mut bytes).ok()?;
    Some(Digest::from_bytes(Sha256::digest(&bytes).into()))
}

fn now() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |age| age.as_secs().cast_signed())
}
