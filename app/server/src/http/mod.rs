//! What all handlers share: how requests are read, and how refusals look.

mod connections;
mod extract;
mod reply;

pub use connections::{Bounds, accept};
pub(crate) use extract::{Body, Parameters, RawBody, Segment, Segments, shorten};
pub(crate) use reply::{Answer, ApiError, reason_bodies};
