use lazaret_format::v1::{PolicyBody, PromotionRequest, PromotionResponse};
use lazaret_model::{Digest, Evidence, Stage};
use lazaret_policy::Policy;
use lazaret_trust::{Collected, Predicate, PromotionPredicate, Statement};

use crate::args::PromoteArgs;
use crate::client::Client;
use crate::evidence::{self, Subject};
use crate::failure::{Code, Failure, Outcome};
use crate::output::{print, print_json};
use crate::settings::Settings;

/// Verifies the evidence here before it signs, and lets the server verify again: neither believes the other.
pub(crate) async fn run(settings: &Settings, args: &PromoteArgs) -> Outcome {
    let (reference, manifest) = super::by_digest(&args.image)?;
    let stage: Stage = args.to.parse().map_err(Failure::input)?;
    let key = super::key::read(&args.key.key)?;
    let client = Client::new(settings)?;
    let subject = Subject::fetch(reference, manifest, &args.registries).await?;

    let in_force: PolicyBody = client.get("/v1/policy").await?;
    let policy = Policy::parse(&in_force.text, "the server's policy").map_err(Failure::input)?;
    let envelopes = subject.attached().await?;
    let collected = subject.evidence(&envelopes, std::slice::from_ref(key.verifying_key()));
    let now = jiff::Timestamp::now();
    lazaret_policy::may_promote(&policy, &collected.evidence, &stage, now)
        .map_err(|reasons| refusal(&subject, &stage, &reasons))?;

    let promotion = predicate(&policy, &collected, &stage, subject.config, now);
    let statement = Statement::about(&subject.repository(), manifest, Predicate::Promotion(promotion));
    let envelope = subject.attach(&statement, &key).await?;
    subject.upload(&client, &envelopes).await?;
    let request =
        PromotionRequest { manifest: manifest.to_string(), envelope: evidence::to_body(&envelope)? };
    let answer: PromotionResponse = client.post("/v1/promotions", &request).await?;
    if settings.json() {
        return print_json(&answer);
    }
    print(&format!("{} may run in {}\n{}\n", subject.reference, answer.stage, envelope.digest()))
}

fn predicate(
    policy: &Policy,
    collected: &Collected,
    stage: &Stage,
    config: Digest,
    now: jiff::Timestamp,
) -> PromotionPredicate {
    let mut evidence: Vec<Digest> = collected.statements.iter().map(|verified| verified.envelope).collect();
    evidence.sort_unstable();
    PromotionPredicate {
        to: stage.clone(),
        from: previous(policy, &collected.evidence, stage),
        config,
        evidence,
        policy: policy.digest(),
        at: now.to_string(),
    }
}

/// The stage it comes from, if it has been there.
fn previous(policy: &Policy, evidence: &Evidence, stage: &Stage) -> Option<Stage> {
    policy.previous_stage(stage).filter(|previous| evidence.is_promoted_to(previous)).cloned()
}

fn refusal(subject: &Subject, stage: &Stage, reasons: &[lazaret_model::Reason]) -> Failure {
    let mut message = format!("{} may not be promoted to {stage}", subject.reference);
    for reason in reasons {
        message.push_str(&format!("\n  {}: {}", reason.rule, reason.message));
    }
    let remedies: Vec<&str> =
        reasons.iter().map(|reason| reason.remedy.as_str()).filter(|text| !text.is_empty()).collect();
    Failure::new(Code::Refused, message).hint(remedies.join("; "))
}
