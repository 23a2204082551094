//! What can be proven, and how: keys, signed statements about images, and the append-only log.
//!
//! Everything is a pure function of its arguments. Randomness comes in as bytes, time as text, and no
//! bytes are believed before a signature over exactly these bytes was verified.
//!
//! Formats are other people's wherever they exist: PKCS#8 and SubjectPublicKeyInfo for keys, DSSE 1.0 for
//! envelopes, in-toto Statement v1 for what they say, RFC 6962 for the log's tree, and C2SP signed-note and
//! tlog-checkpoint for what the log promises.

mod hash;
mod json;
mod pem;
mod key;
mod envelope;
mod statement;
mod manifest;
mod evidence;
pub mod log;

pub use envelope::{Authentic, Envelope, EnvelopeError, IN_TOTO, Signature, VerifyError};
pub use evidence::{Collected, Verified, evidence};
pub use hash::digest_of;
pub use json::JsonError;
pub use key::{SigningKey, VerifyingKey};
pub use manifest::{ManifestError, config_of_manifest};
pub use pem::KeyError;
pub use statement::{
    AttestedFinding, ExecutablesPredicate, FileTable, FilesPredicate, MOST_PROFILE_BYTES, PackageFiles,
    Predicate, ProfilePredicate, PromotionPredicate, Statement, StatementError, Subject, VerdictPredicate,
    predicate_type,
};
