//! What the engine adds to what the kernel shows: names and exit codes. Never asked while a start is held: it
//! would wait for the answer that waits for it.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use lazaret_engine::docker::{Client, EngineContainer, EngineError, EngineEvent};
use tokio::sync::mpsc;

const RECONNECT: Duration = Duration::from_secs(1);
const EXIT_CODE_PATIENCE: Duration = Duration::from_millis(400);
const COMMAND_BYTES: u64 = 4096;

pub(super) enum FromEngine {
    /// All containers, after each new connection.
    Listed(Vec<EngineContainer>),
    Event(EngineEvent),
}

/// Passes on what the engine reports, for as long as anybody listens.
pub(super) async fn listen(socket: PathBuf, sender: mpsc::Sender<FromEngine>) {
    let mut complained = false;
    while !sender.is_closed() {
        match follow(&socket, &sender, &mut complained).await {
            Ok(()) => tracing::debug!("the engine ended its report of events"),
            Err(error) if !complained => {
                complained = true;
                tracing::warn!("{error}; names and exit codes are missing until it answers");
            }
            Err(_) => {}
        }
        tokio::time::sleep(RECONNECT).await;
    }
}

async fn follow(
    socket: &Path,
    sender: &mpsc::Sender<FromEngine>,
    complained: &mut bool,
) -> Result<(), EngineError> {
    let client = Client::connect(socket).await?;
    let mut events = pin!(client.watch());
    let mut listing = pin!(client.containers());
    let mut listed = false;
    loop {
        // First listen, then list: what changes in between is told twice rather than never.
        let message = tokio::select! {
            biased;
            event = events.next() => match event {
                Some(event) => FromEngine::Event(event?),
                None => return Ok(()),
            },
            containers = &mut listing, if !listed => {
                listed = true;
                *complained = false;
                FromEngine::Listed(containers?)
            }
        };
        if sender.send(message).await.is_err() {
            return Ok(());
        }
    }
}

/// The exit code of a container that has ended, if the engine says it soon.
pub(super) async fn exit_code(socket: &Path, id: &str) -> Option<i32> {
    if id.starts_with("ns:") {
        return None;
    }
    let ask = async {
        let client = Client::connect(socket).await.ok()?;
        let details = client.inspect(id).await.ok()?;
        // Started again meanwhile: this is not the exit code of the run that ended.
        details.exit_code.filter(|_| !details.running).and_then(|code| i32::try_from(code).ok())
    };
    tokio::time::timeout(EXIT_CODE_PATIENCE, ask).await.ok().flatten()
}

/// The command line of a process; `None`: it is gone.
pub(super) fn command(pid: u32) -> Option<String> {
    let bytes = {
        use std::io::Read;
        let mut bytes = Vec::new();
        std::fs::File::open(format!("/proc/{pid}/cmdline"))
            .ok()?
            .take(COMMAND_BYTES)
            .read_to_end(&mut bytes)
            .ok()?;
        bytes
    };
    let text = String::from_utf8_lossy(&bytes).replace('\0', " ");
    Some(text.trim_end().to_owned()).filter(|text| !text.is_empty())
}
