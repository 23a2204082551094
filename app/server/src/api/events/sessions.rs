//! What agents tell of sessions that came in through a break-glass: put where it is found again, and into the audit log.

use std::collections::HashMap;

use lazaret_format::v1::EventKind;
use lazaret_store::BreakGlassRow;
use lazaret_trust::digest_of;
use serde_json::{Value, json};

use super::check::Event;
use crate::auth::AgentCaller;
use crate::commit::Change;
use crate::http::Answer;

/// An agent's word counts for what was opened on its own host.
pub(super) async fn follow(
    change: &mut Change<'_>,
    agent: &AgentCaller,
    events: &[Event],
    first: u64,
    places: &[u64],
) -> Answer<()> {
    let mut known: HashMap<&str, Option<BreakGlassRow>> = HashMap::new();
    for (event, place) in events.iter().zip(places) {
        let Some(grant) = event.event.what.grant() else { continue };
        if !known.contains_key(grant) {
            let row = change.view().break_glass(grant).await?.filter(|row| row.agent == agent.id);
            known.insert(grant, row);
        }
        let Some(Some(row)) = known.get(grant) else { continue };
        change.write.add_break_glass_event(row.id, first.saturating_add(*place)).await?;
        if let EventKind::BreakGlass(news) = &event.event.what
            && news.state == "open"
        {
            change.write.set_break_glass_in_force(row.id, &event.event.at).await?;
        }
        if let Some((kind, data)) = entry(agent, event) {
            change.record_if_open(kind, data)?;
        }
    }
    Ok(())
}

/// What the audit log keeps: which program, and the digest of the event that has its arguments. Those may be secret, and
/// the log is for ever.
fn entry(agent: &AgentCaller, event: &Event) -> Option<(&'static str, Value)> {
    let at = &event.event.at;
    let digest = || digest_of(event.body.as_bytes()).to_string();
    Some(match &event.event.what {
        EventKind::BreakGlass(news) => {
            let kind = if news.state == "open" { "break-glass-in-force" } else { "break-glass-over" };
            let data = json!({
                "break-glass": news.grant, "host": agent.host, "container": news.container, "state": news.state,
                "at": at,
            });
            (kind, data)
        }
        EventKind::SessionCommand(command) => {
            let data = json!({
                "break-glass": command.grant, "host": agent.host, "container": command.container,
                "session": command.session, "program": command.process.exe, "uid": command.process.uid,
                "outcome": command.outcome, "event": digest(), "at": at,
            });
            ("session-command", data)
        }
        EventKind::SessionEnded(ended) => {
            let data = json!({
                "break-glass": ended.grant, "host": agent.host, "container": ended.container,
                "session": ended.session, "commands": ended.commands, "untold": ended.untold,
                "killed": ended.killed, "at": at,
            });
            ("session-ended", data)
        }
        _ => return None,
    })
}
