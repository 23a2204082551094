use jiff::Timestamp;
use lazaret_format::v1::{AgentEvent, EventBatch, EventKind};
use lazaret_model::Digest;

use crate::http::{Answer, ApiError, shorten};

/// Events of one batch; agents send a few hundred.
const MOST_EVENTS: usize = 10_000;

/// Numbers above this are no numbers of a spool: the database counts with 63 bits.
const LARGEST_SEQ: u64 = 1 << 53;

/// A batch whose every event can be stored.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) spool: String,
    pub(super) lost: u64,
    /// Ascending by number.
    pub(super) events: Vec<Event>,
}

#[derive(Debug)]
pub(super) struct Event {
    pub(super) event: AgentEvent,
    /// As it is kept.
    pub(super) body: String,
    pub(super) image_config: Option<Digest>,
}

impl Event {
    pub(super) fn container(&self) -> Option<&str> {
        container(&self.event.what)
    }
}

/// Refuses the whole batch if one event is no event: agents then send smaller ones until they know which.
pub(super) fn check(batch: EventBatch) -> Answer<Batch> {
    let EventBatch { spool, events, lost } = batch;
    if spool.is_empty() || spool.len() > 128 || !spool.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(ApiError::invalid("`spool` must be 1 to 128 printable characters without spaces"));
    }
    if events.len() > MOST_EVENTS {
        return Err(ApiError::invalid(format!("a batch has at most {MOST_EVENTS} events")));
    }
    let mut checked = Vec::with_capacity(events.len());
    let mut last = 0;
    for event in events {
        let seq = event.seq;
        let fail = |why: String| ApiError::invalid(format!("event {seq}: {why}"));
        if seq <= last || seq > LARGEST_SEQ {
            return Err(fail("numbers of a batch ascend from 1".to_owned()));
        }
        last = seq;
        let image_config = details(&event).map_err(fail)?;
        let body = serde_json::to_string(&event).map_err(ApiError::internal)?;
        checked.push(Event { event, body, image_config });
    }
    Ok(Batch { spool, lost, events: checked })
}

/// What of an event other parts rely on.
fn details(event: &AgentEvent) -> Result<Option<Digest>, String> {
    time("at", &event.at)?;
    if let Some(container) = container(&event.what)
        && (container.is_empty() || container.len() > 128 || !container.bytes().all(|b| b.is_ascii_graphic()))
    {
        return Err("`container` must be 1 to 128 printable characters without spaces".to_owned());
    }
    match &event.what {
        EventKind::ContainerStarted { started, .. } => time("started", started)?,
        EventKind::Decided { decision, .. } if decision.is_empty() => {
            return Err("`decision` is empty".to_owned());
        }
        _ => {}
    }
    image_config(&event.what)
        .map(|text| text.parse::<Digest>().map_err(|error| format!("`image_config`: {error}")))
        .transpose()
}

fn time(field: &str, text: &str) -> Result<(), String> {
    match text.parse::<Timestamp>() {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("`{field}` is `{}`, not a time as in RFC 3339", shorten(text))),
    }
}

fn container(what: &EventKind) -> Option<&str> {
    match what {
        EventKind::Decided { container, .. } => container.as_deref(),
        EventKind::ContainerStarted { container, .. }
        | EventKind::ContainerRenamed { container, .. }
        | EventKind::ContainerEnded { container, .. }
        | EventKind::ExecutionDenied { container, .. } => Some(container),
        EventKind::Deviation(deviation) => Some(&deviation.container),
        EventKind::BreakGlass(news) => Some(&news.container),
        EventKind::SessionCommand(command) => Some(&command.container),
        EventKind::SessionEnded(ended) => Some(&ended.container),
        EventKind::AgentStarted { .. } | EventKind::Gap { .. } => None,
    }
}

fn image_config(what: &EventKind) -> Option<&str> {
    match what {
        EventKind::Decided { image_config, .. }
        | EventKind::ContainerStarted { image_config, .. }
        | EventKind::ExecutionDenied { image_config, .. } => image_config.as_deref(),
        EventKind::Deviation(deviation) => deviation.image_config.as_deref(),
        EventKind::SessionCommand(command) => command.image_config.as_deref(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seq: u64, what: EventKind) -> AgentEvent {
        AgentEvent { seq, at: "2026-01-02T03:04:05.678Z".to_owned(), what }
    }

    fn gap() -> EventKind {
        EventKind::Gap { what: "x".to_owned(), count: 1 }
    }

    fn ended(container: &str) -> EventKind {
        EventKind::ContainerEnded { container: container.to_owned(), exit_code: None }
    }

    fn refusal(spool: &str, events: Vec<AgentEvent>) -> String {
        check(EventBatch { spool: spool.to_owned(), events, lost: 0 }).unwrap_err().body.message
    }

    #[test]
    fn takes_what_can_be_stored() {
        let events = vec![event(1, gap()), event(7, ended("ns:4026531836")), event(LARGEST_SEQ, gap())];
        let batch = check(EventBatch { spool: "s".to_owned(), events, lost: 3 }).unwrap();
        assert_eq!((batch.events.len(), batch.events[1].container()), (3, Some("ns:4026531836")));
        assert!(batch.events[0].body.contains("\"kind\":\"gap\""));
    }

    #[test]
    fn names_what_cannot() {
        assert!(refusal("", vec![]).contains("spool"));
        assert!(refusal("s", vec![event(0, gap())]).contains("event 0"));
        assert!(refusal("s", vec![event(2, gap()), event(2, gap())]).contains("event 2"));
        assert!(refusal("s", vec![event(LARGEST_SEQ + 1, gap())]).contains("ascend"));
        assert!(refusal("s", vec![event(1, ended("a b"))]).contains("container"));
        let late = AgentEvent { at: "yesterday".to_owned(), ..event(1, gap()) };
        assert!(refusal("s", vec![late]).contains("`at` is `yesterday`"));
    }
}
