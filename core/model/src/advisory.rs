use crate::{Digest, Ecosystem, Severity};

/// One statement that a source package of one distribution release is vulnerable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Advisory {
    /// `CVE-2026-1234` where there is one, else the feed's own id.
    pub id: String,
    pub aliases: Vec<String>,
    pub ecosystem: Ecosystem,
    /// [`Distribution::key`](crate::Distribution::key) of the release, such as `debian:12`.
    pub release: String,
    /// Name of the source package.
    pub package: String,
    /// First version that is not vulnerable; `None` while there is no fix.
    pub fixed: Option<String>,
    /// First vulnerable version; `None`: every version before `fixed`.
    pub introduced: Option<String>,
    pub severity: Severity,
    /// One line for people.
    pub summary: String,
    /// When the fix (or, without one, the advisory) was published; RFC 3339.
    pub published: Option<String>,
    /// The feed that said so.
    pub feed: String,
}

/// Which state of the world's knowledge a finding was made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseSnapshot {
    /// Digest of the database's content.
    pub digest: Digest,
    /// RFC 3339.
    pub built: String,
    pub advisories: u64,
}
