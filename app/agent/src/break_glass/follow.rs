//! Hears from the server what is open, and ends by itself what is over.

use std::sync::Arc;
use std::time::Duration;

use lazaret_format::v1::EventKind;

use super::{BreakGlass, Change};
use crate::server::{BackOff, POLL_SECONDS, Server};
use crate::spool::Spool;

/// A server that answers without having waited is not asked without a pause.
const PAUSE: Duration = Duration::from_millis(100);
const TICK: Duration = Duration::from_millis(500);

/// Runs for ever.
pub async fn run(server: Server, glass: Arc<BreakGlass>, spool: Spool) {
    tokio::join!(hear(server, &glass, &spool), expire(&glass, &spool));
}

async fn hear(server: Server, glass: &Arc<BreakGlass>, spool: &Spool) {
    let mut back_off = BackOff::default();
    // What an earlier agent knew of this revision, and had no time to keep, is asked for again.
    let mut after = 0;
    loop {
        match server.break_glass(after, POLL_SECONDS).await {
            Ok(snapshot) => {
                back_off.reset();
                if snapshot.revision != after || after == 0 {
                    after = snapshot.revision;
                    change(glass, spool, move |glass| glass.apply(snapshot)).await;
                }
            }
            Err(error) => {
                tracing::debug!("{error}; what is open stays open until its end");
                back_off.wait().await;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn expire(glass: &Arc<BreakGlass>, spool: &Spool) {
    loop {
        change(glass, spool, BreakGlass::expire).await;
        tokio::time::sleep(TICK).await;
    }
}

async fn change(
    glass: &Arc<BreakGlass>,
    spool: &Spool,
    work: impl FnOnce(&BreakGlass) -> Change + Send + 'static,
) {
    let glass = Arc::clone(glass);
    let Ok(change) = tokio::task::spawn_blocking(move || work(&glass)).await else {
        tracing::error!("a change of what is open could not be taken in");
        return;
    };
    for news in change.news {
        tracing::warn!(grant = news.grant, container = news.container, state = news.state, "break-glass");
        spool.note(EventKind::BreakGlass(Box::new(news)));
    }
    for what in change.complaints {
        tracing::error!("{what}");
        spool.note(EventKind::Gap { what, count: 1 });
    }
}
