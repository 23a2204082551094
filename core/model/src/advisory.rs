use crate::{Digest, Ecosystem, Severity, Ssvc};

/// One statement about a stretch of versions of one package: of a source package of one distribution release, or of
/// a package of a language's ecosystem.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Advisory {
    /// `CVE-2026-1234` where there is one, else the feed's own id.
    pub id: String,
    /// Other ids of the same vulnerability: `GHSA-…`, `PYSEC-…`, `DSA-…`.
    pub aliases: Vec<String>,
    pub ecosystem: Ecosystem,
    /// [`Distribution::key`](crate::Distribution::key) of the release, such as `debian:12`. Empty for ecosystems that
    /// are no distribution's.
    pub release: String,
    /// Name of the source package, or of the package where the feed speaks of binary ones.
    pub package: String,
    /// Which name `package` is.
    pub names: NamedPackage,
    /// First vulnerable version; `None`: from the first version on.
    pub introduced: Option<String>,
    /// First version that is not vulnerable; `None` while there is no fix.
    pub fixed: Option<String>,
    /// Last vulnerable version, where a feed says that instead of the fix. Never together with `fixed`.
    pub last_affected: Option<String>,
    pub status: AdvisoryStatus,
    /// `name:stream`: only packages of this module stream are meant (Red Hat modularity).
    pub module: Option<String>,
    /// What the feed itself rates it.
    pub severity: Severity,
    /// One line for people.
    pub summary: String,
    /// When the fix (or, without one, the advisory) was published; RFC 3339.
    pub published: Option<String>,
    /// The feed that said so.
    pub feed: String,
}

/// Whether an advisory's package name is that of a source or of an installable package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NamedPackage {
    Source,
    Binary,
}

impl NamedPackage {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Binary => "binary",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Source, Self::Binary].into_iter().find(|named| named.name() == name)
    }
}

/// What the publisher of a feed says about the versions in question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AdvisoryStatus {
    /// Vulnerable, until `fixed` if there is one.
    Affected,
    /// Vulnerable, and the publisher won't fix it in this release.
    WillNotFix,
    /// Vulnerable, and the release gets no fixes any more.
    EndOfLife,
    /// Vulnerable, says somebody; the publisher disputes it.
    Disputed,
    /// Not known yet.
    UnderInvestigation,
    /// Not vulnerable: what other feeds say of the same package and id does not count.
    NotAffected,
}

impl AdvisoryStatus {
    pub const ALL: &[Self] = &[
        Self::Affected,
        Self::WillNotFix,
        Self::EndOfLife,
        Self::Disputed,
        Self::UnderInvestigation,
        Self::NotAffected,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Affected => "affected",
            Self::WillNotFix => "will-not-fix",
            Self::EndOfLife => "end-of-life",
            Self::Disputed => "disputed",
            Self::UnderInvestigation => "under-investigation",
            Self::NotAffected => "not-affected",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.name() == name)
    }
}

/// What is known of a vulnerability itself, whichever packages it is in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Vulnerability {
    /// `CVE-2026-1234`, or another id that advisories use.
    pub id: String,
    /// Rated by a body that is no vendor (NVD, GitHub), where advisories rate nothing.
    pub severity: Severity,
    /// CVSS vectors with who gave them, such as (`nvd`, `CVSS:3.1/AV:N/…`).
    pub cvss: Vec<(String, String)>,
    /// Probability of exploitation within 30 days (EPSS), in millionths.
    pub epss: Option<u32>,
    /// Since when it is known to be exploited (CISA KEV); RFC 3339 date.
    pub exploited: Option<String>,
    /// What CISA decided about it.
    pub ssvc: Option<Ssvc>,
    pub summary: String,
    pub published: Option<String>,
    /// Taken back by its publisher: advisories under this id don't count.
    pub withdrawn: bool,
}

impl Advisory {
    /// Every version of a source package is affected, and nothing more is known.
    pub fn new(
        id: impl Into<String>,
        ecosystem: Ecosystem,
        release: impl Into<String>,
        package: impl Into<String>,
    ) -> Self {
        Self {
            id: id.into(),
            aliases: Vec::new(),
            ecosystem,
            release: release.into(),
            package: package.into(),
            names: NamedPackage::Source,
            introduced: None,
            fixed: None,
            last_affected: None,
            status: AdvisoryStatus::Affected,
            module: None,
            severity: Severity::Unknown,
            summary: String::new(),
            published: None,
            feed: String::new(),
        }
    }
}

impl Vulnerability {
    /// An id of which nothing is known.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            severity: Severity::Unknown,
            cvss: Vec::new(),
            epss: None,
            exploited: None,
            ssvc: None,
            summary: String::new(),
            published: None,
            withdrawn: false,
        }
    }
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
