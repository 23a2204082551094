use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use lazaret_store::StoreError;

/// Why the server does not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(
        "will not listen on {0}: only loopback addresses are served, because TLS termination is not built in yet; \
         listen on 127.0.0.1 and let a TLS proxy on this host forward to it"
    )]
    NotLoopback(SocketAddr),
    #[error("failed to listen on {address}: {source}; stop what uses the port or name another with --listen")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("another server{} uses the state directory {directory}: stop it, or give this one its own --state", process(.pid))]
    InUse { directory: PathBuf, pid: Option<u32> },
    #[error("failed to {action} {path}: {source}")]
    State { action: &'static str, path: PathBuf, source: io::Error },
    #[error(
        "{database} is gone, but {key} is still there, so there was a database: restore it from a backup, or begin \
         anew with an empty state directory"
    )]
    LostDatabase { database: PathBuf, key: PathBuf },
    #[error(
        "{path} does not hold a token: it must be one line of at least 32 characters; remove it and start again"
    )]
    AdminToken { path: PathBuf },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("no randomness from the kernel: {0}")]
    Randomness(String),
    #[error("the server failed: {0}")]
    Internal(String),
}

fn process(pid: &Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}
