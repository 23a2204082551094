//! SPDX 2.3: JSON out and in, tags and values in.
//!
//! What the standard has no field for stands in annotations, so that reading gives back exactly the packages
//! that were written.

mod document;
mod write;
mod parsed;
mod read;
mod tag_value;

pub use read::read;
pub(crate) use tag_value::is_tag_value;
pub use tag_value::read as read_tag_value;
pub use write::write;
