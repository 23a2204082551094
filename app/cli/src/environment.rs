//! Every environment variable that `lazaret` reads.

/// Address of the server.
pub(crate) const SERVER: &str = "LAZARET_SERVER";
/// File that holds the user token.
pub(crate) const TOKEN_FILE: &str = "LAZARET_TOKEN_FILE";
/// The advisory database.
pub(crate) const DATABASE: &str = "LAZARET_DB";
/// Socket of the Docker engine that `docker:` targets are read from.
pub(crate) const ENGINE_SOCKET: &str = "LAZARET_ENGINE_SOCKET";
/// Filter for diagnostic logs on standard error, `info` or `lazaret_server=debug`.
pub(crate) const LOG: &str = "LAZARET_LOG";
/// Folder of what was read of images before.
pub(crate) const CACHE: &str = "LAZARET_CACHE_DIR";
/// With any value but `false`: nothing is kept of images.
pub(crate) const NO_CACHE: &str = "LAZARET_NO_CACHE";
