//! What containers do, held against what they may do, and learned.
//!
//! ```text
//!  Sighting ─▶ Watched (whose, when, on whose behalf) ─▶ Verdict (profile, fixed rules) ─▶ Flood ─▶ spool
//!                          │                                        │
//!                          ├▶ Shelf ─▶ disk ─▶ upload               └▶ Answers (kill, pause, quarantine)
//!                          └▶ InUse ─▶ disk ─▶ upload
//!  start hook ─▶ Keeper ─▶ Hold ─▶ kernel
//! ```

pub mod expectation;
mod hold;
mod holding;
mod group;
pub mod keeper;
mod kin;
mod lesson;
mod watched;
mod verdict;
mod telling;
mod script;
mod sessions;
mod flood;
pub mod answer;
pub mod shelf;
pub mod in_use;
pub mod upload;
mod observer;
mod losses;
mod renewal;
#[cfg(test)]
pub(crate) mod testing;

pub use observer::Observer;
