use std::sync::Arc;

use jiff::Timestamp;
use lazaret_format::v1::ReasonBody;
use lazaret_policy::{Policy, may_promote};
use lazaret_store::{ImageRow, NewPromotion};
use lazaret_trust::{Envelope, Predicate, PromotionPredicate, Verified};
use serde_json::json;

use super::evidence_of;
use super::upload::keep;
use crate::api::policy::NONE;
use crate::app::App;
use crate::auth::Caller;
use crate::commit::Change;
use crate::http::{Answer, ApiError, reason_bodies};
use crate::wake::wake;

/// Keeps a verified promotion if the policy in force permits it, and answers the revision that holds it;
/// else answers why not. Both leave an entry in the audit log.
pub(in crate::api) async fn accept(
    change: &mut Change<'_>,
    app: &Arc<App>,
    image: &ImageRow,
    verified: &Verified,
    envelope: &Envelope,
    caller: &Caller,
) -> Answer<Result<u64, Vec<ReasonBody>>> {
    let Predicate::Promotion(promotion) = &verified.statement.predicate else {
        return Err(ApiError::invalid("the statement is no promotion"));
    };
    let reasons = refusal(change, app, image, promotion).await?;
    if !reasons.is_empty() {
        let rules: Vec<&str> = reasons.iter().map(|reason| reason.rule.as_str()).collect();
        let data = json!({
            "image": format!("{}@{}", image.repository, image.manifest), "stage": promotion.to.as_str(),
            "envelope": verified.envelope.to_string(), "key": verified.key, "rules": rules, "by": caller.title(),
        });
        change.record("promotion-refused", data)?;
        return Ok(Err(reasons));
    }
    keep(change, image, verified, envelope, None, caller).await?;
    let new = NewPromotion {
        image: image.id,
        envelope: verified.envelope,
        stage: promotion.to.as_str(),
        from: promotion.from.as_ref().map(|stage| stage.as_str()),
        key: &verified.key,
        at: &promotion.at,
    };
    change.write.add_promotion(&new).await?;
    let revision = change.write.next_revision().await?;
    change.after(|memory| wake(&memory.wake.admissions));
    Ok(Ok(revision))
}

async fn refusal(
    change: &mut Change<'_>,
    app: &App,
    image: &ImageRow,
    promotion: &PromotionPredicate,
) -> Answer<Vec<ReasonBody>> {
    let Some(policy) = change.view().policy().await? else {
        return Ok(vec![reason("no-policy", NONE, "push one with `lazaret policy push FILE`")]);
    };
    let policy = Policy::parse(&policy.text, "the policy in force").map_err(ApiError::internal)?;
    let collected = evidence_of(&mut change.view(), image, &app.trusted, &[]).await?;
    let mut reasons = match may_promote(&policy, &collected.evidence, &promotion.to, Timestamp::now()) {
        Ok(()) => Vec::new(),
        Err(reasons) => reason_bodies(&reasons),
    };
    // Each link of the chain must be there to be looked at.
    for envelope in &promotion.evidence {
        if collected.statements.iter().all(|known| known.envelope != *envelope) {
            let message = format!("the promotion rests on the statement {envelope}, which is not known here");
            reasons.push(reason(
                "unknown-evidence",
                &message,
                "send the statement first: `lazaret attest` does",
            ));
        }
    }
    Ok(reasons)
}

fn reason(rule: &str, message: &str, remedy: &str) -> ReasonBody {
    ReasonBody { rule: rule.to_owned(), message: message.to_owned(), remedy: remedy.to_owned() }
}
