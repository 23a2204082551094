//! What is in a tree: packages, the distribution, executables and package sources, each with the
//! layer that brought it, found in one pass.
//!
//! Pure: bytes in, facts out. What could not be read is a [`Problem`](lazaret_model::Problem) in the
//! result, never a missing line.

mod catalog;
mod stored;
mod cataloger;
mod pattern;
mod matcher;
mod files;
mod in_memory;
mod reading;
mod documents;
mod lenient;
mod reach;
mod stated;
mod zipped;
mod xml;
#[cfg(test)]
mod in_tests;
mod ownership;
mod history;
mod detours;
mod code;

mod os;
mod javascript;
mod python;
mod jvm;
mod compiled;
mod scripted;
mod binary;

pub use catalog::{Catalog, Executable, Options, catalog};
pub use cataloger::{Cataloger, catalogers};
pub use code::{Code, CodeFile};
pub use pattern::{Extractor, Name, Need, Pattern, Place};
pub use stored::kind;
