//! Sends the spool to the server. While the server is away events wait on disk; what it has stored is
//! deleted; what it already has it skips, so sending twice is harmless.

use std::time::Duration;

use lazaret_format::v1::{AgentEvent, EventBatch, EventKind};

use crate::server::{BackOff, CallError, Server};
use crate::spool::{Letter, Outbox};

const BATCH_EVENTS: usize = 500;
const BATCH_BYTES: usize = 4 << 20;
/// Events that come shortly after the first go with it.
const GATHER: Duration = Duration::from_millis(20);

/// Runs for ever.
pub async fn run(server: Server, mut outbox: Outbox) {
    let mut back_off = BackOff::default();
    let mut complained = false;
    loop {
        outbox.wait().await;
        tokio::time::sleep(GATHER).await;
        let letter = outbox.read(BATCH_EVENTS, BATCH_BYTES);
        let Some(last) = letter.events.last().map(|event| event.seq) else { continue };
        match send(&server, &mut outbox, letter).await {
            Ok(through) => {
                if complained {
                    tracing::info!(through, "the server takes events again");
                }
                complained = false;
                back_off.reset();
                if through < last {
                    // It stored less than it got: send the rest again, but not in a hot loop.
                    outbox.rewind();
                    back_off.wait().await;
                }
            }
            Err(error) => {
                if !complained {
                    tracing::warn!("{error}; events wait in the spool");
                }
                complained = true;
                outbox.rewind();
                back_off.wait().await;
            }
        }
    }
}

/// Sends a letter. A server that refuses the whole of it is asked about each half, so that one event that
/// it cannot take does not hold up the others for ever.
async fn send(server: &Server, outbox: &mut Outbox, letter: Letter) -> Result<u64, CallError> {
    let spool = outbox.spool().identity().to_owned();
    let mut through = 0;
    let mut parts: Vec<Vec<AgentEvent>> = vec![letter.events];
    while let Some(events) = parts.pop() {
        let batch = EventBatch { spool: spool.clone(), events, lost: letter.lost };
        match server.send_events(&batch).await {
            Ok(ack) => {
                outbox.ack(ack.through);
                through = through.max(ack.through);
            }
            Err(CallError::Refused { message, .. }) if batch.events.len() > 1 => {
                tracing::warn!(
                    events = batch.events.len(),
                    "the server refuses a batch, trying smaller ones: {message}"
                );
                let mut first = batch.events;
                let second = first.split_off(first.len() / 2);
                parts.push(second);
                parts.push(first);
            }
            Err(CallError::Refused { message, .. }) => {
                for event in batch.events {
                    tracing::error!(
                        seq = event.seq,
                        "the server will not take an event, it is given up: {message}"
                    );
                    outbox.give_up(event.seq);
                    through = through.max(event.seq);
                    if !matches!(event.what, EventKind::Gap { .. }) {
                        let what = format!("the server refused event {}: {message}", event.seq);
                        outbox.spool().note(EventKind::Gap { what, count: 1 });
                    }
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(through)
}
