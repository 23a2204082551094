//! SARIF 2.1.0 (OASIS): findings for code hosts and editors, one rule for each vulnerability.

use std::collections::BTreeMap;

use lazaret_model::{Finding, Severity};
use serde_json::{Value, json};

use crate::cyclonedx::uuid;
use crate::report::{ScanReport, Suppressed, worst_first};
use crate::{escape, words};

/// Findings with the file that shows each package. Suppressed ones are in it, marked as such.
pub fn write(report: &ScanReport<'_>) -> String {
    let all = report.findings.iter().chain(report.suppressed.iter().map(|entry| &entry.finding));
    let vulnerabilities = worst_first(all);
    let places: BTreeMap<&str, usize> =
        vulnerabilities.iter().enumerate().map(|(at, finding)| (finding.id.as_str(), at)).collect();
    let at = |finding: &Finding| places.get(finding.id.as_str()).copied().unwrap_or_default();
    let mut results: Vec<Value> =
        report.findings.iter().map(|finding| result(report, finding, at(finding), None)).collect();
    results.extend(
        report.suppressed.iter().map(|entry| result(report, &entry.finding, at(&entry.finding), Some(entry))),
    );
    let notifications: Vec<Value> = report
        .problems
        .iter()
        .map(|problem| json!({ "level": "warning", "message": { "text": shown(&problem.to_string()) } }))
        .chain(
            report
                .coverage_warning
                .map(|text| json!({ "level": "warning", "message": { "text": shown(text) } })),
        )
        .collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "Lazaret",
                "version": report.tool_version,
                "rules": vulnerabilities.iter().map(|finding| rule(finding)).collect::<Vec<_>>(),
            } },
            "invocations": [{
                "executionSuccessful": true,
                "toolExecutionNotifications": notifications,
            }],
            "originalUriBaseIds": { "ROOT": { "uri": "file:///", "description": { "text": "The root of the image." } } },
            "columnKind": "utf16CodeUnits",
            "results": results,
            "properties": { "target": shown(report.target), "imageId": report.image.config.to_string() },
        }],
    });
    serde_json::to_string_pretty(&document).expect("strings and numbers always serialize") + "\n"
}

fn rule(finding: &Finding) -> Value {
    let score = match (finding.cvss_score, finding.severity) {
        (Some(score), _) => words::score(score),
        // In the middle of what CVSS calls by that word: code hosts sort by numbers alone.
        (None, Severity::Critical) => 9.5,
        (None, Severity::High) => 8.0,
        (None, Severity::Medium) => 5.5,
        (None, Severity::Low) => 2.0,
        (None, Severity::None | Severity::Unknown) => 0.0,
    };
    let title = if finding.summary.is_empty() { &finding.id } else { &finding.summary };
    let mut rule = json!({
        "id": shown(&finding.id),
        "name": "VulnerablePackage",
        "shortDescription": { "text": shown(&words::shorten(title)) },
        "fullDescription": { "text": shown(title) },
        "help": { "text": shown(&words::remedy(finding)) },
        "defaultConfiguration": { "level": level(finding.severity) },
        "properties": {
            "security-severity": format!("{score:.1}"),
            "precision": "very-high",
            "tags": ["security", "vulnerability", words::severity(finding.severity)],
        },
    });
    if let Some(link) = words::link(&finding.id) {
        rule["helpUri"] = link.into();
    }
    rule
}

fn result(report: &ScanReport<'_>, finding: &Finding, rule: usize, by: Option<&Suppressed>) -> Value {
    let package = &finding.package;
    let purl = report.purl(package);
    let name = purl.clone().unwrap_or_else(|| format!("{} {}", package.name, package.version));
    let layer = words::layer(report.image, package);
    let mut text = format!(
        "{} {} has {} ({}). {}",
        package.name,
        package.version,
        finding.id,
        words::severity(finding.severity),
        words::remedy(finding)
    );
    if let Some((number, layer)) = layer {
        let recipe = words::shorten(&words::recipe(layer));
        text += &match recipe.is_empty() {
            true => format!(" It came with layer {number}."),
            false => format!(" It came with layer {number}: {recipe}"),
        };
    }
    // Without a file, the image as a whole.
    let uri = match escape::path(&package.location) {
        empty if empty.is_empty() => ".".to_owned(),
        path => path,
    };
    let print = uuid(format!("{}\0{name}\0{}", finding.id, package.location).as_bytes());
    let mut result = json!({
        "ruleId": shown(&finding.id),
        "ruleIndex": rule,
        "level": level(finding.severity),
        "message": { "text": shown(&text) },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": { "uri": uri, "uriBaseId": "ROOT" },
                "region": { "startLine": 1 },
            },
            "logicalLocations": [{ "fullyQualifiedName": shown(&name), "kind": "package" }],
        }],
        "partialFingerprints": { "findingId/v1": print },
    });
    if let Some((number, layer)) = layer {
        result["properties"] = json!({
            "layer": number,
            "layerDiffId": layer.diff_id.to_string(),
            "layerCreatedBy": shown(&layer.created_by),
        });
    }
    if let Some(entry) = by {
        let text = shown(&entry.by.sentence());
        result["suppressions"] = json!([{ "kind": "external", "status": "accepted", "justification": text }]);
    }
    result
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium | Severity::Unknown => "warning",
        Severity::Low => "note",
        Severity::None => "none",
    }
}

/// Viewers show these texts as they are.
fn shown(text: &str) -> String {
    text.chars().map(|c| if escape::is_hidden(c) && c != '\n' { '\u{fffd}' } else { c }).collect()
}
