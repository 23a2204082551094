//! The shapes that Lazaret promises to others: the REST API, reports, bills of material and VEX.
//!
//! Nothing else in `core` derives `Serialize` for strangers: a promised shape changes only here. Equal
//! input gives byte-identical output, and times, versions to compare by and widths are arguments.

mod words;
mod escape;
mod content;
mod json;
mod licence;
pub mod v1;
pub mod purl;
pub mod report;
pub mod sbom;
pub mod cyclonedx;
pub mod spdx;
pub mod vex;
pub mod sarif;
pub mod junit;
pub mod gitlab;
pub mod github;
pub mod html;
pub mod markdown;
pub mod formats;
