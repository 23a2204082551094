//! Sends what was learned and what is in use to the server: what is on disk, whole, as often as it changed but not more
//! often than every few seconds. The server takes it for all that this agent knows of an image, so sending twice is
//! harmless.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use lazaret_model::Digest;
use tokio::sync::mpsc;

use super::in_use;
use super::shelf::{Title, titles};
use crate::server::{BackOff, CallError, Server};

/// Between two rounds.
const PAUSE: Duration = Duration::from_secs(5);

/// Something that is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Letter {
    Learned(Title),
    /// What is in use of the image with this configuration.
    Used(Digest),
}

/// Where it is on disk.
#[derive(Debug, Clone)]
pub struct Directories {
    pub learned: PathBuf,
    pub used: PathBuf,
}

/// Runs for ever. Begins with everything that is on disk: the server may have lost it.
pub async fn run(server: Server, directories: Directories, mut saved: mpsc::UnboundedReceiver<Letter>) {
    let learned = titles(&directories.learned).into_iter().map(|(title, _)| Letter::Learned(title));
    let used = in_use::kept(&directories.used).into_iter().map(|(image, _)| Letter::Used(image));
    let mut waiting: HashSet<Letter> = learned.chain(used).collect();
    let mut back_off = BackOff::default();
    let mut complained = false;
    loop {
        if waiting.is_empty() {
            match saved.recv().await {
                Some(letter) => drop(waiting.insert(letter)),
                None => return,
            }
        }
        while let Ok(letter) = saved.try_recv() {
            waiting.insert(letter);
        }
        match send_all(&server, &directories, &mut waiting).await {
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
    directories: &Directories,
    waiting: &mut HashSet<Letter>,
) -> Result<(), CallError> {
    let letters: Vec<Letter> = waiting.iter().cloned().collect();
    for letter in letters {
        let body = match &letter {
            Letter::Learned(title) => title.read(&directories.learned),
            Letter::Used(image) => in_use::read(&directories.used, *image),
        };
        // Dropped meanwhile: then there is nothing to say.
        let Some(body) = body else {
            waiting.remove(&letter);
            continue;
        };
        let (sent, image, what) = match &letter {
            Letter::Learned(title) => {
                let sent = server.put_learned(&title.image_config, &title.variant, body).await;
                (sent, title.image_config.clone(), "learned")
            }
            Letter::Used(image) => (server.put_used(*image, body).await, image.to_string(), "in use"),
        };
        match sent {
            Ok(()) => {}
            // It will never take this one; the next change makes another.
            Err(CallError::Refused { status, message }) => {
                tracing::error!(status, image, "the server does not take what was {what}: {message}");
            }
            Err(error) => return Err(error),
        }
        waiting.remove(&letter);
    }
    Ok(())
}
