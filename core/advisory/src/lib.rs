//! Advisories: feed bytes to an immutable database file, packages to findings.
//!
//! Pure: bytes in, bytes out. What fetches feeds is `lazaret-source`; where the file lies is the caller's.

pub mod cvss;
mod database;
pub mod feed;
mod mapped;
mod matching;

pub use database::{BuildError, Builder, Coverage, Database, DatabaseError, Feed, PieceError};
pub use matching::{Covered, MatchReason, affects_version, release_keys, speaks_of_version};
