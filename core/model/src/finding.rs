use crate::{Package, Severity};

/// A vulnerability of a package in an image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// `CVE-2026-1234`.
    pub id: String,
    pub aliases: Vec<String>,
    pub package: Package,
    pub fix: FixState,
    pub severity: Severity,
    pub summary: String,
    /// When the fix (or, without one, the advisory) was published; RFC 3339.
    pub published: Option<String>,
    /// The feed that said so.
    pub feed: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum FixState {
    /// Upgrading the source package to this version removes the finding.
    Fixed {
        version: String,
    },
    NotFixed,
}
