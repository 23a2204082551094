use std::sync::Arc;

use crate::{Package, Severity, Ssvc};

/// A vulnerability of a package in an image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// `CVE-2026-1234`.
    pub id: String,
    pub aliases: Vec<String>,
    /// Shared by all findings of one package: many have dozens.
    pub package: Arc<Package>,
    pub fix: FixState,
    /// The vendor's rating, else that of the CVSS vector, else that of another body.
    pub severity: Severity,
    /// The vector that `cvss_score` comes from: the newest version of CVSS that somebody gave.
    pub cvss_vector: Option<String>,
    /// In tenths: 0 to 100.
    pub cvss_score: Option<u8>,
    /// Probability of exploitation within 30 days (EPSS), in millionths.
    pub epss: Option<u32>,
    /// Since when it is known to be exploited (CISA KEV); RFC 3339 date.
    pub exploited: Option<String>,
    /// What CISA decided about it.
    pub ssvc: Option<Ssvc>,
    /// The publisher of the advisory disputes that it is a vulnerability.
    pub disputed: bool,
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
    /// The publisher won't fix it in this release.
    WillNotFix,
    /// The release gets no fixes any more.
    EndOfLife,
}

impl Finding {
    /// A finding of which nothing is known but that it is one.
    pub fn new(id: impl Into<String>, package: impl Into<Arc<Package>>) -> Self {
        Self {
            id: id.into(),
            aliases: Vec::new(),
            package: package.into(),
            fix: FixState::NotFixed,
            severity: Severity::Unknown,
            cvss_vector: None,
            cvss_score: None,
            epss: None,
            exploited: None,
            ssvc: None,
            disputed: false,
            summary: String::new(),
            published: None,
            feed: String::new(),
        }
    }
}

impl FixState {
    /// The version that removes the finding.
    pub fn version(&self) -> Option<&str> {
        match self {
            Self::Fixed { version } => Some(version),
            Self::NotFixed | Self::WillNotFix | Self::EndOfLife => None,
        }
    }
}
