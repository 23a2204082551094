//! What of an observation is learned.

use lazaret_model::{Behaviour, Fact};
use lazaret_profile::Mode;
use lazaret_profile::learn;
use lazaret_sensor::{Observation, Outcome};

use super::shelf::Shelf;
use super::verdict::{Verdict, seconds};
use super::watched::{Placed, Watched};

/// Takes in what was allowed, or is only to be learned. What deviates where deviations are told is for people.
pub(super) fn learn(
    shelf: &mut Shelf,
    watched: &mut Watched,
    observation: &Observation,
    placed: Placed,
    verdict: &Verdict,
) {
    let Some(known) = watched.known.as_mut().filter(|known| known.learning) else { return };
    let profile = &known.expectation.profile;
    let Some(learned) = shelf.learned(&profile.subject) else { return };
    let (replica, at) = (watched.replica, seconds(observation.at));
    if placed.started {
        known.counted.starts = known.counted.starts.saturating_add(1);
        learned.started(replica, at, known.counted.starts);
    }
    if !verdict.broken.is_empty() {
        learned.taint(replica);
    }
    let behaviour = &observation.behaviour;
    let is_off = profile.modes.of(behaviour.dimension()) == Mode::Off;
    if is_off || !has_happened(behaviour, observation.outcome) || !verdict.deviations.is_empty() {
        learned.watched(replica, at);
        return;
    }
    let (phase, visit) = placed.circumstances;
    learned.observe(learn::Observation { replica, at, phase, visit, behaviour });
}

/// What was prevented or failed for want of permission is no need of the program. A peer that was not there is.
fn has_happened(behaviour: &Behaviour, outcome: Outcome) -> bool {
    const EPERM: i32 = 1;
    const EACCES: i32 = 13;
    match outcome {
        Outcome::Done => true,
        Outcome::Failed(errno) => {
            matches!(behaviour.fact, Fact::Connect(_)) && !matches!(errno, EPERM | EACCES)
        }
        Outcome::Refused(_) | Outcome::DiedBeforeStart | Outcome::Killed => false,
    }
}
