use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use lazaret_format::v1::{AgentEvent, EventAck, EventBatch, EventKind};
use lazaret_store::{DecisionRow, NewEvent};
use serde_json::{Value, json};

use super::check::{Batch, Event, check};
use super::containers::{Effect, follow};
use super::sessions;
use crate::api::document::Refusals;
use crate::app::App;
use crate::auth::AgentCaller;
use crate::commit::Change;
use crate::http::{Answer, Body};
use crate::wake::wake;

/// Stores what happened on a host. The answer leaves when it is on the disk.
#[utoipa::path(
    post, path = "/v1/agent/events", tag = "agent", security(("agent" = [])), request_body = EventBatch,
    responses((status = 200, body = EventAck), Refusals)
)]
pub(in crate::api) async fn ingest(
    State(app): State<Arc<App>>,
    Extension(agent): Extension<AgentCaller>,
    Body(batch): Body<EventBatch, { 8 << 20 }>,
) -> Answer<Json<EventAck>> {
    let batch = check(batch)?;
    let through = app.commits.run(move |change| Box::pin(store(change, agent, batch))).await?;
    Ok(Json(EventAck { through }))
}

async fn store(change: &mut Change<'_>, agent: AgentCaller, batch: Batch) -> Answer<u64> {
    let mut spool = change.write.spool(agent.id, &batch.spool).await?;
    let events = without_stored(change, spool.id, spool.through, batch.events).await?;
    let mut rows: Vec<NewEvent<'_>> = Vec::with_capacity(events.len());
    let mut places = Vec::with_capacity(events.len());
    let mut expected = spool.through + 1;
    for event in &events {
        let seq = event.event.seq;
        if seq > expected {
            rows.push(gap(change.now(), expected, seq));
        }
        expected = expected.max(seq + 1);
        places.push(rows.len() as u64);
        rows.push(NewEvent {
            seq: Some(seq),
            container: event.container(),
            image_config: event.image_config,
            body: event.body.clone(),
        });
    }
    let lost = spool.lost.max(batch.lost);
    if !rows.is_empty() || lost != spool.lost {
        let first = change.take_positions(rows.len()).await?;
        change.write.add_events(spool.id, first, &rows).await?;
        record(change, &agent, &events, first, &places).await?;
        sessions::follow(change, &agent, &events, first, &places).await?;
        let effects = follow(change, &agent, &events).await?;
        (spool.through, spool.lost) = (expected - 1, lost);
        spool.events += events.len() as u64;
        change.write.set_spool(&spool).await?;
        change.after(move |memory| {
            Effect::apply(effects, &mut memory.fleet_mut().index);
            wake(&memory.wake.events);
        });
    }
    Ok(spool.through)
}

/// Events that are new. Nearly always all of a batch are, or a batch was sent again whole.
async fn without_stored(
    change: &mut Change<'_>,
    spool: i64,
    through: u64,
    mut events: Vec<Event>,
) -> Answer<Vec<Event>> {
    let (Some(first), Some(last)) = (events.first(), events.last()) else { return Ok(events) };
    let (first, last) = (first.event.seq, last.event.seq);
    if first <= through {
        let stored = change.view().stored_numbers(spool, first, last.min(through)).await?;
        events.retain(|event| !stored.contains(&event.event.seq));
    }
    Ok(events)
}

/// The server's own word about numbers that an agent left out.
fn gap(now: &str, expected: u64, seq: u64) -> NewEvent<'static> {
    let count = seq - expected;
    let what = match count {
        1 => format!("event {expected} of the agent's spool never came"),
        _ => format!("events {expected} to {} of the agent's spool never came", seq - 1),
    };
    let event = AgentEvent { seq: 0, at: now.to_owned(), what: EventKind::Gap { what, count } };
    let body = json!(event).to_string();
    NewEvent { seq: None, container: None, image_config: None, body }
}

/// Entries in the audit log for what was decided and enforced.
async fn record(
    change: &mut Change<'_>,
    agent: &AgentCaller,
    events: &[Event],
    first: u64,
    places: &[u64],
) -> Answer<()> {
    let mut decisions = Vec::new();
    for (event, place) in events.iter().zip(places) {
        match &event.event.what {
            EventKind::Decided { decision, container, .. } => {
                let audit = change.record_if_open("decision", decision_entry(&agent.host, &event.event))?;
                decisions.push(DecisionRow {
                    position: first + place,
                    agent: agent.id,
                    decision: decision.clone(),
                    container: container.clone(),
                    image_config: event.image_config,
                    audit,
                });
            }
            EventKind::ExecutionDenied { container, image_config, path, sha256, by, rung, .. } => {
                let data = json!({
                    "host": agent.host, "container": container, "image": image_config, "path": path,
                    "sha256": sha256, "by": by, "rung": rung, "at": event.event.at,
                });
                change.record_if_open("execution-denied", data)?;
            }
            _ => {}
        }
    }
    change.write.add_decisions(&decisions).await?;
    Ok(())
}

/// What the audit log keeps of a decision: rules by their names, whose sentences may quote what users wrote.
pub(crate) fn decision_entry(host: &str, event: &AgentEvent) -> Value {
    match &event.what {
        EventKind::Decided {
            decision,
            allow,
            operation,
            subject,
            image_config,
            container,
            policy,
            reasons,
            grant,
            ..
        } => {
            let rules: Vec<&str> = reasons.iter().map(|reason| reason.rule.as_str()).collect();
            let mut entry = json!({
                "decision": decision, "host": host, "allow": allow, "operation": operation, "subject": subject,
                "image": image_config, "container": container, "policy": policy, "rules": rules, "at": event.at,
            });
            if let Some(grant) = grant {
                entry["break-glass"] = json!(grant);
            }
            entry
        }
        _ => Value::Null,
    }
}
