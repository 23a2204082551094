//! `lazaret db serve`: the database for a site, to be pulled as from a registry, or downloaded.
//!
//! Read-only, and without secrets: what is served is public to whoever reaches the address, and what proves that it is
//! genuine is the signature that travels along, not the server.

mod http;
mod range;
mod version;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lazaret_server::{Bounds, accept};
use lazaret_trust::SigningKey;
use tokio::sync::watch;

use super::store::blocking;
use crate::args::DatabaseArg;
use crate::commands;
use crate::failure::{Code, Failure, Outcome};
use crate::output::{print, print_json, remark};
use crate::settings::Settings;
use version::{Shelf, Stamp, Version};

/// A pull takes eight connections at most, and a caller that trickles its request is gone soon.
const BOUNDS: Bounds = Bounds { connections: 1024, head: Duration::from_secs(15) };

/// How often it is looked whether there is another database.
const LOOK: Duration = Duration::from_millis(500);

pub(super) async fn run(
    settings: &Settings,
    listen: SocketAddr,
    key: Option<PathBuf>,
    argument: DatabaseArg,
) -> Outcome {
    let key = key.as_deref().map(commands::key::read).transpose()?.map(Arc::new);
    let listener = tokio::net::TcpListener::bind(listen).await;
    let listener =
        listener.map_err(|error| Failure::new(Code::Local, format!("cannot listen at {listen}: {error}")))?;
    let address = listener.local_addr().unwrap_or(listen);
    let shelf = Arc::new(Shelf::default());
    let mut stamp = Stamp::of(&argument.db);
    let first = read(&argument, key.clone(), &shelf).await?;
    say(settings, address, &first)?;
    shelf.put(first);
    let routes = http::routes(Arc::clone(&shelf));
    // Nobody stops it but who ends the program.
    let (_stop, stopped) = watch::channel(false);
    let served = accept(listener, routes, BOUNDS, stopped);
    let watched = async {
        loop {
            tokio::time::sleep(LOOK).await;
            let now = Stamp::of(&argument.db);
            if now == stamp {
                continue;
            }
            match read(&argument, key.clone(), &shelf).await {
                Ok(version) => {
                    remark(settings, &format!("note: serving {}", version.describe()));
                    shelf.put(version);
                }
                // What is served stays.
                Err(failure) => {
                    remark(settings, &format!("note: the new database is not served: {}", failure.message))
                }
            }
            stamp = now;
        }
    };
    tokio::select! {
        () = served => Ok(()),
        () = watched => Ok(()),
    }
}

async fn read(
    argument: &DatabaseArg,
    key: Option<Arc<SigningKey>>,
    shelf: &Shelf,
) -> Result<Version, Failure> {
    let (path, before) = (argument.db.clone(), shelf.newest());
    blocking(move |_| Version::read(&path, key.as_deref(), before.as_deref())).await
}

fn say(settings: &Settings, address: SocketAddr, version: &Version) -> Outcome {
    let reference = format!("{address}/{}:{}", http::REPOSITORY, http::TAG);
    if settings.json() {
        return print_json(&serde_json::json!({
            "listen": address.to_string(),
            "reference": reference,
            "url": format!("http://{address}/{}", http::FILE),
            "digest": version.snapshot.digest.to_string(),
            "signatures": version.envelopes.len(),
        }));
    }
    print(&format!(
        "serving {}\n  lazaret db pull {reference}\n  curl -O http://{address}/{}\n",
        version.describe(),
        http::FILE
    ))
}
