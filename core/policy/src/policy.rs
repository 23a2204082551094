//! A policy as typed rules. The file format is read by `parse`, decisions are made in `judge`, `admit`,
//! `promote` and `operation`.

use jiff::SignedDuration;
use jiff::civil::Date;
use lazaret_model::{Digest, EngineAction, HostNamespace, Severity, Stage};

use crate::pattern::Pattern;

/// A policy file that was read without a mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub(crate) digest: Digest,
    /// In the order in which an image goes through them.
    pub(crate) stages: Vec<StageRule>,
    /// `None`: the section is absent, and nothing passes.
    pub(crate) scan: Option<Vec<ScanRule>>,
    pub(crate) exceptions: Vec<Exception>,
    pub(crate) run: RunRules,
    pub(crate) engine: EngineRules,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageRule {
    pub name: Stage,
    /// What must be proven of an image before it may be here.
    pub requires: Vec<Requirement>,
    /// How long a promotion to this stage counts; `None`: for ever.
    pub promotion_valid_for: Option<SignedDuration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Requirement {
    Signature,
    Sbom,
    ScanPassed,
    /// Promotion to the stage before this one.
    PreviousStage,
}

impl Requirement {
    pub const ALL: &[Self] = &[Self::Signature, Self::Sbom, Self::ScanPassed, Self::PreviousStage];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::Sbom => "sbom",
            Self::ScanPassed => "scan-passed",
            Self::PreviousStage => "previous-stage",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScanRule {
    pub(crate) id: String,
    pub(crate) condition: Condition,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    Vulnerability(VulnerabilityRule),
    PackageForbidden(Vec<Pattern>),
    Incomplete,
    RootUser,
    DatabaseOlderThan(SignedDuration),
    DistributionOnly(Vec<Pattern>),
}

/// Which findings count. All given conditions must hold; more findings than `allow` refuse.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct VulnerabilityRule {
    pub(crate) fixable: Option<bool>,
    pub(crate) severity_at_least: Option<Severity>,
    /// Whether findings without a rating are left out of `severity-at-least`.
    pub(crate) ignore_unrated: bool,
    pub(crate) fixed_for: Option<SignedDuration>,
    pub(crate) ids: Vec<Pattern>,
    pub(crate) packages: Vec<Pattern>,
    pub(crate) allow: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exception {
    pub(crate) id: String,
    /// Empty: every package.
    pub(crate) packages: Vec<Pattern>,
    pub(crate) reason: String,
    pub(crate) owner: String,
    /// The last day on which it counts, in UTC.
    pub(crate) expires: Date,
}

/// What a rule leaves free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Permission<T> {
    Refuse,
    Allow,
    Only(Vec<T>),
}

impl<T> Permission<T> {
    pub(crate) fn permits(&self, matches: impl Fn(&T) -> bool) -> bool {
        match self {
            Self::Refuse => false,
            Self::Allow => true,
            Self::Only(list) => list.iter().any(matches),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunRules {
    pub(crate) privileged: bool,
    pub(crate) root_user: bool,
    pub(crate) host_namespaces: Permission<HostNamespace>,
    pub(crate) devices: Permission<Pattern>,
    pub(crate) capabilities: Permission<String>,
    pub(crate) bind_mounts: Permission<BindPermission>,
    pub(crate) volumes: Permission<Pattern>,
    pub(crate) published_ports: Permission<(u16, u16)>,
    pub(crate) weakened: Permission<Pattern>,
    pub(crate) sysctls: Permission<Pattern>,
    pub(crate) escapes: Permission<Pattern>,
}

/// A host path that may be bound into containers, with everything below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BindPermission {
    /// Absolute, without `.`, `..` and doubled or trailing slashes.
    pub(crate) path: String,
    pub(crate) only_reading: bool,
}

impl Default for RunRules {
    /// What holds for what the file does not name.
    fn default() -> Self {
        Self {
            privileged: false,
            root_user: false,
            host_namespaces: Permission::Refuse,
            devices: Permission::Refuse,
            capabilities: Permission::Refuse,
            bind_mounts: Permission::Refuse,
            // Volumes and ports are how a service does its work, and neither reaches into the host.
            volumes: Permission::Allow,
            published_ports: Permission::Allow,
            weakened: Permission::Refuse,
            sysctls: Permission::Refuse,
            escapes: Permission::Refuse,
        }
    }
}

/// Actions that the file allows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct EngineRules {
    pub(crate) allowed: Vec<EngineAction>,
}

impl Policy {
    /// SHA-256 of the file as written: decisions name it.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    pub fn stages(&self) -> &[StageRule] {
        &self.stages
    }

    pub(crate) fn stage(&self, name: &Stage) -> Option<&StageRule> {
        self.stages.iter().find(|stage| stage.name == *name)
    }

    /// The stage that an image passes before this one.
    pub fn previous_stage(&self, name: &Stage) -> Option<&Stage> {
        let index = self.stages.iter().position(|stage| stage.name == *name)?;
        Some(&self.stages.get(index.checked_sub(1)?)?.name)
    }

    /// A commented policy to start from.
    pub const fn default_text() -> &'static str {
        include_str!("../testdata/default.yaml")
    }
}
