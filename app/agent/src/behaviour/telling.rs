//! Deviations, broken rules and visits as events.

use std::sync::Arc;

use lazaret_format::v1::{Ancestor, Deviation as Event, ProcessBody};
use lazaret_model::{Dimension, Fact, Severity};
use lazaret_profile::check::{Category, Deviation};
use lazaret_profile::rules::Rule;
use lazaret_profile::{Action, Mode};
use lazaret_sensor::{Observation, Outcome};

use crate::break_glass::Grant;

/// Most of foreign text in one event.
const MOST_SHOWN: usize = 1024;

/// What an event says beside the deviation itself.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub(super) image_config: Option<String>,
    /// In whose session it was done.
    pub(super) grant: Option<Arc<Grant>>,
    pub(super) arguments: Vec<String>,
    pub(super) ancestors: Vec<Ancestor>,
}

impl Context {
    /// Whether this is somebody's coming in that a person allowed.
    pub(super) fn lets_in(&self, category: Category) -> bool {
        self.grant.is_some() && category == Category::Login
    }
}

/// The event of a profile's deviation.
pub(super) fn of_profile(deviation: &Deviation, observation: &Observation, context: &Context) -> Box<Event> {
    let severity = match (deviation.mode, deviation.category) {
        _ if context.lets_in(deviation.category) => Severity::Low,
        (_, Category::Escape | Category::KernelModule | Category::Fileless) => Severity::High,
        (Mode::Block, _) => Severity::High,
        _ => Severity::Medium,
    };
    let event = event(deviation.dimension, deviation.category, severity, observation, context);
    if let Some(grant) = context.grant.as_ref().filter(|_| context.lets_in(deviation.category)) {
        let what = format!("{}: let in by {}, which {} opened", deviation.what, grant.id, grant.by);
        let alert = Action::Alert.name().to_owned();
        return Box::new(Event {
            what: told(&what, observation),
            mode: Mode::Alert.name().to_owned(),
            action: alert,
            ..event
        });
    }
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

/// The event of somebody's visit in a container that nobody admitted.
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
        grant: context.grant.as_ref().map(|grant| grant.id.clone()),
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
        Outcome::Refused(rung) => ("prevented", rung.name()),
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
pub(super) fn subject(fact: &Fact) -> String {
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

#[cfg(test)]
mod tests {
    use lazaret_model::{FileOrigin, KernelOperation};
    use lazaret_profile::check::Circumstances;
    use lazaret_sensor::Rung;

    use super::*;
    use crate::behaviour::testing::{context, execution, expectation, observation};
    use crate::behaviour::verdict::Verdict;

    fn verdict(observation: &Observation) -> Verdict {
        Verdict::of(observation, Some(&expectation()), Circumstances::STEADY)
    }

    #[test]
    fn prevented_is_said_of_nothing_that_happened() {
        for (outcome, word) in [
            (Outcome::Done, "happened"),
            (Outcome::Failed(2), "failed"),
            (Outcome::Refused(Rung::BpfLsm), "prevented"),
            (Outcome::DiedBeforeStart, "prevented"),
            (Outcome::Killed, "killed"),
        ] {
            let observation = Observation { outcome, ..observation(Fact::Kernel(KernelOperation::Bpf)) };
            assert_eq!(super::outcome(&observation).0, word);
            assert_eq!(outcome.is_prevented(), word == "prevented");
        }
    }

    #[test]
    fn foreign_text_is_bounded() {
        let long = execution(&"/x".repeat(5000), FileOrigin::Nameless);
        let seen = observation(Fact::Exec(long));
        let event = of_profile(&verdict(&seen).deviations[0], &seen, &context());
        assert!(event.what.chars().count() <= MOST_SHOWN + 100);
    }
}
