//! Which packages of images are in use: what agents saw run, put together with whose it is.
//!
//! Three things meet here: the signed table of the image's files, its packages, and what each host saw. What is missing
//! of them makes an answer unknown, never harmless.

mod image;
mod join;
mod lookup;

pub(crate) use lookup::{Found, Lookup, Uses};
