//! GitHub's dependency snapshot (REST API "Dependency submission", version 0): the packages, for its own alerts.

use std::collections::BTreeMap;

use lazaret_model::Package;
use serde_json::{Map, Value, json};

use crate::report::{Revision, ScanReport};
use crate::words;

/// Packages by the file that lists them. The commit and job come from
/// [`ScanReport::revision`]; GitHub refuses a snapshot without them.
pub fn write(report: &ScanReport<'_>) -> String {
    let none = Revision::default();
    let revision = report.revision.unwrap_or(&none);
    let mut files: BTreeMap<&str, Vec<&Package>> = BTreeMap::new();
    for package in report.packages {
        files.entry(&package.location).or_default().push(package);
    }
    let manifests: Map<String, Value> =
        files.iter().map(|(file, packages)| (name(report, file), manifest(report, file, packages))).collect();
    let document = json!({
        "version": 0,
        "job": { "id": revision.job_id, "correlator": revision.correlator },
        "sha": revision.commit,
        "ref": revision.reference,
        "detector": { "name": "lazaret", "version": report.tool_version, "url": "urn:lazaret" },
        "scanned": words::time(report.timestamp, report.image),
        "metadata": { "target": report.target, "image_id": report.image.config.to_string() },
        "manifests": manifests,
    });
    serde_json::to_string_pretty(&document).expect("strings and numbers always serialize") + "\n"
}

fn name(report: &ScanReport<'_>, file: &str) -> String {
    if file.is_empty() { report.target.to_owned() } else { file.to_owned() }
}

fn manifest(report: &ScanReport<'_>, file: &str, packages: &[&Package]) -> Value {
    let mut resolved = Map::new();
    for package in packages {
        // What no package URL names, GitHub has no advisories for.
        let Some(purl) = report.purl(package) else { continue };
        resolved.insert(
            purl.clone(),
            json!({ "package_url": purl, "relationship": "direct", "scope": "runtime", "dependencies": [] }),
        );
    }
    json!({ "name": name(report, file), "file": { "source_location": file }, "resolved": resolved })
}
