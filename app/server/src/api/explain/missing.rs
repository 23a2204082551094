//! What a chain of evidence lacks, in plain words.

use lazaret_format::v1::{ContainerBody, ExplainDecision, ExplainStatement, ReasonBody};
use lazaret_model::Outcome;
use lazaret_trust::{Collected, Predicate};

pub(super) fn of_container(container: Option<&ContainerBody>, decisions: &[ExplainDecision]) -> Vec<String> {
    let Some(container) = container else { return Vec::new() };
    let Some(admitted_by) = &container.decision else {
        return vec![format!(
            "this container was never admitted: it was started on {} past the engine that Lazaret guards",
            container.host
        )];
    };
    let mut missing = Vec::new();
    match decisions.iter().find(|decision| decision.decision == *admitted_by) {
        None => missing.push(format!("its admission, decision {admitted_by}, was never reported")),
        Some(decision) if !decision.allow => {
            missing.push(format!("decision {admitted_by}, which it claims to be admitted by, refused it"));
        }
        Some(_) => {}
    }
    missing
}

pub(super) fn of_unknown_image(container: Option<&ContainerBody>) -> Option<String> {
    let container = container?;
    Some(match &container.image_config {
        Some(config) => format!("nothing was ever stated about its image {config}"),
        None => "it is of no image that an engine knows".to_owned(),
    })
}

pub(super) fn of_image(collected: &Collected, statements: &[ExplainStatement]) -> Vec<String> {
    let evidence = &collected.evidence;
    let mut missing = Vec::new();
    let mut lacks = |condition: bool, sentence: &str| {
        if condition {
            missing.push(sentence.to_owned());
        }
    };
    lacks(!evidence.signed, "the image has no signature of a trusted key");
    lacks(!evidence.has_sbom, "the image has no bill of material");
    match evidence.scan {
        None => lacks(true, "the image has no attested scan"),
        Some(Outcome::Refuse) => lacks(true, "the newest attested scan refused the image"),
        Some(Outcome::Pass) => {}
    }
    let incomplete = collected.verdict().is_some_and(|(_, verdict)| !verdict.complete);
    lacks(incomplete, "the newest attested scan could not read the whole image");
    lacks(collected.executables.is_none(), "nothing states which files the image may execute");
    lacks(evidence.promotions.is_empty(), "the image is promoted to no stage");
    for statement in statements.iter().filter(|statement| !statement.verified) {
        missing.push(format!(
            "statement {} ({}) is signed by no key that is trusted now",
            statement.envelope, statement.title
        ));
    }
    let known = |envelope: &lazaret_model::Digest| {
        collected.statements.iter().any(|other| other.envelope == *envelope)
    };
    for verified in &collected.statements {
        let Predicate::Promotion(promotion) = &verified.statement.predicate else { continue };
        for envelope in promotion.evidence.iter().filter(|envelope| !known(envelope)) {
            missing
                .push(format!("the promotion to {} rests on {envelope}, which is not known", promotion.to));
        }
    }
    missing
}

/// Stands with a decision that came while the audit log was closed.
pub(super) fn unlogged() -> ReasonBody {
    ReasonBody {
        rule: "not-in-audit-log".to_owned(),
        message: "this decision has no entry in the audit log, which was closed when it came".to_owned(),
        remedy: String::new(),
    }
}
