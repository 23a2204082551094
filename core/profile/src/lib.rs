//! What an image may do, and what was done beyond it.
//!
//! ```text
//!  Image, executables ──derive──▶ Profile ◀──render── Learned ◀──learn── Behaviour
//!                                  │  │                  ▲ merge: any order, any grouping
//!                 text, diff, export  └─compile─▶ check(Behaviour) ─▶ Deviation
//! ```
//!
//! **Invariant:** a profile never says more than was seen or scanned: no wildcard reaches a program or a secret.

mod modes;
mod pattern;
mod profile;
mod order;
mod text;
mod derive;
mod sensitive;
mod mask;
pub mod learn;
pub mod used;
pub mod check;
pub mod rules;
mod diff;
mod decide;
mod rehearse;
mod succession;
pub mod export;

pub use decide::{Decision, Waiting};
pub use derive::{ImageExecutable, derive, variant};
pub use diff::{Change, Side, diff};
pub use modes::{Action, Mode, Modes};
pub use pattern::{Pattern, PatternError};
pub use profile::*;
pub use rehearse::rehearse;
pub use sensitive::{SecretPlace, secret_places};
pub use succession::provisional;
pub use text::{MOST_BYTES, ProfileError, SCHEMA};
