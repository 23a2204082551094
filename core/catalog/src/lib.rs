//! What is in a tree: packages, the distribution, executables and package sources, each with the
//! layer that brought it, found in one pass.
//!
//! Pure: bytes in, facts out. What could not be read is a [`Problem`](lazaret_model::Problem) in the
//! result, never a missing line.

mod catalog;
mod cataloger;
mod files;
mod deb822;
mod dpkg;
mod distribution;
mod apt;

pub use catalog::{Catalog, Executable, Options, catalog};
pub use cataloger::{CATALOGERS, Cataloger};
pub use files::{Name, Need, Pattern};
