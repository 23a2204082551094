//! Whether an image may go on to a stage.

use jiff::Timestamp;
use lazaret_model::{Evidence, Outcome, Reason, Stage};

use crate::policy::{Policy, Requirement, StageRule};

/// Decides whether an image may be promoted to a stage: the stage exists, and everything is proven that it
/// requires, the stage before it included; there the image must still be allowed to run.
pub fn may_promote(
    policy: &Policy,
    evidence: &Evidence,
    to: &Stage,
    now: Timestamp,
) -> Result<(), Vec<Reason>> {
    let Some(rule) = policy.stage(to) else { return Err(vec![unknown_stage(policy, to)]) };
    let mut reasons = missing(policy, rule, evidence);
    if rule.requires.contains(&Requirement::PreviousStage)
        && let Some(previous) = policy.previous_stage(to).and_then(|previous| policy.stage(previous))
    {
        reasons.extend(expired(previous, &reference(evidence), evidence, now));
    }
    if reasons.is_empty() { Ok(()) } else { Err(reasons) }
}

/// The reason why no promotion to a stage counts any more, if there were any.
pub(crate) fn expired(rule: &StageRule, image: &str, evidence: &Evidence, now: Timestamp) -> Option<Reason> {
    let valid = rule.promotion_valid_for?;
    let mut promotions = evidence.promotions.iter().filter(|promotion| promotion.to == rule.name).peekable();
    promotions.peek()?;
    // A promotion that does not say when it was made cannot be young.
    let counts = |at: &str| at.parse::<Timestamp>().is_ok_and(|at| now.duration_since(at) <= valid);
    if promotions.any(|promotion| counts(&promotion.at)) {
        return None;
    }
    Some(Reason {
        rule: "promotion-expired".to_owned(),
        message: format!(
            "the promotion of {image} to {} is older than {}",
            rule.name,
            crate::age::words(valid)
        ),
        remedy: format!("promote it again with {}", command(evidence, &rule.name)),
    })
}

pub(crate) fn unknown_stage(policy: &Policy, stage: &Stage) -> Reason {
    let known: Vec<&str> = policy.stages.iter().map(|rule| rule.name.as_str()).collect();
    Reason {
        rule: "unknown-stage".to_owned(),
        message: format!("the policy knows no stage `{stage}`"),
        remedy: match known.as_slice() {
            [] => "add a section `stages:` to the policy".to_owned(),
            _ => format!("name one of: {}", known.join(", ")),
        },
    }
}

/// One reason for each thing that a stage requires and that is not proven.
pub(crate) fn missing(policy: &Policy, rule: &StageRule, evidence: &Evidence) -> Vec<Reason> {
    rule.requires.iter().filter_map(|requirement| unmet(policy, rule, *requirement, evidence)).collect()
}

fn unmet(policy: &Policy, rule: &StageRule, requirement: Requirement, evidence: &Evidence) -> Option<Reason> {
    let name = reference(evidence);
    let stage = &rule.name;
    let (message, remedy) = match requirement {
        Requirement::Signature if !evidence.signed => (
            format!("{name} has no signature of a trusted key, which {stage} requires"),
            format!("sign it with `lazaret sign {name} --key FILE`"),
        ),
        Requirement::Sbom if !evidence.has_sbom => (
            format!("{name} has no bill of material, which {stage} requires"),
            format!("attest it with `lazaret attest {name} --key FILE --db FILE --policy FILE`"),
        ),
        Requirement::ScanPassed => match evidence.scan {
            Some(Outcome::Pass) => return None,
            Some(Outcome::Refuse) => (
                format!("the newest scan of {name} was refused, and {stage} requires one that passed"),
                format!(
                    "see what it found with `lazaret scan {name} --policy FILE`, and build the image anew"
                ),
            ),
            None => (
                format!("{name} has no attested scan, which {stage} requires"),
                format!("attest it with `lazaret attest {name} --key FILE --db FILE --policy FILE`"),
            ),
        },
        Requirement::PreviousStage => match policy.previous_stage(stage) {
            Some(previous) if !evidence.is_promoted_to(previous) => (
                format!("{name} is not promoted to {previous}, which comes before {stage}"),
                format!("promote it with {} first", command(evidence, previous)),
            ),
            _ => return None,
        },
        Requirement::Signature | Requirement::Sbom => return None,
    };
    Some(Reason { rule: format!("{stage}-requires-{}", requirement.name()), message, remedy })
}

fn reference(evidence: &Evidence) -> String {
    format!("{}@{}", crate::mistake::shorten(&evidence.repository), evidence.manifest)
}

pub(crate) fn command(evidence: &Evidence, stage: &Stage) -> String {
    format!("`lazaret promote {} --to {stage} --key FILE`", reference(evidence))
}
