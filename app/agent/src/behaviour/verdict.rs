//! What is wrong with an observation, in the words of events.

use std::time::SystemTime;

use lazaret_model::{Behaviour, Dimension, Fact, FileOrigin};
use lazaret_profile::check::{Category, Circumstances, Deviation};
use lazaret_profile::learn::Visit;
use lazaret_profile::rules::{Rule, Rules, Whose};
use lazaret_profile::{Action, Mode};
use lazaret_sensor::{Observation, Outcome, Rung};

use super::expectation::Expectation;
use super::telling::subject;

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
        let (mut deviations, whose) = compare(behaviour, expectation, circumstances);
        if let Some(known) = expectation {
            deviations.retain(|deviation| !is_explained(deviation, observation, known));
        }
        match observation.outcome {
            Outcome::Refused(Rung::BpfLsm | Rung::Landlock | Rung::Seccomp) if deviations.is_empty() => {
                deviations.push(refusal(behaviour))
            }
            // Whatever it is called now.
            Outcome::Refused(Rung::Fanotify) if !deviations.iter().any(is_about_secret) => {
                deviations = vec![secret_refusal(behaviour)];
            }
            _ => {}
        }
        let broken = match reached_through_descriptor(observation) {
            Some(behaviour) => Rules::shipped().broken(&behaviour, unnamed(whose)).collect(),
            None => Rules::shipped().broken(behaviour, whose).collect(),
        };
        Self { deviations, broken }
    }

    /// What was tried in vain deviates from no profile: programs ask for more than they need, and do without.
    pub(super) fn of_attempt(
        behaviour: &Behaviour,
        expectation: Option<&Expectation>,
        circumstances: Circumstances,
    ) -> Self {
        let (_, whose) = compare(behaviour, expectation, circumstances);
        Self { deviations: Vec::new(), broken: Rules::shipped().attempted(behaviour, whose).collect() }
    }

    pub(super) fn is_clean(&self) -> bool {
        self.deviations.is_empty() && self.broken.is_empty()
    }
}

fn compare(
    behaviour: &Behaviour,
    expectation: Option<&Expectation>,
    circumstances: Circumstances,
) -> (Vec<Deviation>, Whose) {
    let Some(known) = expectation else { return (Vec::new(), Whose::Nobodys) };
    let deviations = known.compiled.check(behaviour, circumstances);
    let mode = known.profile.modes.of(behaviour.dimension());
    let named = deviations.is_empty() && matches!(mode, Mode::Alert | Mode::Block);
    (deviations, Whose::Admitted { named })
}

/// What the kernel refused although the profile does not look at it: mounts, while files are held. A refusal is never
/// silent.
fn refusal(behaviour: &Behaviour) -> Deviation {
    let category = match behaviour.fact {
        Fact::Mount(_) => Category::Volume,
        Fact::File(_) => Category::FileWrite,
        Fact::Identity(_) => Category::UserChange,
        Fact::Kernel(operation) => Category::of_operation(operation),
        _ => Category::SystemCall,
    };
    let (expected, remedy) = match behaviour.fact {
        Fact::Mount(_) => (
            "while files are held, nothing gives them other names",
            "mount it from outside, or let files and secrets be alerted on",
        ),
        _ => (
            "what the container is held to since its start",
            "start it anew, if its profile allows it by now",
        ),
    };
    Deviation {
        dimension: behaviour.dimension(),
        category,
        mode: Mode::Block,
        action: Action::Deny,
        what: format!("{} was refused: {}", behaviour.actor.executable, subject(&behaviour.fact)),
        expected: expected.to_owned(),
        remedy: remedy.to_owned(),
    }
}

fn is_about_secret(deviation: &Deviation) -> bool {
    deviation.dimension == Dimension::Secrets
}

/// A secret under another name than the profile knows, or a program that is not the image's under a name that it does.
fn secret_refusal(behaviour: &Behaviour) -> Deviation {
    Deviation {
        dimension: Dimension::Secrets,
        category: Category::SecretAccess,
        expected: "a secret keeps its name, and is opened by the image's own programs".to_owned(),
        remedy: "open it by the name and with the program that `secrets` of the profile has".to_owned(),
        ..refusal(behaviour)
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

/// Whether somebody comes into a container that no profile speaks of, because nobody admitted it.
pub(super) fn is_strange_login(
    observation: &Observation,
    visit: Visit,
    expectation: Option<&Expectation>,
) -> bool {
    let enters = matches!(&observation.behaviour.fact, Fact::Exec(execution) if execution.entered);
    expectation.is_none() && enters && visit == Visit::Login
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
    use crate::behaviour::telling::{of_login, of_profile, of_rule};
    use crate::behaviour::testing::{context, execution, expectation, observation};

    fn verdict(observation: &Observation) -> Verdict {
        Verdict::of(observation, Some(&expectation()), Circumstances::STEADY)
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
    fn a_refusal_is_never_silent() {
        let mounting = lazaret_model::Mounting {
            source: String::new(),
            target: String::new(),
            kind: "mount".to_owned(),
        };
        let done = observation(Fact::Mount(mounting));
        assert!(verdict(&done).deviations.is_empty(), "mounts are learned");
        let refused = Observation { outcome: Outcome::Refused(Rung::BpfLsm), ..done };
        let verdict = verdict(&refused);
        let event = of_profile(&verdict.deviations[0], &refused, &context());
        assert_eq!((event.outcome.as_str(), event.rung.as_str()), ("prevented", "bpf-lsm"));
        let traced = Observation {
            outcome: Outcome::Refused(Rung::Seccomp),
            ..observation(Fact::Kernel(KernelOperation::Trace))
        };
        let verdict = Verdict::of(&traced, Some(&expectation()), Circumstances::STEADY);
        assert_eq!(verdict.deviations[0].category, Category::Injection, "by its own name");
    }

    #[test]
    fn a_secret_under_another_name_is_one() {
        let access = FileAccess {
            path: "/tmp/linked".to_owned(),
            operation: FileOperation::Read,
            other: None,
            origin: FileOrigin::Mounted,
        };
        let seen = Observation {
            outcome: Outcome::Refused(Rung::Fanotify),
            ..observation(Fact::File(access.clone()))
        };
        let found = verdict(&seen);
        let event = of_profile(&found.deviations[0], &seen, &context());
        assert_eq!((event.category.as_str(), event.dimension.as_str()), ("secret.access", "secrets"));
        assert_eq!((event.outcome.as_str(), event.rung.as_str()), ("prevented", "fanotify"));
        assert_eq!(found.deviations.len(), 1);
        let done = observation(Fact::File(access));
        assert!(verdict(&done).deviations.iter().all(|one| one.dimension != Dimension::Secrets));
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
}
