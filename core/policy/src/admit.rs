//! The one admission function: the same answer at every edge that asks whether a container may run.

use jiff::Timestamp;
use lazaret_model::{Evidence, Reason, RunConfiguration, Stage};

use crate::mistake::shorten;
use crate::policy::Policy;
use crate::{promote, run};

/// A wish to run a container.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// What the caller called the image, with its digest where it is known: `shop:v1 (sha256:…)`.
    pub image: &'a str,
    pub run: &'a RunConfiguration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    pub allow: bool,
    /// Why not; empty when it is allowed.
    pub reasons: Vec<Reason>,
}

/// Decides whether a container may run on a host of a stage. `evidence` is what is proven of the very image
/// that would run, `None` when nothing is.
pub fn admit(
    policy: &Policy,
    stage: &Stage,
    wish: &Wish<'_>,
    evidence: Option<&Evidence>,
    now: Timestamp,
) -> Admission {
    let image = shorten_reference(wish.image);
    let mut reasons = match evidence {
        Some(evidence) => image_reasons(policy, stage, &image, evidence, now),
        None => vec![unknown(&image, stage)],
    };
    reasons.extend(run::forbidden(policy, wish.run));
    Admission { allow: reasons.is_empty(), reasons }
}

/// Foreign text, but a digest is what people go on with: it is kept whole, and so is what the caller notes behind it.
fn shorten_reference(image: &str) -> String {
    let (reference, note) = image.split_at(image.find(' ').unwrap_or(image.len()));
    let short = match reference.split_once('@') {
        Some((name, digest)) if digest.parse::<lazaret_model::Digest>().is_ok() => {
            format!("{}@{digest}", shorten(name))
        }
        _ => shorten(reference),
    };
    short + &shorten(note)
}

fn unknown(image: &str, stage: &Stage) -> Reason {
    Reason {
        rule: "unknown-image".to_owned(),
        message: format!("image {image} is not known: nothing signed about it was found"),
        remedy: format!(
            "push it, then `lazaret sign`, `lazaret attest` and `lazaret promote` it by digest up to {stage}"
        ),
    }
}

fn image_reasons(
    policy: &Policy,
    stage: &Stage,
    image: &str,
    evidence: &Evidence,
    now: Timestamp,
) -> Vec<Reason> {
    let Some(rule) = policy.stage(stage) else {
        return vec![promote::unknown_stage(policy, stage)];
    };
    let mut reasons = promote::missing(policy, rule, evidence);
    if !evidence.is_promoted_to(stage) {
        reasons.insert(0, not_promoted(policy, stage, image, evidence));
    }
    reasons.extend(promote::expired(rule, &format!("image {image}"), evidence, now));
    reasons
}

fn not_promoted(policy: &Policy, stage: &Stage, image: &str, evidence: &Evidence) -> Reason {
    // Every stage on the way that it has not passed yet.
    let way: Vec<String> = policy
        .stages
        .iter()
        .scan(true, |before, rule| std::mem::replace(before, rule.name != *stage).then_some(rule))
        .filter(|rule| rule.name == *stage || !evidence.is_promoted_to(&rule.name))
        .map(|rule| promote::command(evidence, &rule.name))
        .collect();
    Reason {
        rule: "not-promoted".to_owned(),
        message: format!("image {image} is not promoted to {stage}"),
        remedy: format!("promote it with {}", way.join(", then ")),
    }
}
