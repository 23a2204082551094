//! What a Debian machine's own package mirror says about vulnerabilities, without any further service:
//! the changelogs inside the packages name the CVE ids that each version fixes.
//!
//! [`packages`] lists what a mirror offers, [`changelog_of`] takes the changelog out of a package,
//! [`fixes`] reads from it which version fixed what, and [`Fix::advisory`] makes that a row.
//!
//! What this feed cannot know: vulnerabilities that nobody has fixed yet, and severities.

mod bullet;
mod changelog;
mod cve;
mod deb;
mod deb822;
mod fix;
mod inflate;
mod mention;
mod packages;
mod tar;

pub use changelog::{Entry, entries};
pub use deb::{Changelog, DebError, changelog_of};
pub use deb822::{Paragraph, paragraphs};
pub use fix::{Fix, fixes};
pub use packages::{BinaryPackage, MalformedPackage, packages};

/// The name of this feed in [`Advisory::feed`](lazaret_model::Advisory).
pub const FEED: &str = "apt";

/// Raised whenever [`fixes`] reads something else from the same changelog, so that whoever keeps its
/// results knows that they are stale.
pub const EXTRACTION: u32 = 1;
