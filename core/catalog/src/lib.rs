//! What is in a file tree, found in one pass over it: packages, executables, the distribution and the
//! package mirrors it is configured for. Each result names the layer that brought it.
//!
//! Nothing stops a catalog: what could not be read is a [`Problem`](lazaret_model::Problem) beside the rest.

mod apt_sources;
mod catalog;
mod cataloger;
mod deb822;
mod dpkg;
mod os_release;

pub use catalog::{Catalog, Executable, Options, catalog};
pub use cataloger::{CATALOGERS, Cataloger};
