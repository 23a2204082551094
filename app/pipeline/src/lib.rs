//! The stations in order, as the command line runs them: a tree is cataloged, its packages are matched
//! with advisories, a policy judges, and what came out is stated for signing.
//!
//! Nothing here touches the outside world: sources and databases are handed in.

mod scan;
mod statements;

pub use lazaret_catalog::{Catalog, Cataloger, catalogers};
pub use scan::{Scan, ScanOptions, Subject, list, list_kind, matched, rescan, scan};
pub use statements::state;

/// How versions of an ecosystem compare.
pub fn version_order(ecosystem: lazaret_model::Ecosystem, a: &str, b: &str) -> std::cmp::Ordering {
    ecosystem.compare(a, b)
}

/// Another one for every program that might read an image differently: what one keeps, no other takes for its own.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "-", env!("LAZARET_SOURCES"));
