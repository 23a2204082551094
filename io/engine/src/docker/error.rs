use std::path::PathBuf;

/// Why an engine could not be asked, or what it answered.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("no engine answers on {}: {why}; is it running, and may this user open the socket?", socket.display())]
    Unreachable { socket: PathBuf, why: String },
    /// An authorization plugin said no.
    #[error("the engine refused {what}: {message}")]
    Refused { what: String, message: String },
    #[error("the engine knows no {what}")]
    NotFound { what: String },
    #[error("the engine could not {what}: {message}")]
    Failed { what: String, message: String },
    #[error("cannot read the engine's file {}: {why}", path.display())]
    File { path: PathBuf, why: String },
    #[error("the engine keeps its images in {}, of a kind that is not supported: only the classic image store is", path.display())]
    ForeignStore { path: PathBuf },
    #[error("`{name}` fits several images; use a longer id or a digest")]
    Ambiguous { name: String },
}
