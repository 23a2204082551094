//! CycloneDX 1.6: the bill of material of an image, as others read it and as the server reads it back.
//!
//! What the standard has no field for is kept in properties named `lazaret:…`, so that
//! [`read`] gives back exactly the packages that [`write`] was given.

mod document;
mod write;
mod vulnerability;
mod read;

pub use read::{BillOfMaterial, ReadError, packages};
pub use write::{Bom, write, write_pretty};

/// Names of the properties that Lazaret writes.
pub mod property {
    pub const CONFIG: &str = "lazaret:image:config";
    pub const PLATFORM: &str = "lazaret:image:platform";
    pub const CREATED: &str = "lazaret:image:created";
    pub const CODENAME: &str = "lazaret:distribution:codename";
    pub const ECOSYSTEM: &str = "lazaret:package:ecosystem";
    pub const ARCHITECTURE: &str = "lazaret:package:architecture";
    pub const SOURCE: &str = "lazaret:package:source";
    pub const SOURCE_VERSION: &str = "lazaret:package:sourceVersion";
    /// Of a package: place of its layer, 0 for the lowest.
    pub const LAYER_INDEX: &str = "lazaret:layer:index";
    pub const LAYER_DIFF_ID: &str = "lazaret:layer:diffId";
    /// Of the image: `lazaret:layer:0:diffId`, `lazaret:layer:0:createdBy`, `lazaret:layer:0:size`, …
    pub const LAYER: &str = "lazaret:layer:";
    /// Of the document: something that the scan could not read.
    pub const PROBLEM: &str = "lazaret:problem";
    /// Of a vulnerability: the first version without it.
    pub const FIXED: &str = "lazaret:vulnerability:fixed";
}
