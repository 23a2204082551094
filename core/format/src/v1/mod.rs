//! The REST API, version 1: one file for each part of it.
//!
//! Times are RFC 3339 in UTC, digests `sha256:<hex>`, sizes bytes, durations in the unit their name ends in.
//! Unknown fields of requests are refused; clients must ignore unknown fields of answers.

mod admissions;
mod affected;
mod agents;
mod audit;
mod break_glass;
mod containers;
mod error;
mod events;
mod explain;
mod images;
mod learned;
mod replacements;
mod used;

pub use admissions::*;
pub use affected::*;
pub use agents::*;
pub use audit::*;
pub use break_glass::*;
pub use containers::*;
pub use error::*;
pub use events::*;
pub use explain::*;
pub use images::*;
pub use learned::*;
pub use replacements::*;
pub use used::*;
