//! The laboratory and the story.
//!
//! A [`Lab`] is one host with everything on it: engines, a registry, `lazaret serve` and `lazaret-agent`, all real
//! and all under one folder. [`image`] makes real images from the package mirror of this machine. [`story`] takes them
//! through the whole way; `make run` prints it, and `tests/it` holds it to its assertions.

mod command;
mod failure;
pub mod http;
pub mod image;
pub mod lab;
pub mod peers;
pub mod story;
mod surroundings;
mod wait;

pub use command::{Ended, Run};
pub use failure::{Context, Failure, Result};
pub use lab::{Lab, LabOptions};
pub use surroundings::{cache_folder, privileges, program, tool};
pub use wait::{until, until_true};
