//! Every environment variable that `lazaret` itself reads. Each is the default of an option: what is typed counts more.
//!
//! What other programs are configured by is respected as well, behind these: `DOCKER_HOST`, `CONTAINER_HOST`,
//! `CONTAINERD_ADDRESS`, `CONTAINERD_NAMESPACE`, the logins in `DOCKER_CONFIG` and `REGISTRY_AUTH_FILE`, the proxies
//! (`HTTPS_PROXY`, `NO_PROXY`), `NO_COLOR`, and what GitHub says of a job (`GITHUB_SHA` and its kin).

/// Address of the server.
pub(crate) const SERVER: &str = "LAZARET_SERVER";
/// File that holds the user token.
pub(crate) const TOKEN_FILE: &str = "LAZARET_TOKEN_FILE";
/// The advisory database.
pub(crate) const DATABASE: &str = "LAZARET_DB";
/// Filter for diagnostic logs on standard error, `info` or `lazaret_server=debug`.
pub(crate) const LOG: &str = "LAZARET_LOG";
/// Folder of what was read of images before.
pub(crate) const CACHE: &str = "LAZARET_CACHE_DIR";
/// With any value but `false`: nothing is kept of images.
pub(crate) const NO_CACHE: &str = "LAZARET_NO_CACHE";

/// Socket of the Docker engine that `docker:` targets are read from.
pub(crate) const ENGINE_SOCKET: &str = "LAZARET_ENGINE_SOCKET";
/// The same of `podman:` and `containerd:` targets.
pub(crate) const PODMAN_SOCKET: &str = "LAZARET_PODMAN_SOCKET";
pub(crate) const CONTAINERD_SOCKET: &str = "LAZARET_CONTAINERD_SOCKET";
pub(crate) const CONTAINERD_NAMESPACE: &str = "LAZARET_CONTAINERD_NAMESPACE";
pub(crate) const CONTAINERD_ROOT: &str = "LAZARET_CONTAINERD_ROOT";
/// Which image of an index is meant.
pub(crate) const PLATFORM: &str = "LAZARET_PLATFORM";

/// Lists with commas.
pub(crate) const MIRRORS: &str = "LAZARET_MIRRORS";
pub(crate) const CA_FILES: &str = "LAZARET_CA_FILES";
pub(crate) const PLAIN_HTTP: &str = "LAZARET_PLAIN_HTTP";

/// Bounds of what a target may cost.
pub(crate) const TIMEOUT: &str = "LAZARET_TIMEOUT";
pub(crate) const MAX_LAYER: &str = "LAZARET_MAX_LAYER";
pub(crate) const MAX_FILE: &str = "LAZARET_MAX_FILE";
pub(crate) const MAX_KEPT: &str = "LAZARET_MAX_KEPT";
pub(crate) const MAX_DOCUMENT: &str = "LAZARET_MAX_DOCUMENT";
pub(crate) const MAX_ENTRIES: &str = "LAZARET_MAX_ENTRIES";
pub(crate) const MAX_PACKAGES: &str = "LAZARET_MAX_PACKAGES";
pub(crate) const MAX_DEPTH: &str = "LAZARET_MAX_DEPTH";
pub(crate) const MAX_RATIO: &str = "LAZARET_MAX_RATIO";
