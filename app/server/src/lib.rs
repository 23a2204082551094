//! The REST API: evidence about images, promotions, what runs where, who is affected, replacements, and
//! the audit log.
//!
//! [`serve`] takes a state directory and a loopback address. Nothing is answered without a token, of which
//! there are three kinds: users', enrolment tokens (which turn a host into an agent) and agents' keys.
//!
//! Everything that changes something is one piece of work in a transaction (`commit`), with its entries in
//! the audit log and a signed checkpoint; it is answered when it is on the disk. Questions are answered from
//! snapshots of the database and from `memory`, which follows it.
//!
//! A log that does not hold what its checkpoints promise is closed when the server starts: events of agents
//! are still stored, everything that would need an entry is refused (fail closed), and `/v1/audit` says why.

mod error;
mod serve;
mod start;
mod app;
mod memory;
mod wake;
mod auth;
mod clock;
mod http;
mod commit;
mod together;
mod usage;
mod api;

pub use api::openapi;
pub use error::ServeError;
pub use http::{Bounds, accept};
pub use serve::{Ready, ServeOptions, serve, serve_until};
