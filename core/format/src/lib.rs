//! The shapes that Lazaret promises to others: the REST API, reports and bills of material.
//!
//! Nothing else in `core` derives `Serialize` for strangers: a promised shape changes only here. Equal
//! input gives byte-identical output, and times, versions to compare by and widths are arguments.

pub mod v1;
pub mod purl;
pub mod cyclonedx;
pub mod report;
