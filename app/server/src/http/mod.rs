//! What all handlers share: how requests are read, and how refusals look.

mod extract;
mod listen;
mod reply;

pub(crate) use extract::{Body, Parameters, RawBody, Segment, Segments, shorten};
pub(crate) use listen::accept;
pub(crate) use reply::{Answer, ApiError, reason_bodies};
