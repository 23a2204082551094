//! Which packages are in which images, which images run where, and who has a vulnerability.
//!
//! The index is held in memory. Images, package versions and running containers have dense numbers, and
//! sets of them are roaring bitmaps: an advisory is looked up by the name of its package, compared once
//! with each distinct version of it, and the images and containers follow by union of sets.
//!
//! How an advisory and a version are compared is the caller's: [`Index::new`] takes the function, so that
//! the fleet and a scan can never disagree.

mod affected;
mod containers;
mod index;
mod knowledge;
mod packages;

pub use affected::{Affected, Hit};
pub use containers::{Running, Start};
pub use index::{ImageEntry, Index, SpeaksOf};
pub use knowledge::Knowledge;
