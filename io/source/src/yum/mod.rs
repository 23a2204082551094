//! The feed that every machine with yum, dnf or zypper can reach: the repositories that it gets its packages from.
//!
//! [`fetch`] reads which repositories are configured (`etc/yum.repos.d`, `etc/zypp/repos.d`), asks each for its
//! `repomd.xml` and, where that lists another `updateinfo.xml` than the one that is kept in the cache, fetches that.
//! A repository that did not change costs one conditional request; one that fails leaves what it said before.
//!
//! What is checked: `updateinfo.xml` against the digest in `repomd.xml` (SHA-256 or longer, always);
//! `repomd.xml` against the digests of the metalink, where one is configured, and against the detached signature
//! `repomd.xml.asc` beside it with keys of *this machine*, by GnuPG's `gpgv`. A repository that signs nothing is
//! taken from this machine's own configuration, as dnf does, and [`YumRepository::vouched`] says what vouches for it.
//!
//! Whom is believed: an image names repositories, but brings neither keys nor settings of its own, names only what
//! is reached by HTTP and lies on another machine, and speaks for no release but its own. What it names counts if it
//! is signed with a key of this machine, or if the caller says so.

mod error;
mod root;
mod ini;
mod repository;
mod variables;
mod network;
mod addresses;
mod signature;
mod cache;
mod look;
mod fetch;

pub use error::YumError;
pub use fetch::{Vouched, YumFeed, YumProgress, YumRepository, YumRequest, YumUpdates, fetch};
pub use root::YumRoot;
