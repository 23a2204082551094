//! The scan report: one result, a JSON document for programs and a page of text for people.

mod suppressed;
mod group;
mod base;
mod json;
mod table;
mod text;

use lazaret_model::{
    DatabaseSnapshot, Distribution, Finding, Image, ImageReference, Package, Problem, SubjectKind, Verdict,
};

pub use base::{LayerShare, layers};
pub use group::{SourceGroup, groups};
pub(crate) use group::{by_severity, worst_first};
pub use json::{SCHEMA, json};
pub use suppressed::{Suppressed, Suppression, SuppressionKind};
pub use table::{NARROWEST, table};

/// Everything a scan found out.
#[derive(Debug, Clone, Copy)]
pub struct ScanReport<'a> {
    /// What the user asked to scan, in the user's words.
    pub target: &'a str,
    /// Where the image can be fetched, if from a registry.
    pub reference: Option<&'a ImageReference>,
    pub kind: SubjectKind,
    pub image: &'a Image,
    pub distribution: Option<&'a Distribution>,
    /// Kept in this order: sort them where the order of discovery may differ.
    pub packages: &'a [Package],
    /// Those that count; sorted.
    pub findings: &'a [Finding],
    /// Findings that somebody's statement takes out: they are in no sum, and stay visible.
    pub suppressed: &'a [Suppressed],
    /// What could not be read. Any at all makes the scan incomplete.
    pub problems: &'a [Problem],
    /// What the database cannot know of this image, such as a distribution without advisories: a lower-case
    /// sentence. Without findings it is not clean but unknown.
    pub coverage_warning: Option<&'a str>,
    /// Absent where packages were only listed.
    pub database: Option<&'a DatabaseSnapshot>,
    /// Absent where no policy was asked.
    pub verdict: Option<&'a Verdict>,
    /// RFC 3339. Without it documents depend on the scan alone; formats that must have a time use that of the
    /// image, or the beginning of 1970.
    pub timestamp: Option<&'a str>,
    /// The commit and job that the scan belongs to, for formats that want to know.
    pub revision: Option<&'a Revision>,
    /// Version of the program that made the report.
    pub tool_version: &'a str,
}

/// What a CI system calls the work that a scan is part of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revision {
    /// 40 hexadecimal digits.
    pub commit: String,
    /// `refs/heads/main`.
    pub reference: String,
    /// Of one run.
    pub job_id: String,
    /// Of all runs of one job: snapshots with the same one replace each other.
    pub correlator: String,
}

impl<'a> ScanReport<'a> {
    /// A scan that found nothing; the rest is for the caller to say.
    pub fn new(target: &'a str, image: &'a Image, tool_version: &'a str) -> Self {
        Self {
            target,
            reference: None,
            kind: SubjectKind::Image,
            image,
            distribution: None,
            packages: &[],
            findings: &[],
            suppressed: &[],
            problems: &[],
            coverage_warning: None,
            database: None,
            verdict: None,
            timestamp: None,
            revision: None,
            tool_version,
        }
    }

    /// `debian-12`'s package URL, and so on: how documents name a package of this image.
    pub fn purl(&self, package: &Package) -> Option<String> {
        crate::purl::package(package, self.distribution)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use lazaret_model::{
        Digest, Ecosystem, FixState, ImageConfiguration, Layer, Outcome, Platform, ProblemKind, Reason,
        Severity, SourcePackage,
    };

    use super::*;

    /// A report's parts, so that tests can change them one by one.
    #[derive(Clone)]
    pub(crate) struct Sample {
        pub(crate) image: Image,
        pub(crate) distribution: Option<Distribution>,
        pub(crate) packages: Vec<Package>,
        pub(crate) findings: Vec<Finding>,
        pub(crate) suppressed: Vec<Suppressed>,
        pub(crate) problems: Vec<Problem>,
        pub(crate) database: DatabaseSnapshot,
        pub(crate) verdict: Option<Verdict>,
    }

    pub(crate) fn package(name: &str, version: &str, source: &str, layer: u32) -> Package {
        Package {
            architecture: Some("amd64".to_owned()),
            source: SourcePackage { name: source.to_owned(), version: version.to_owned() },
            location: "var/lib/dpkg/status".to_owned(),
            layer,
            ..Package::new(Ecosystem::Deb, name, version)
        }
    }

    pub(crate) fn finding(id: &str, package: &Package, fixed: Option<&str>, severity: Severity) -> Finding {
        Finding {
            fix: fixed.map_or(FixState::NotFixed, |version| FixState::Fixed { version: version.to_owned() }),
            severity,
            summary: format!("what {id} is about"),
            published: Some("2026-10-01T12:00:00Z".to_owned()),
            feed: "debian".to_owned(),
            ..Finding::new(id, package.clone())
        }
    }

    pub(crate) fn sample() -> Sample {
        let digest = |byte| Digest::from_bytes([byte; 32]);
        let layer = |byte, created_by: &str| Layer {
            diff_id: digest(byte),
            created_by: created_by.to_owned(),
            size: 42,
        };
        let packages = vec![
            package("bash", "5.2.15-2", "bash", 0),
            package("libssl3", "3.0.9-1", "openssl", 0),
            package("nginx", "1.22.1-9", "nginx", 1),
            package("openssl", "3.0.9-1", "openssl", 1),
        ];
        let findings = vec![
            finding("CVE-2026-1", &packages[1], Some("3.0.9-2"), Severity::High),
            finding("CVE-2026-1", &packages[3], Some("3.0.9-2"), Severity::High),
            finding("CVE-2026-10", &packages[1], Some("3.0.9-10"), Severity::Unknown),
            finding("CVE-2026-2", &packages[2], None, Severity::Critical),
            finding("CVE-2026-3", &packages[2], Some("1.22.1-9+deb12u1"), Severity::Low),
        ];
        let database = DatabaseSnapshot {
            digest: digest(0xdb),
            built: "2026-11-01T00:00:00Z".to_owned(),
            advisories: 1234,
        };
        Sample {
            image: Image {
                manifest: Some(digest(0xaa)),
                config: digest(0xcc),
                platform: Platform {
                    os: "linux".to_owned(),
                    architecture: "amd64".to_owned(),
                    variant: None,
                },
                created: Some("2026-10-30T00:00:00Z".to_owned()),
                configuration: ImageConfiguration::default(),
                layers: vec![layer(1, ""), layer(2, "/bin/sh -c apt-get install -y nginx openssl")],
            },
            distribution: Some(Distribution {
                id: "debian".to_owned(),
                version: Some("12".to_owned()),
                codename: Some("bookworm".to_owned()),
                title: Some("Debian GNU/Linux 12 (bookworm)".to_owned()),
            }),
            packages,
            findings,
            suppressed: vec![],
            problems: vec![Problem::new(ProblemKind::Limit, "usr/share/big", "larger than 64 MiB")],
            verdict: Some(Verdict {
                outcome: Outcome::Refuse,
                reasons: vec![Reason {
                    rule: "fixable".to_owned(),
                    message: "3 vulnerabilities have been fixed for more than 7 days".to_owned(),
                    remedy: "upgrade openssl and nginx".to_owned(),
                }],
                excepted: vec![],
                policy: digest(0xbb),
                database: database.clone(),
                at: "2026-11-02T00:00:00Z".to_owned(),
            }),
            database,
        }
    }

    impl Sample {
        pub(crate) fn report(&self) -> ScanReport<'_> {
            ScanReport {
                distribution: self.distribution.as_ref(),
                packages: &self.packages,
                findings: &self.findings,
                suppressed: &self.suppressed,
                problems: &self.problems,
                database: Some(&self.database),
                verdict: self.verdict.as_ref(),
                ..ScanReport::new("127.0.0.1:5055/shop:v1", &self.image, "0.1.0")
            }
        }
    }
}
