//! The feed that every Debian machine can reach: its own package mirror.
//!
//! [`fetch`] asks the machine's own `apt-get` for the package lists of the configured mirrors and for the
//! newest package of each wanted source, and reads from the changelogs inside which version fixed what.
//! `apt-get` runs with folders of its own, so that nothing of the machine's package system is touched, and
//! does what it always does: it checks signatures, speaks to proxies, and knows the mirror's credentials.
//!
//! Whom is believed: package lists count only with a signature by a key of *this machine*. An image names
//! the mirrors it was built from, but never brings keys or settings of its own, and only mirrors spoken to
//! by HTTP. Repositories that are not Debian's own are left out and named.
//!
//! What was read of a package is kept in the cache for good, by source and version: while the mirror does
//! not change, a run costs only the asking.

mod error;
mod root;
mod entry;
mod sources;
mod config;
mod run;
mod targets;
mod offers;
mod plan;
mod cache;
mod download;
mod fetch;

pub use error::AptError;
pub use fetch::{AptFeed, AptProgress, AptRequest, fetch};
pub use plan::{Wanted, WantedSource};
pub use root::AptRoot;
