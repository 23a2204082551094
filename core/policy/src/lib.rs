//! From a policy file, findings and evidence to a verdict, and from a wish to run a container to a decision.
//!
//! A [`Policy`] is read from YAML whose every mistake is shown where it stands. Four questions can be asked of
//! it, each a pure function of its arguments: what it says of a scanned image ([`judge`]), whether an image may
//! go on to a stage ([`may_promote`]), whether a container may run ([`admit`], the one admission function, the
//! same at every edge), and whether an engine may do something else ([`operation`]).
//!
//! **Invariant:** what a policy does not name is refused, and every refusal says why and what to do.

mod rules;
mod policy;
mod mistake;
mod yaml;
mod pattern;
mod parse;
mod judge;
mod vulnerability;
mod exception;
mod ignore;
mod promote;
mod admit;
mod run;
mod host_path;
mod operation;
mod age;
mod sentence;

pub use admit::{Admission, Wish, admit};
pub use ignore::{Ignore, IgnoreFile, Ignored};
pub use judge::{ScanFacts, judge};
pub use lazaret_model::{EngineAction, EngineOperation};
pub use mistake::{Mistake, Place, PolicyError};
pub use operation::{ENGINE, EngineGroup, operation};
pub use policy::{Policy, Requirement, StageRule};
pub use promote::may_promote;
pub use rules::{RULES, Rule, reference};
pub use run::forbidden;
