use std::fmt;

/// Something that a scan could not read. The scan goes on; policy may refuse its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub kind: ProblemKind,
    /// What could not be read: a path in the tree, a layer, a record.
    pub subject: String,
    /// Why, as a lower-case fragment.
    pub detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProblemKind {
    /// The bytes are not what their format says.
    Malformed,
    /// A bound of [`Limits`](crate::Limits) was reached.
    Limit,
    /// The source failed while it was read.
    Unreadable,
    /// Readable, but of a kind that Lazaret does not know.
    Unsupported,
}

impl ProblemKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Limit => "limit",
            Self::Unreadable => "unreadable",
            Self::Unsupported => "unsupported",
        }
    }
}

impl Problem {
    pub fn new(kind: ProblemKind, subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { kind, subject: subject.into(), detail: detail.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.subject, self.detail, self.kind.name())
    }
}
