//! What is wrong with an observation, in the words of events.

use std::time::SystemTime;

use lazaret_format::v1::{Ancestor, Deviation as Event, ProcessBody};
use lazaret_model::{Behaviour, Dimension, Fact, FileOrigin, Severity};
use lazaret_profile::check::{Category, Circumstances, Deviation};
use lazaret_profile::learn::Visit;
use lazaret_profile::rules::{Rule, Rules, Whose};
use lazaret_profile::{Action, Mode};
use lazaret_sensor::{Observation, Outcome};

use super::expectation::Expectation;

/// Most of foreign text in one event.
const MOST_SHOWN: usize = 1024;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// The profile does not allow it.
    pub(super) deviations: Vec<Deviation>,
    /// No container should do it.
    pub(super) broken: Vec<&'static Rule>,
}

impl Verdict {
    /// Holds one observation against the profile and the fixed rules. Without an expectation, nobody admitted the
    /// container.
    pub(super) fn of(
        observation: &Observation,
        expectation: Option<&Expectation>,
        circumstances: Circumstances,
    ) -> Self {
        let behaviour = &observation.behaviour;
        let mut deviations = Vec::new();
        let mut whose = Whose::Nobodys;
        if let Some(known) = expectation {
            deviations = known.compiled.check(behaviour, circumstances);
            let mode = known.profile.modes.of(behaviour.dimension());
            let named = deviations.is_empty() && matches!(mode, Mode::Alert | Mode::Block);
            whose = Whose::Admitted { named };
            deviations.retain(|deviation| !is_explained(deviation, observation, known));
        }
        let broken = match reached_through_descriptor(observation) {
            Some(behaviour) => Rules::shipped().broken(&behaviour, unnamed(whose)).collect(),
            None => Rules::shipped().broken(behaviour, whose).collect(),
        };
        Self { deviations, broken }
    }

    pub(super) fn is_clean(&self) -> bool {
        self.deviations.is_empty() && self.broken.is_empty()
    }
}

/// The way through a descriptor is none that a profile names.
const fn unnamed(whose: Whose) -> Whose {
    match whose {
        Whose::Admitted { .. } => Whose::Admitted { named: false },
        Whose::Nobodys => Whose::Nobodys,
    }
}

/// What the agent knows better than the profile that it derived.
fn is_explained(deviation: &Deviation, observation: &Observation, known: &Expectation) -> bool {
    let Fact::Exec(execution) = &observation.behaviour.fact else { return false };
    match deviation.category {
        // The contents of admitted containers are held against the list of the image's executables before they run.
        // This one ran, so it is one of the image's: a file that was merely touched looks changed. A copy is elsewhere.
        Category::NewBinary | Category::ModifiedBinary | Category::Script => {
            observation.outcome == Outcome::Done && known.has_place(&execution.executable)
        }
        // The attested list does not say which programs give rights; what lies in a layer of the image, the image
        // brought with its bits.
        Category::SetUserId => !known.promoted && execution.origin == FileOrigin::Image,
        _ => false,
    }
}

/// A file outside the container's root has a path of the host: what reached it was a descriptor, and the rules
/// about those speak of paths through one.
fn reached_through_descriptor(observation: &Observation) -> Option<Behaviour> {
    let Fact::File(access) = &observation.behaviour.fact else { return None };
    if !observation.outside_root || access.operation == lazaret_model::FileOperation::Connect {
        return None;
    }
    let mut access = access.clone();
    access.path = format!("/proc/self/fd/0/{}", access.path.trim_start_matches('/'));
    Some(Behaviour { actor: observation.behaviour.actor.clone(), fact: Fact::File(access) })
}

/// What an event says beside the deviation itself.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub(super) image_config: Option<String>,
    pub(super) arguments: Vec<String>,
    pub(super) ancestors: Vec<Ancestor>,
}

/// The event of a profile's deviation.
pub(super) fn of_profile(deviation: &Deviation, observation: &Observation, context: &Context) -> Box<Event> {
    let severity = match (deviation.mode, deviation.category) {
        (_, Category::Escape | Category::KernelModule | Category::Fileless) => Severity::High,
        (Mode::Block, _) => Severity::High,
        _ => Severity::Medium,
    };
    let event = event(deviation.dimension, deviation.category, severity, observation, context);
    Box::new(Event {
        what: told(&deviation.what, observation),
        expected: shown(&deviation.expected),
        remedy: shown(&deviation.remedy),
        mode: deviation.mode.name().to_owned(),
        action: deviation.action.name().to_owned(),
        ..event
    })
}

/// The event of a broken rule.
pub(super) fn of_rule(rule: &Rule, observation: &Observation, context: &Context) -> Box<Event> {
    let dimension = observation.behaviour.dimension();
    let event = event(dimension, rule.category, rule.severity, observation, context);
    let what = format!("{}: {}", rule.title, subject(&observation.behaviour.fact));
    Box::new(Event {
        what: told(&what, observation),
        rule: Some(rule.id.clone()),
        attack: rule.attack.clone(),
        mode: Mode::Alert.name().to_owned(),
        action: Action::Alert.name().to_owned(),
        ..event
    })
}

/// Whether somebody comes into a container that no profile speaks of, because nobody admitted it.
pub(super) fn is_strange_login(
    observation: &Observation,
    visit: Visit,
    expectation: Option<&Expectation>,
) -> bool {
    let enters = matches!(&observation.behaviour.fact, Fact::Exec(execution) if execution.entered);
    expectation.is_none() && enters && visit == Visit::Login
}

/// The event of such a visit.
pub(super) fn of_login(observation: &Observation, context: &Context) -> Box<Event> {
    let event = event(Dimension::Login, Category::Login, Severity::Medium, observation, context);
    let what = format!(
        "somebody started {} in a container that nobody admitted",
        subject(&observation.behaviour.fact)
    );
    Box::new(Event {
        what: told(&what, observation),
        remedy: "run it from an image that is promoted; what nobody admitted is held to nothing".to_owned(),
        mode: Mode::Alert.name().to_owned(),
        action: Action::Alert.name().to_owned(),
        ..event
    })
}

fn event(
    dimension: Dimension,
    category: Category,
    severity: Severity,
    observation: &Observation,
    context: &Context,
) -> Event {
    let (outcome, rung) = outcome(observation);
    let actor = &observation.behaviour.actor;
    Event {
        container: observation.container.clone(),
        image_config: context.image_config.clone(),
        dimension: dimension.name().to_owned(),
        category: category.name().to_owned(),
        what: String::new(),
        expected: String::new(),
        remedy: String::new(),
        rule: None,
        attack: Vec::new(),
        severity: severity.name().to_owned(),
        mode: String::new(),
        action: String::new(),
        outcome: outcome.to_owned(),
        rung: rung.to_owned(),
        answer: String::new(),
        process: ProcessBody {
            pid: actor.pid,
            exe: shown(&actor.executable),
            argv: context.arguments.clone(),
            uid: actor.uid,
            ancestors: context.ancestors.clone(),
        },
        count: 1,
    }
}

/// What came of the act, and what brought that about. "Prevented" is said of nothing but what did not happen.
pub(super) const fn outcome(observation: &Observation) -> (&'static str, &'static str) {
    match observation.outcome {
        Outcome::Done => ("happened", "alert"),
        Outcome::Failed(_) => ("failed", "alert"),
        Outcome::Refused => ("prevented", "cgroup-bpf"),
        Outcome::DiedBeforeStart => ("prevented", "bpf-kill"),
        Outcome::Killed => ("killed", "bpf-kill"),
    }
}

fn told(what: &str, observation: &Observation) -> String {
    let mut text = shown(what);
    if observation.outside_root {
        text.push_str(" (outside the container's root: the path is the host's)");
    }
    if observation.incomplete {
        text.push_str(" (longer than what is kept)");
    }
    text
}

/// What a fact is about, in few words.
fn subject(fact: &Fact) -> String {
    match fact {
        Fact::Exec(execution) => format!("{} as `{}`", execution.executable, execution.arguments.join(" ")),
        Fact::Map(mapping) => mapping.path.clone(),
        Fact::File(access) => match &access.other {
            Some(other) => format!("{} {} to {other}", access.operation.name(), access.path),
            None => format!("{} {}", access.operation.name(), access.path),
        },
        Fact::Connect(to) => format!("{} port {}/{}", to.address, to.port, to.transport.name()),
        Fact::Listen(at) => format!("port {}/{}", at.port, at.transport.name()),
        Fact::Lookup(lookup) => lookup.name.clone(),
        Fact::RawSocket(socket) => format!("a socket of family {}", socket.family),
        Fact::Identity(change) => format!("user {}, group {}", change.to_uid, change.to_gid),
        Fact::Capability(used) => format!("{:?}", used.capability),
        Fact::SystemCall(call) => call.to_string(),
        Fact::Mount(mounting) => format!("{} on {} ({})", mounting.source, mounting.target, mounting.kind),
        Fact::Kernel(operation) => operation.name().to_owned(),
        Fact::Login(login) => login.arguments.join(" "),
        Fact::Resources(_) => "resources".to_owned(),
    }
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Seconds since 1970.
pub(super) fn seconds(at: SystemTime) -> i64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lazaret_model::{FileAccess, FileOperation, KernelOperation};

    use super::*;
    use crate::behaviour::testing::{execution, expectation, observation};

    fn verdict(observation: &Observation) -> Verdict {
        Verdict::of(observation, Some(&expectation()), Circumstances::STEADY)
    }

    fn context() -> Context {
        Context { image_config: None, arguments: Vec::new(), ancestors: Vec::new() }
    }

    #[test]
    fn prevented_is_said_of_nothing_that_happened() {
        for (outcome, word) in [
            (Outcome::Done, "happened"),
            (Outcome::Failed(2), "failed"),
            (Outcome::Refused, "prevented"),
            (Outcome::DiedBeforeStart, "prevented"),
            (Outcome::Killed, "killed"),
        ] {
            let observation = Observation { outcome, ..observation(Fact::Kernel(KernelOperation::Bpf)) };
            assert_eq!(super::outcome(&observation).0, word);
            assert_eq!(outcome.is_prevented(), word == "prevented");
        }
    }

    #[test]
    fn what_was_checked_before_it_ran_is_no_drift() {
        let touched = observation(Fact::Exec(execution("/usr/bin/tool", FileOrigin::Upper)));
        assert!(verdict(&touched).deviations.is_empty());
        let memory = observation(Fact::Exec(execution("/memfd:x", FileOrigin::Nameless)));
        assert!(verdict(&memory).deviations.iter().any(|one| one.category == Category::Fileless));
        let died = Observation { outcome: Outcome::DiedBeforeStart, ..touched.clone() };
        assert!(!verdict(&died).deviations.is_empty());
        let placed = [("/usr/bin/tool".to_owned(), lazaret_model::Digest::from_bytes([1; 32]))];
        let known = Expectation { programs: Some(Arc::new(placed.into_iter().collect())), ..expectation() };
        let drifted = |observation| {
            let found = Verdict::of(observation, Some(&known), Circumstances::STEADY).deviations;
            found.iter().any(|one| one.category == Category::NewBinary)
        };
        let copied = observation(Fact::Exec(execution("/tmp/tool", FileOrigin::Upper)));
        assert!(
            !drifted(&touched) && drifted(&copied),
            "a copy of the image's own program is where no image has it"
        );
    }

    #[test]
    fn fixed_rules_hold_without_any_profile() {
        let access = FileAccess {
            path: "/proc/sys/kernel/core_pattern".to_owned(),
            operation: FileOperation::Write,
            other: None,
            origin: FileOrigin::Kernel,
        };
        let seen = observation(Fact::File(access));
        let verdict = Verdict::of(&seen, None, Circumstances::STEADY);
        let event = of_rule(verdict.broken[0], &seen, &context());
        assert_eq!((event.rule.as_deref(), event.severity.as_str()), (Some("core-pattern"), "critical"));
        assert_eq!((event.outcome.as_str(), event.rung.as_str()), ("happened", "alert"));
        assert!(event.attack.contains(&"T1611".to_owned()) && event.what.contains("core_pattern"));
    }

    #[test]
    fn what_builders_of_images_do_all_day_is_told_of_admitted_containers_only() {
        let made = FileAccess {
            path: "/etc/passwd".to_owned(),
            operation: FileOperation::Write,
            other: None,
            origin: FileOrigin::Upper,
        };
        let seen = observation(Fact::File(made));
        assert!(verdict(&seen).broken.iter().any(|rule| rule.id == "accounts"));
        assert!(Verdict::of(&seen, None, Circumstances::STEADY).is_clean());
        let out = observation(Fact::Kernel(KernelOperation::EnterNamespace));
        assert!(!Verdict::of(&out, None, Circumstances::STEADY).is_clean());
    }

    #[test]
    fn who_comes_into_what_nobody_admitted_is_told() {
        let entering = lazaret_model::Execution { entered: true, ..execution("/bin/sh", FileOrigin::Image) };
        let seen = observation(Fact::Exec(entering));
        assert!(is_strange_login(&seen, Visit::Login, None));
        assert!(!is_strange_login(&seen, Visit::Program, None), "it is the container's own");
        assert!(!is_strange_login(&seen, Visit::Login, Some(&expectation())), "a profile speaks of it");
        let later = observation(Fact::Exec(execution("/bin/id", FileOrigin::Image)));
        assert!(!is_strange_login(&later, Visit::Login, None), "told once, at the door");
        let event = of_login(&seen, &context());
        assert_eq!((event.category.as_str(), event.dimension.as_str()), ("login.exec", "login"));
    }

    #[test]
    fn a_descriptor_of_the_host_is_a_way_out() {
        let access = FileAccess {
            path: "/etc/hostname".to_owned(),
            operation: FileOperation::Write,
            other: None,
            origin: FileOrigin::Mounted,
        };
        let inside = observation(Fact::File(access));
        assert!(Verdict::of(&inside, None, Circumstances::STEADY).broken.is_empty());
        let outside = Observation { outside_root: true, ..inside };
        let verdict = Verdict::of(&outside, None, Circumstances::STEADY);
        assert_eq!(verdict.broken[0].id, "leaked-descriptor");
        assert!(of_rule(verdict.broken[0], &outside, &context()).what.contains("the path is the host's"));
    }

    #[test]
    fn foreign_text_is_bounded() {
        let long = execution(&"/x".repeat(5000), FileOrigin::Nameless);
        let seen = observation(Fact::Exec(long));
        let event = of_profile(&verdict(&seen).deviations[0], &seen, &context());
        assert!(event.what.chars().count() <= MOST_SHOWN + 100);
    }
}
