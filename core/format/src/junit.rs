//! JUnit XML, as CI systems read test results: each finding is a test that failed.

use std::fmt::Write as _;

use lazaret_model::Finding;

use crate::escape::markup;
use crate::report::ScanReport;
use crate::words;

/// One suite for the image. Suppressed findings are skipped tests, what could not be read is an error.
pub fn write(report: &ScanReport<'_>) -> String {
    let (failures, skipped, errors) = (report.findings.len(), report.suppressed.len(), report.problems.len());
    // A suite without tests counts as broken with some readers.
    let is_clean = failures + skipped + errors == 0;
    let tests = failures + skipped + errors + usize::from(is_clean);
    let counts =
        format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\"");
    let name = markup(report.target);
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"lazaret\" {counts} time=\"0\">\n"
    );
    let time = words::time(report.timestamp, report.image);
    let time = time.trim_end_matches('Z');
    line(&mut xml, format_args!("  <testsuite name=\"{name}\" {counts} time=\"0\" timestamp=\"{time}\">"));
    for finding in report.findings {
        case(&mut xml, finding, |xml| {
            let summary = format!("{} {}", words::severity(finding.severity), finding.summary);
            line(xml, format_args!("      <failure type=\"vulnerability\" message=\"{}\">", flat(&summary)));
            line(xml, format_args!("{}</failure>", markup(&details(report, finding))));
        });
    }
    for entry in report.suppressed {
        case(&mut xml, &entry.finding, |xml| {
            line(xml, format_args!("      <skipped message=\"{}\"/>", flat(&entry.by.sentence())));
        });
    }
    for problem in report.problems {
        let subject = flat(&problem.subject);
        line(&mut xml, format_args!("    <testcase classname=\"unread\" name=\"{subject}\" time=\"0\">"));
        let (kind, detail) = (problem.kind.name(), flat(&problem.detail));
        line(&mut xml, format_args!("      <error type=\"{kind}\" message=\"{detail}\"/>\n    </testcase>"));
    }
    if is_clean {
        line(
            &mut xml,
            format_args!("    <testcase classname=\"{name}\" name=\"no known vulnerability\" time=\"0\"/>"),
        );
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

fn case(xml: &mut String, finding: &Finding, body: impl FnOnce(&mut String)) {
    let package = &finding.package;
    let class = flat(&format!("{} {} ({})", package.name, package.version, package.ecosystem));
    let place = if package.location.is_empty() { String::new() } else { format!(" in {}", package.location) };
    let name = flat(&format!("{}{place}", finding.id));
    line(xml, format_args!("    <testcase classname=\"{class}\" name=\"{name}\" time=\"0\">"));
    body(xml);
    xml.push_str("    </testcase>\n");
}

fn details(report: &ScanReport<'_>, finding: &Finding) -> String {
    let mut text = words::remedy(finding);
    if let Some(purl) = report.purl(&finding.package) {
        text.push('\n');
        text.push_str(&purl);
    }
    if let Some(since) = &finding.exploited {
        text.push_str(&format!("\nKnown to be exploited since {since}."));
    }
    if let Some(link) = words::link(&finding.id) {
        text.push('\n');
        text.push_str(&link);
    }
    text
}

/// For attributes, where readers turn line ends into spaces anyway.
fn flat(text: &str) -> String {
    markup(text).replace(['\n', '\t'], " ")
}

fn line(xml: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(xml, "{text}").expect("a string takes everything");
}
