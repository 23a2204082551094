//! Where the server keeps what it knows: one SQLite file in WAL mode.
//!
//! Only this crate knows SQL. [`Store::open`] gives a [`Store`] that reads (several connections, each
//! [`Read`] one consistent snapshot) and the only [`Writer`]. A [`Write`] is one transaction with
//! `synchronous = FULL`: what was committed survives `kill -9` and a power cut. One transaction may hold
//! the work of many requests, each between [`Write::mark`] and [`Write::keep`] or [`Write::undo`], so that
//! a flush to disk is paid once for all of them.
//!
//! Versions are never compared here: rows are found by digest, name and number only.

mod advisories;
mod audit;
mod batch;
mod break_glass;
mod connection;
mod containers;
mod credentials;
mod decisions;
mod error;
mod events;
mod images;
mod learned;
mod meta;
mod open;
mod packages;
mod policies;
mod replacements;
mod statements;
mod used;
mod verdicts;

pub use audit::AuditLeaf;
pub use break_glass::{BreakGlassRow, NewBreakGlass};
pub use connection::{Read, Store, View, Write, Writer};
pub use containers::{ContainerRow, EndedRun, RunningContainer};
pub use credentials::{AgentRow, CredentialRow, NewAgent, TokenKind, TokenRow};
pub use decisions::{DecisionRow, UnloggedDecision};
pub use error::StoreError;
pub use events::{EventRow, NewEvent, SpoolState};
pub use images::{ImageRow, NewImage};
pub use learned::{LearnedRow, LearnedTotal, NewLearned, SettledRow};
pub use packages::{LayerRow, PackageCount};
pub use policies::PolicyRow;
pub use replacements::{NewReplacement, ReplacementRow, StepRow};
pub use statements::{EnvelopeRow, NewEnvelope, NewPromotion, PromotionRow};
pub use used::NewUsed;
pub use verdicts::{FindingRow, VerdictRow};
