//! The table of everything that a report can be written as: values of `--format` and the documentation come from it.

use std::io::{self, Write};

use crate::cyclonedx::{self, SpecVersion};
use crate::report::{self, ScanReport};
use crate::{github, gitlab, html, junit, markdown, sarif, spdx, vex};

/// One shape that a report can be written in.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// What users call it.
    pub name: &'static str,
    pub media_type: &'static str,
    /// How names of its files end.
    pub extension: &'static str,
    /// One line for people.
    pub about: &'static str,
    /// Whether it tells packages, and so makes sense of a scan without advisories.
    pub lists_packages: bool,
    /// Whether it tells findings.
    pub tells_findings: bool,
    pub write: fn(&ScanReport<'_>) -> String,
    /// The same to a writer, where that needs less memory.
    stream: Option<Stream>,
}

type Stream = fn(&ScanReport<'_>, &mut dyn Write) -> io::Result<()>;

const fn format(
    name: &'static str,
    media_type: &'static str,
    extension: &'static str,
    about: &'static str,
    write: fn(&ScanReport<'_>) -> String,
) -> Format {
    let (lists_packages, tells_findings, stream) = (false, true, None);
    Format { name, media_type, extension, about, lists_packages, tells_findings, write, stream }
}

const fn with_packages(format: Format) -> Format {
    Format { lists_packages: true, ..format }
}

const fn streamed(stream: Stream, format: Format) -> Format {
    Format { stream: Some(stream), ..format }
}

const fn packages_only(format: Format) -> Format {
    Format { lists_packages: true, tells_findings: false, ..format }
}

/// All formats, in the order in which they are listed. `table` takes a width and colours where it is written to a
/// terminal: see [`report::table`].
pub const FORMATS: &[Format] = &[
    format("table", "text/plain", "txt", "for people: what to do first, then why", |report| {
        report::table(report, 100, false)
    }),
    with_packages(format(
        "json",
        "application/json",
        "json",
        "everything, as schema/scan-report-v1.json describes it",
        report::json,
    )),
    streamed(
        |report, out| cyclonedx::write_report(report, SpecVersion::V1_6, out),
        with_packages(format(
            "cyclonedx",
            "application/vnd.cyclonedx+json; version=1.6",
            "cdx.json",
            "CycloneDX 1.6 with vulnerabilities, evidence and licences",
            |report| cyclonedx::report(report, SpecVersion::V1_6),
        )),
    ),
    streamed(
        |report, out| cyclonedx::write_report(report, SpecVersion::V1_7, out),
        with_packages(format(
            "cyclonedx-1.7",
            "application/vnd.cyclonedx+json; version=1.7",
            "cdx.json",
            "the same as CycloneDX 1.7",
            |report| cyclonedx::report(report, SpecVersion::V1_7),
        )),
    ),
    packages_only(format(
        "spdx",
        "application/spdx+json",
        "spdx.json",
        "SPDX 2.3, the packages",
        spdx::write,
    )),
    format(
        "sarif",
        "application/sarif+json",
        "sarif",
        "SARIF 2.1.0, for code hosts and editors",
        sarif::write,
    ),
    format("junit", "application/xml", "xml", "JUnit XML: each finding is a test that failed", junit::write),
    format("gitlab", "application/json", "json", "GitLab's container scanning report", gitlab::write),
    packages_only(format(
        "github",
        "application/json",
        "json",
        "GitHub's dependency snapshot, the packages",
        github::write,
    )),
    format(
        "openvex",
        "application/json",
        "vex.json",
        "OpenVEX 0.2.0: a statement for each finding",
        vex::write,
    ),
    with_packages(format(
        "html",
        "text/html",
        "html",
        "one page to read and to print, without scripts",
        html::write,
    )),
    format("markdown", "text/markdown", "md", "a summary for comments on pull requests", markdown::write),
];

impl Format {
    pub fn named(name: &str) -> Option<&'static Self> {
        FORMATS.iter().find(|format| format.name == name)
    }

    /// As `write`, to a writer, piece by piece where the format can be. Fails only as the writer does.
    pub fn write_to(&self, report: &ScanReport<'_>, out: &mut dyn Write) -> io::Result<()> {
        match self.stream {
            Some(stream) => stream(report, out),
            None => out.write_all((self.write)(report).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_lead_back() {
        for format in FORMATS {
            assert_eq!(Format::named(format.name).unwrap().about, format.about);
        }
    }
}
