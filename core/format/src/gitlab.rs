//! GitLab's container scanning report, version 15 of its security report schemas
//! (`container-scanning-report-format.json`). GitLab takes a report whole or not at all, so that its bounds hold whatever
//! an advisory says.

use lazaret_model::{Finding, Severity};
use serde_json::{Value, json};

use crate::cyclonedx::uuid;
use crate::report::ScanReport;
use crate::words;

const VERSION: &str = "15.0.7";
/// Characters of a description and of a solution that the schema takes.
const LONGEST_DESCRIPTION: usize = 1 << 20;
const LONGEST_SOLUTION: usize = 7000;

/// The findings that count: GitLab keeps its own book of what is dismissed.
pub fn write(report: &ScanReport<'_>) -> String {
    let tool = json!({
        "id": "lazaret",
        "name": "Lazaret",
        "version": report.tool_version,
        "vendor": { "name": "Lazaret" },
    });
    let time = words::time(report.timestamp, report.image);
    let time = time.trim_end_matches('Z');
    let messages: Vec<Value> = report
        .problems
        .iter()
        .map(|problem| json!({ "level": "warn", "value": problem.to_string() }))
        .collect();
    let image = image(report);
    let document = json!({
        "version": VERSION,
        "scan": {
            "analyzer": tool,
            "scanner": tool,
            "type": "container_scanning",
            "start_time": time,
            "end_time": time,
            "status": "success",
            "messages": messages,
        },
        "vulnerabilities":
            report.findings.iter().map(|finding| vulnerability(report, finding, &image)).collect::<Vec<_>>(),
        "remediations": [],
    });
    serde_json::to_string_pretty(&document).expect("strings and numbers always serialize") + "\n"
}

fn vulnerability(report: &ScanReport<'_>, finding: &Finding, image: &str) -> Value {
    let package = &finding.package;
    let system =
        report.distribution.map_or_else(|| "unknown".to_owned(), |system| system.key().replace(':', " "));
    let key = format!("{}\0{}\0{}\0{}", finding.id, package.name, package.version, package.location);
    let identifiers = std::iter::once(&finding.id).chain(&finding.aliases);
    let links = words::link(&finding.id).map(|link| json!({ "url": link }));
    let mut text = finding.summary.clone();
    if let Some(since) = &finding.exploited {
        text.push_str(&format!(" Known to be exploited since {since}."));
    }
    let layer = words::layer(report.image, package)
        .map_or_else(String::new, |(number, layer)| format!("{number}: {}", words::recipe(layer)));
    json!({
        "id": uuid(key.as_bytes()),
        "name": words::shorten(&format!("{} in {} {}", finding.id, package.name, package.version)),
        "description": cut(text, LONGEST_DESCRIPTION),
        "severity": severity(finding.severity),
        "solution": cut(words::remedy(finding), LONGEST_SOLUTION),
        "identifiers": identifiers.map(|id| identifier(id)).collect::<Vec<_>>(),
        "links": links.into_iter().collect::<Vec<_>>(),
        "location": {
            "dependency": { "package": { "name": package.name }, "version": package.version },
            "operating_system": system,
            "image": image,
        },
        "details": {
            "file": { "type": "text", "name": "File", "value": package.location },
            "layer": { "type": "text", "name": "Layer", "value": layer },
        },
    })
}

fn cut(mut text: String, most: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
    }
    text
}

fn identifier(id: &str) -> Value {
    let id = if id.is_empty() { "unknown" } else { id };
    let kind = match id.split('-').next() {
        Some(kind) if !kind.is_empty() => kind.to_lowercase(),
        _ => "other".to_owned(),
    };
    let mut identifier = json!({ "type": kind, "name": id, "value": id });
    if let Some(link) = words::link(id) {
        identifier["url"] = link.into();
    }
    identifier
}

/// The schema wants `name:tag`, with a port before it at most.
fn image(report: &ScanReport<'_>) -> String {
    let name = report.reference.map_or_else(|| report.target.to_owned(), ToString::to_string);
    let parts: Vec<&str> = name.split(':').collect();
    let is_port = |part: &str| part.starts_with(|c: char| c.is_ascii_digit());
    match parts.as_slice() {
        [host, rest] if !host.is_empty() && !rest.is_empty() => name,
        [host, port, rest] if !host.is_empty() && is_port(port) && !rest.is_empty() => name,
        _ => {
            let name = name.replace(':', "-");
            let name = if name.is_empty() { "image" } else { &name };
            format!("{name}:{}", report.image.config.short())
        }
    }
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "Critical",
        Severity::High => "High",
        Severity::Medium => "Medium",
        Severity::Low => "Low",
        Severity::None => "Info",
        Severity::Unknown => "Unknown",
    }
}
