//! Sends what was learned to the server: what is on disk, whole, as often as it changed but not more often than
//! every few seconds. The server takes it for all that this agent knows of an image, so sending twice is harmless.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;

use super::shelf::{Title, titles};
use crate::server::{BackOff, CallError, Server};

/// Between two rounds.
const PAUSE: Duration = Duration::from_secs(5);

/// Runs for ever. Begins with everything that is on disk: the server may have lost it.
pub async fn run(server: Server, directory: PathBuf, mut saved: mpsc::UnboundedReceiver<Title>) {
    let mut waiting: HashSet<Title> = titles(&directory).into_iter().map(|(title, _)| title).collect();
    let mut back_off = BackOff::default();
    let mut complained = false;
    loop {
        if waiting.is_empty() {
            match saved.recv().await {
                Some(title) => drop(waiting.insert(title)),
                None => return,
            }
        }
        while let Ok(title) = saved.try_recv() {
            waiting.insert(title);
        }
        match send_all(&server, &directory, &mut waiting).await {
            Ok(()) => {
                if complained {
                    tracing::info!("the server takes what was learned again");
                }
                complained = false;
                back_off.reset();
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => {
                if !complained {
                    tracing::warn!("{error}; what was learned waits on disk");
                }
                complained = true;
                back_off.wait().await;
            }
        }
    }
}

async fn send_all(
    server: &Server,
    directory: &std::path::Path,
    waiting: &mut HashSet<Title>,
) -> Result<(), CallError> {
    let titles: Vec<Title> = waiting.iter().cloned().collect();
    for title in titles {
        // Dropped meanwhile: then there is nothing to say.
        let Some(body) = title.read(directory) else {
            waiting.remove(&title);
            continue;
        };
        match server.put_learned(&title.image_config, &title.variant, body).await {
            Ok(()) => {}
            // It will never take this one; the next change makes another.
            Err(CallError::Refused { status, message }) => {
                tracing::error!(
                    status,
                    image = title.image_config,
                    "the server does not take what was learned: {message}"
                );
            }
            Err(error) => return Err(error),
        }
        waiting.remove(&title);
    }
    Ok(())
}
