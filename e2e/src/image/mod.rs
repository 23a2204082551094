//! Real images: Debian from the package mirror that this machine is configured for, and a small service on top.

mod base;
mod mirror;
mod shop;

pub use base::{Base, Suites, bases, release_base};
pub use shop::{Service, build, image_id};
