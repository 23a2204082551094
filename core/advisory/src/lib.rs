//! Advisories: feed bytes to an immutable database file, packages to findings.
//!
//! Pure: bytes in, bytes out. What fetches feeds is `lazaret-source`; where the file lies is the caller's.

mod database;
mod mapped;
pub mod feed;
mod matching;

pub use database::{BuildError, Builder, Coverage, Database, DatabaseError};
pub use matching::affects;
