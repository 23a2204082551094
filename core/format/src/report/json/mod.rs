mod parts;

use lazaret_model::{Finding, Severity};
use serde::Serialize;

use super::ScanReport;
use super::group::{by_severity, groups, worst_first};
use parts::{
    DatabaseOut, DistributionOut, FindingOut, ImageOut, PackageOut, ProblemOut, SuppressedOut, VerdictOut,
};

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
    kind: &'static str,
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
    suppressed: Vec<SuppressedOut<'a>>,
    coverage_warning: Option<&'a str>,
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
            kind: report.kind.name(),
            image: ImageOut::new(report.image),
            distribution: report.distribution.map(DistributionOut::new),
            database: report.database.map(DatabaseOut::new),
            complete: report.problems.is_empty(),
            summary: Summary::new(report),
            upgrades: upgrades.collect(),
            verdict: report.verdict.map(VerdictOut::new),
            findings: report.findings.iter().map(|finding| FindingOut::new(finding, report)).collect(),
            packages: report.packages.iter().map(|package| PackageOut::new(package, report)).collect(),
            problems: report.problems.iter().map(ProblemOut::new).collect(),
            suppressed: report.suppressed.iter().map(|entry| SuppressedOut::new(entry, report)).collect(),
            coverage_warning: report.coverage_warning,
        }
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

#[cfg(test)]
mod tests {
    use boon::{Compiler, Schemas};
    use serde_json::Value;

    use super::super::tests::{Sample, sample};
    use super::*;

    const SCHEMA_FILE: &str = include_str!("../../../schema/scan-report-v1.json");
    const OLD: &str = include_str!("../../../testdata/scan-report-v1-0.1.json");

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
        let mut decided = sample();
        let points = [("Exploitation", "active"), ("Automatable", "no"), ("Technical Impact", "partial")];
        for (finding, shown) in decided.findings.iter_mut().zip(1..) {
            let mut ssvc = lazaret_model::Ssvc::default();
            points.iter().take(shown).for_each(|(point, value)| ssvc.decide(point, value));
            finding.ssvc = Some(ssvc);
        }
        assert!(json(&decided.report()).contains("\"exploitation\": \"active\""));
        let mut reports = vec![full.report(), bare.report(), decided.report()];
        reports[1].database = None;
        for report in reports {
            let document: Value = serde_json::from_str(&json(&report)).unwrap();
            validate(&document).unwrap();
            // Nothing that was in the first release may be left out.
            for name in ["schema", "target", "image", "findings", "packages", "problems", "summary"] {
                let mut less = document.clone();
                less.as_object_mut().unwrap().remove(name);
                assert!(validate(&less).is_err(), "{name}");
            }
            let mut more = document.clone();
            more["summary"]["packages"] = "many".into();
            assert!(validate(&more).is_err());
        }
    }

    /// Documents of earlier releases stay valid: fields were added since, none changed.
    #[test]
    fn old_samples_stay_valid() {
        let old: Value = serde_json::from_str(OLD).unwrap();
        validate(&old).unwrap();
        let new: Value = serde_json::from_str(&json(&sample().report())).unwrap();
        covers(&old, &new, "");
        assert!(SCHEMA_FILE.contains(SCHEMA));
    }

    fn covers(old: &Value, new: &Value, at: &str) {
        match (old, new) {
            (Value::Object(old), Value::Object(new)) => {
                for (key, value) in old {
                    covers(
                        value,
                        new.get(key).unwrap_or_else(|| panic!("{at}/{key} is gone")),
                        &format!("{at}/{key}"),
                    );
                }
            }
            (Value::Array(old), Value::Array(new)) => {
                assert_eq!(old.len(), new.len(), "{at}");
                old.iter().zip(new).for_each(|(old, new)| covers(old, new, at));
            }
            _ => assert_eq!(old, new, "{at}"),
        }
    }
}
