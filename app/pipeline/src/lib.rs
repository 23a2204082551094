//! The stations in order, as the command line runs them: a tree is cataloged, its packages are matched
//! with advisories, a policy judges, and what came out is stated for signing.
//!
//! Nothing here touches the outside world: sources and databases are handed in.

mod scan;
mod statements;

pub use lazaret_catalog::{Cataloger, catalogers};
pub use scan::{Scan, ScanOptions, Subject, rescan, scan};
pub use statements::state;

/// How versions of an ecosystem compare.
pub fn version_order(ecosystem: lazaret_model::Ecosystem, a: &str, b: &str) -> std::cmp::Ordering {
    ecosystem.compare(a, b)
}
