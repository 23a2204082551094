use crate::{DatabaseSnapshot, Digest};

/// What a policy says of an image or of a wish to run it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub outcome: Outcome,
    /// Why it was refused; empty when it passed.
    pub reasons: Vec<Reason>,
    /// Findings that an exception of the policy took out, with the exception's reason.
    pub excepted: Vec<Reason>,
    /// Digest of the policy's text.
    pub policy: Digest,
    pub database: DatabaseSnapshot,
    /// RFC 3339.
    pub at: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Pass,
    Refuse,
}

impl Outcome {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Refuse => "refuse",
        }
    }
}

/// One sentence of a refusal: which rule, what it met, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Id of the rule.
    pub rule: String,
    pub message: String,
    /// What the reader can do; empty when nothing sensible can be said.
    pub remedy: String,
}
