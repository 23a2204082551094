//! The parts of the JSON document, one for each noun.

use std::collections::BTreeMap;

use lazaret_model::{
    DatabaseSnapshot, Distribution, Ecosystem, Finding, Image, Layer, Package, Problem, Reason, Verdict,
};
use serde::Serialize;

use super::super::{ScanReport, Suppressed};
use crate::words;

#[derive(Serialize)]
pub(super) struct ImageOut<'a> {
    manifest: Option<String>,
    config: String,
    platform: String,
    created: Option<&'a str>,
    layers: Vec<LayerOut<'a>>,
}

impl<'a> ImageOut<'a> {
    pub(super) fn new(image: &'a Image) -> Self {
        Self {
            manifest: image.manifest.map(|digest| digest.to_string()),
            config: image.config.to_string(),
            platform: image.platform.to_string(),
            created: image.created.as_deref(),
            layers: image.layers.iter().map(LayerOut::new).collect(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct LayerOut<'a> {
    diff_id: String,
    created_by: &'a str,
    size: u64,
}

impl<'a> LayerOut<'a> {
    pub(super) fn new(layer: &'a Layer) -> Self {
        Self { diff_id: layer.diff_id.to_string(), created_by: &layer.created_by, size: layer.size }
    }
}

#[derive(Serialize)]
pub(super) struct DistributionOut<'a> {
    id: &'a str,
    version: Option<&'a str>,
    codename: Option<&'a str>,
    title: Option<&'a str>,
}

impl<'a> DistributionOut<'a> {
    pub(super) fn new(distribution: &'a Distribution) -> Self {
        Self {
            id: &distribution.id,
            version: distribution.version.as_deref(),
            codename: distribution.codename.as_deref(),
            title: distribution.title.as_deref(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct DatabaseOut<'a> {
    digest: String,
    built: &'a str,
    advisories: u64,
}

impl<'a> DatabaseOut<'a> {
    pub(super) fn new(database: &'a DatabaseSnapshot) -> Self {
        Self { digest: database.digest.to_string(), built: &database.built, advisories: database.advisories }
    }
}

#[derive(Serialize)]
pub(super) struct VerdictOut<'a> {
    outcome: &'static str,
    policy: String,
    reasons: Vec<ReasonOut<'a>>,
    excepted: Vec<ReasonOut<'a>>,
    at: &'a str,
}

impl<'a> VerdictOut<'a> {
    pub(super) fn new(verdict: &'a Verdict) -> Self {
        Self {
            outcome: verdict.outcome.name(),
            policy: verdict.policy.to_string(),
            reasons: verdict.reasons.iter().map(ReasonOut::new).collect(),
            excepted: verdict.excepted.iter().map(ReasonOut::new).collect(),
            at: &verdict.at,
        }
    }
}

#[derive(Serialize)]
pub(super) struct ReasonOut<'a> {
    rule: &'a str,
    message: &'a str,
    remedy: &'a str,
}

impl<'a> ReasonOut<'a> {
    pub(super) fn new(reason: &'a Reason) -> Self {
        Self { rule: &reason.rule, message: &reason.message, remedy: &reason.remedy }
    }
}

#[derive(Serialize)]
pub(super) struct FindingOut<'a> {
    id: &'a str,
    aliases: &'a [String],
    severity: &'static str,
    package: PackageOut<'a>,
    fixed: Option<&'a str>,
    /// Why there is no upgrade: `not-fixed`, `will-not-fix`, `end-of-life`; `fixed` where there is one.
    fix_state: &'static str,
    cvss: Option<CvssOut<'a>>,
    epss: Option<f64>,
    exploited: Option<&'a str>,
    /// Only where something was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    ssvc: Option<BTreeMap<&'static str, &'static str>>,
    disputed: bool,
    summary: &'a str,
    published: Option<&'a str>,
    feed: &'a str,
}

impl<'a> FindingOut<'a> {
    pub(super) fn new(finding: &'a Finding, report: &ScanReport<'_>) -> Self {
        Self {
            id: &finding.id,
            aliases: &finding.aliases,
            severity: finding.severity.name(),
            package: PackageOut::new(&finding.package, report),
            fixed: finding.fix.version(),
            fix_state: words::fix(&finding.fix),
            cvss: finding
                .cvss_vector
                .as_deref()
                .map(|vector| CvssOut { vector, score: finding.cvss_score.map(words::score) }),
            epss: finding.epss.map(words::probability),
            exploited: finding.exploited.as_deref(),
            ssvc: finding.ssvc.map(|ssvc| ssvc.points().collect()),
            disputed: finding.disputed,
            summary: &finding.summary,
            published: finding.published.as_deref(),
            feed: &finding.feed,
        }
    }
}

#[derive(Serialize)]
pub(super) struct PackageOut<'a> {
    ecosystem: &'static str,
    name: &'a str,
    version: &'a str,
    architecture: Option<&'a str>,
    source: &'a str,
    source_version: &'a str,
    location: &'a str,
    layer: u32,
    purl: Option<String>,
    evidence: &'static str,
    licences: &'a [String],
    owner: Option<&'a str>,
    module: Option<&'a str>,
}

impl<'a> PackageOut<'a> {
    pub(super) fn new(package: &'a Package, report: &ScanReport<'_>) -> Self {
        Self {
            ecosystem: Ecosystem::name(package.ecosystem),
            name: &package.name,
            version: &package.version,
            architecture: package.architecture.as_deref(),
            source: &package.source.name,
            source_version: &package.source.version,
            location: &package.location,
            layer: package.layer,
            purl: report.purl(package),
            evidence: package.evidence.name(),
            licences: &package.licences,
            owner: package.owner.as_deref(),
            module: package.module.as_deref(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct ProblemOut<'a> {
    kind: &'static str,
    subject: &'a str,
    detail: &'a str,
}

impl<'a> ProblemOut<'a> {
    pub(super) fn new(problem: &'a Problem) -> Self {
        Self { kind: problem.kind.name(), subject: &problem.subject, detail: &problem.detail }
    }
}

#[derive(Serialize)]
struct CvssOut<'a> {
    vector: &'a str,
    score: Option<f64>,
}

#[derive(Serialize)]
pub(super) struct SuppressedOut<'a> {
    finding: FindingOut<'a>,
    status: &'static str,
    justification: Option<&'a str>,
    reason: &'a str,
    author: &'a str,
    at: Option<&'a str>,
    expires: Option<&'a str>,
    origin: &'a str,
}

impl<'a> SuppressedOut<'a> {
    pub(super) fn new(suppressed: &'a Suppressed, report: &ScanReport<'_>) -> Self {
        let by = &suppressed.by;
        Self {
            finding: FindingOut::new(&suppressed.finding, report),
            status: by.kind.name(),
            justification: by.justification.as_deref(),
            reason: &by.reason,
            author: &by.author,
            at: by.at.as_deref(),
            expires: by.expires.as_deref(),
            origin: &by.origin,
        }
    }
}
