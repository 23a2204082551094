use std::collections::HashSet;

use lazaret_model::{Finding, Package};
use serde_json::{Value, json};

use crate::cyclonedx::uuid;
use crate::purl;
use crate::report::{ScanReport, Suppressed, SuppressionKind};
use crate::words;

/// OpenVEX 0.2.0: `affected` for each finding with what to do, and the statements that took others out.
///
/// A document without any statement is not allowed by the format; of a clean image it has none all the same.
pub fn write(report: &ScanReport<'_>) -> String {
    let time = words::time(report.timestamp, report.image);
    let (mut statements, mut seen) = (Vec::<Value>::new(), HashSet::new());
    let open = report.findings.iter().map(|finding| affected(report, finding));
    for statement in open.chain(report.suppressed.iter().map(|entry| suppressed(report, entry))) {
        // The format wants each statement once; twins in several places are one.
        if seen.insert(statement.to_string()) {
            statements.push(statement);
        }
    }
    let mut document = json!({
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "",
        "author": "lazaret",
        "role": "scanner",
        "timestamp": time,
        "version": 1,
        "tooling": format!("lazaret {}", report.tool_version),
        "statements": statements,
    });
    document["@id"] = format!("urn:uuid:{}", uuid(document.to_string().as_bytes())).into();
    serde_json::to_string_pretty(&document).expect("strings and numbers always serialize") + "\n"
}

fn affected(report: &ScanReport<'_>, finding: &Finding) -> Value {
    let mut statement = statement(report, finding, "affected");
    statement["action_statement"] = words::remedy(finding).into();
    if finding.disputed {
        statement["status_notes"] = "The publisher disputes that it is a vulnerability.".into();
    }
    statement
}

fn suppressed(report: &ScanReport<'_>, entry: &Suppressed) -> Value {
    const JUSTIFICATIONS: &[&str] = &[
        "component_not_present",
        "vulnerable_code_not_present",
        "vulnerable_code_not_in_execute_path",
        "vulnerable_code_cannot_be_controlled_by_adversary",
        "inline_mitigations_already_exist",
    ];
    let by = &entry.by;
    let mut statement = match by.kind {
        SuppressionKind::NotAffected => statement(report, &entry.finding, "not_affected"),
        SuppressionKind::Fixed => statement(report, &entry.finding, "fixed"),
        // An accepted risk is one.
        SuppressionKind::Accepted => {
            let mut statement = statement(report, &entry.finding, "affected");
            statement["action_statement"] = by.sentence().into();
            return statement;
        }
    };
    if by.kind == SuppressionKind::NotAffected {
        match by.justification.as_deref().filter(|word| JUSTIFICATIONS.contains(word)) {
            Some(word) => statement["justification"] = word.into(),
            None => statement["impact_statement"] = by.sentence().into(),
        }
    }
    statement["status_notes"] = by.sentence().into();
    statement
}

fn statement(report: &ScanReport<'_>, finding: &Finding, status: &str) -> Value {
    let mut names: Vec<&String> = Vec::new();
    for alias in finding.aliases.iter().filter(|alias| **alias != finding.id) {
        if !names.contains(&alias) {
            names.push(alias);
        }
    }
    let mut statement = json!({
        "vulnerability": { "name": finding.id, "aliases": names },
        "products": [product(report, &finding.package)],
        "status": status,
    });
    if !finding.summary.is_empty() {
        statement["vulnerability"]["description"] = finding.summary.as_str().into();
    }
    statement
}

/// The image with the package as its part, or the package alone where the image has no name of its own.
fn product(report: &ScanReport<'_>, package: &Package) -> Value {
    let part = report.purl(package).unwrap_or_else(|| {
        // A name of no ecosystem, for the few packages without a package URL.
        let key = format!("{} {} {}", package.ecosystem, package.name, package.version);
        format!("urn:uuid:{}", uuid(key.as_bytes()))
    });
    match report.reference.zip(report.image.manifest) {
        Some((reference, manifest)) => {
            let image = purl::image(reference, manifest, &report.image.platform.architecture);
            json!({ "@id": image, "subcomponents": [{ "@id": part }] })
        }
        None => json!({ "@id": part }),
    }
}
