//! CycloneDX 1.6 and 1.7: the bill of material of an image, as others read it and as Lazaret reads it back.
//!
//! What the standard has no field for is kept in properties named `lazaret:…`, so that reading gives back
//! exactly the packages that were written. Bills of other tools are read too, as far as they tell.

mod document;
mod write;
mod vulnerability;
mod parsed;
mod own;
mod read;
mod foreign;

pub use crate::sbom::property;
pub use own::{BillOfMaterial, ReadError, packages};
pub use read::read;
pub use write::{Bom, SpecVersion, report, write, write_pretty, write_pretty_as, write_report};
pub(crate) use write::{uuid, uuid_of};
