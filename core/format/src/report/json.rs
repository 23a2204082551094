use lazaret_model::{
    DatabaseSnapshot, Distribution, Ecosystem, Finding, Image, Layer, Package, Problem, Reason, Severity,
    Verdict,
};
use serde::Serialize;

use super::ScanReport;
use super::group::{by_severity, groups, worst_first};

/// Value of the document's field `schema`; `schema/scan-report-v1.json` describes it.
pub const SCHEMA: &str = "urn:lazaret:scan-report:v1";

/// The report as a JSON document. Fields may be added to it, never changed or removed.
pub fn json(report: &ScanReport<'_>) -> String {
    serde_json::to_string_pretty(&Document::new(report)).expect("strings and numbers always serialize") + "\n"
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    target: &'a str,
    image: ImageOut<'a>,
    distribution: Option<DistributionOut<'a>>,
    database: Option<DatabaseOut<'a>>,
    complete: bool,
    summary: Summary,
    upgrades: Vec<Upgrade<'a>>,
    verdict: Option<VerdictOut<'a>>,
    findings: Vec<FindingOut<'a>>,
    packages: Vec<PackageOut<'a>>,
    problems: Vec<ProblemOut<'a>>,
}

impl<'a> Document<'a> {
    fn new(report: &ScanReport<'a>) -> Self {
        let upgrades = groups(report).into_iter().filter_map(|group| {
            let removes = group.fixed.iter().map(|finding| finding.id.as_str()).collect();
            let (ecosystem, source, installed) = (group.ecosystem, group.source, group.installed);
            Some(Upgrade { ecosystem: ecosystem.name(), source, installed, to: group.upgrade?, removes })
        });
        Self {
            schema: SCHEMA,
            target: report.target,
            image: ImageOut::new(report.image),
            distribution: report.distribution.map(DistributionOut::new),
            database: report.database.map(DatabaseOut::new),
            complete: report.problems.is_empty(),
            summary: Summary::new(report),
            upgrades: upgrades.collect(),
            verdict: report.verdict.map(VerdictOut::new),
            findings: report.findings.iter().map(FindingOut::new).collect(),
            packages: report.packages.iter().map(PackageOut::new).collect(),
            problems: report.problems.iter().map(ProblemOut::new).collect(),
        }
    }
}

#[derive(Serialize)]
struct ImageOut<'a> {
    manifest: Option<String>,
    config: String,
    platform: String,
    created: Option<&'a str>,
    layers: Vec<LayerOut<'a>>,
}

impl<'a> ImageOut<'a> {
    fn new(image: &'a Image) -> Self {
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
struct LayerOut<'a> {
    diff_id: String,
    created_by: &'a str,
    size: u64,
}

impl<'a> LayerOut<'a> {
    fn new(layer: &'a Layer) -> Self {
        Self { diff_id: layer.diff_id.to_string(), created_by: &layer.created_by, size: layer.size }
    }
}

#[derive(Serialize)]
struct DistributionOut<'a> {
    id: &'a str,
    version: Option<&'a str>,
    codename: Option<&'a str>,
    title: Option<&'a str>,
}

impl<'a> DistributionOut<'a> {
    fn new(distribution: &'a Distribution) -> Self {
        Self {
            id: &distribution.id,
            version: distribution.version.as_deref(),
            codename: distribution.codename.as_deref(),
            title: distribution.title.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct DatabaseOut<'a> {
    digest: String,
    built: &'a str,
    advisories: u64,
}

impl<'a> DatabaseOut<'a> {
    fn new(database: &'a DatabaseSnapshot) -> Self {
        Self { digest: database.digest.to_string(), built: &database.built, advisories: database.advisories }
    }
}

#[derive(Serialize)]
struct Summary {
    packages: usize,
    /// Different ids.
    vulnerabilities: usize,
    /// Different ids that an upgrade removes.
    fixable: usize,
    /// Pairs of an id and a package.
    findings: usize,
    by_severity: BySeverity,
}

impl Summary {
    fn new(report: &ScanReport<'_>) -> Self {
        let ids = worst_first(report.findings);
        let fixable = worst_first(report.findings.iter().filter(|finding| finding.fix.version().is_some()));
        Self {
            packages: report.packages.len(),
            vulnerabilities: ids.len(),
            fixable: fixable.len(),
            findings: report.findings.len(),
            by_severity: BySeverity::new(&ids),
        }
    }
}

#[derive(Serialize, Default)]
struct BySeverity {
    critical: usize,
    high: usize,
    medium: usize,
    low: usize,
    none: usize,
    unknown: usize,
}

impl BySeverity {
    fn new(ids: &[&Finding]) -> Self {
        let mut counts = Self::default();
        for (severity, count) in by_severity(ids) {
            *match severity {
                Severity::Critical => &mut counts.critical,
                Severity::High => &mut counts.high,
                Severity::Medium => &mut counts.medium,
                Severity::Low => &mut counts.low,
                Severity::None => &mut counts.none,
                Severity::Unknown => &mut counts.unknown,
            } = count;
        }
        counts
    }
}

#[derive(Serialize)]
struct Upgrade<'a> {
    ecosystem: &'static str,
    source: &'a str,
    installed: Vec<&'a str>,
    to: &'a str,
    removes: Vec<&'a str>,
}

#[derive(Serialize)]
struct VerdictOut<'a> {
    outcome: &'static str,
    policy: String,
    reasons: Vec<ReasonOut<'a>>,
    excepted: Vec<ReasonOut<'a>>,
    at: &'a str,
}

impl<'a> VerdictOut<'a> {
    fn new(verdict: &'a Verdict) -> Self {
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
struct ReasonOut<'a> {
    rule: &'a str,
    message: &'a str,
    remedy: &'a str,
}

impl<'a> ReasonOut<'a> {
    fn new(reason: &'a Reason) -> Self {
        Self { rule: &reason.rule, message: &reason.message, remedy: &reason.remedy }
    }
}

#[derive(Serialize)]
struct FindingOut<'a> {
    id: &'a str,
    aliases: &'a [String],
    severity: &'static str,
    package: PackageOut<'a>,
    fixed: Option<&'a str>,
    summary: &'a str,
    published: Option<&'a str>,
    feed: &'a str,
}

impl<'a> FindingOut<'a> {
    fn new(finding: &'a Finding) -> Self {
        Self {
            id: &finding.id,
            aliases: &finding.aliases,
            severity: finding.severity.name(),
            package: PackageOut::new(&finding.package),
            fixed: finding.fix.version(),
            summary: &finding.summary,
            published: finding.published.as_deref(),
            feed: &finding.feed,
        }
    }
}

#[derive(Serialize)]
struct PackageOut<'a> {
    ecosystem: &'static str,
    name: &'a str,
    version: &'a str,
    architecture: Option<&'a str>,
    source: &'a str,
    source_version: &'a str,
    location: &'a str,
    layer: u32,
}

impl<'a> PackageOut<'a> {
    fn new(package: &'a Package) -> Self {
        Self {
            ecosystem: Ecosystem::name(package.ecosystem),
            name: &package.name,
            version: &package.version,
            architecture: package.architecture.as_deref(),
            source: &package.source.name,
            source_version: &package.source.version,
            location: &package.location,
            layer: package.layer,
        }
    }
}

#[derive(Serialize)]
struct ProblemOut<'a> {
    kind: &'static str,
    subject: &'a str,
    detail: &'a str,
}

impl<'a> ProblemOut<'a> {
    fn new(problem: &'a Problem) -> Self {
        Self { kind: problem.kind.name(), subject: &problem.subject, detail: &problem.detail }
    }
}

#[cfg(test)]
mod tests {
    use boon::{Compiler, Schemas};
    use serde_json::Value;

    use super::super::tests::{Sample, sample};
    use super::*;

    const SCHEMA_FILE: &str = include_str!("../../schema/scan-report-v1.json");
    const GOLDEN: &str = include_str!("../../testdata/scan-report-v1.json");

    fn validate(document: &Value) -> Result<(), String> {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        let schema: Value = serde_json::from_str(SCHEMA_FILE).unwrap();
        compiler.add_resource("scan-report-v1.json", schema).unwrap();
        let schema =
            compiler.compile("scan-report-v1.json", &mut schemas).map_err(|error| error.to_string())?;
        schemas.validate(document, schema).map_err(|error| error.to_string())
    }

    #[test]
    fn follows_its_schema() {
        let full = sample();
        let bare = Sample {
            distribution: None,
            packages: vec![],
            findings: vec![],
            problems: vec![],
            verdict: None,
            ..sample()
        };
        let mut reports = vec![full.report(), bare.report()];
        reports[1].database = None;
        for report in reports {
            let document: Value = serde_json::from_str(&json(&report)).unwrap();
            validate(&document).unwrap();
            // Nothing is missing in the schema, and nothing may be left out.
            for name in document.as_object().unwrap().keys() {
                let mut less = document.clone();
                less.as_object_mut().unwrap().remove(name);
                assert!(validate(&less).is_err(), "{name}");
            }
            let mut more = document.clone();
            more["summary"]["packages"] = "many".into();
            assert!(validate(&more).is_err());
        }
    }

    #[test]
    fn stays_what_it_was_promised_to_be() {
        let text = json(&sample().report());
        assert!(text == GOLDEN, "if this is meant, the new document is:\n{text}");
        assert!(SCHEMA_FILE.contains(SCHEMA));
    }
}
