//! A scan with everything in it that reports know of, and one with everything that reports must survive.

use lazaret_format::report::{ScanReport, Suppressed, Suppression, SuppressionKind};
use lazaret_model::{
    DatabaseSnapshot, Digest, Distribution, Ecosystem, Finding, FixState, Image, ImageConfiguration,
    ImageReference, Layer, Outcome, Package, PackageEvidence, Platform, Problem, ProblemKind, Reason,
    Severity, SourcePackage, Verdict,
};

pub(crate) struct Sample {
    pub(crate) target: String,
    pub(crate) reference: ImageReference,
    pub(crate) image: Image,
    pub(crate) distribution: Distribution,
    pub(crate) packages: Vec<Package>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) suppressed: Vec<Suppressed>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) database: DatabaseSnapshot,
    pub(crate) verdict: Verdict,
}

impl Sample {
    pub(crate) fn report(&self) -> ScanReport<'_> {
        ScanReport {
            reference: Some(&self.reference),
            distribution: Some(&self.distribution),
            packages: &self.packages,
            findings: &self.findings,
            suppressed: &self.suppressed,
            problems: &self.problems,
            database: Some(&self.database),
            verdict: Some(&self.verdict),
            timestamp: Some("2026-11-02T00:00:00Z"),
            ..ScanReport::new(&self.target, &self.image, "0.1.0")
        }
    }

    /// The same scan of nothing.
    pub(crate) fn bare(&self) -> ScanReport<'_> {
        ScanReport::new("shop.tar", &self.image, "0.1.0")
    }
}

fn digest(byte: u8) -> Digest {
    Digest::from_bytes([byte; 32])
}

fn image(created_by: &str) -> Image {
    let layer =
        |byte, created_by: &str| Layer { diff_id: digest(byte), created_by: created_by.to_owned(), size: 42 };
    Image {
        manifest: Some(digest(0xaa)),
        config: digest(0xcc),
        platform: Platform {
            os: "linux".to_owned(),
            architecture: "arm".to_owned(),
            variant: Some("v7".to_owned()),
        },
        created: Some("2026-10-30T00:00:00Z".to_owned()),
        configuration: ImageConfiguration::default(),
        layers: vec![layer(1, "COPY rootfs /"), layer(2, created_by)],
    }
}

/// Packages of every ecosystem, and of every kind of evidence.
pub(crate) fn rich() -> Sample {
    let mut packages = vec![
        Package {
            architecture: Some("amd64".to_owned()),
            source: SourcePackage { name: "openssl".to_owned(), version: "3.0.9-1".to_owned() },
            location: "var/lib/dpkg/status".to_owned(),
            licences: vec!["Apache-2.0".to_owned(), "see copyright".to_owned()],
            ..Package::new(Ecosystem::Deb, "libssl3", "3.0.9-1")
        },
        Package {
            location: "usr/share/nodejs/ws/package.json".to_owned(),
            owner: Some("node-ws".to_owned()),
            licences: vec!["MIT".to_owned()],
            layer: 1,
            ..Package::new(Ecosystem::Npm, "ws", "8.11.0")
        },
        Package {
            location: "app/package-lock.json".to_owned(),
            evidence: PackageEvidence::Declared,
            licences: vec!["(MIT OR Apache-2.0)".to_owned()],
            layer: 1,
            ..Package::new(Ecosystem::Npm, "@scope/lodash", "4.17.4")
        },
        Package {
            location: "usr/bin/tool".to_owned(),
            evidence: PackageEvidence::Inferred,
            layer: 1,
            ..Package::new(Ecosystem::Cargo, "regex", "1.5.4")
        },
        Package {
            module: Some("nodejs:18".to_owned()),
            architecture: Some("x86_64".to_owned()),
            ..Package::new(Ecosystem::Rpm, "nodejs", "1:18.9-1")
        },
        Package {
            location: "app/shop.jar!/BOOT-INF/lib/log4j-core-2.14.1.jar".to_owned(),
            layer: 1,
            ..Package::new(Ecosystem::Maven, "org.apache.logging.log4j:log4j-core", "2.14.1")
        },
    ];
    packages.extend(Ecosystem::ALL.iter().map(|ecosystem| Package {
        location: format!("srv/{ecosystem}"),
        layer: 1,
        evidence: PackageEvidence::BuiltIn,
        ..Package::new(
            *ecosystem,
            if *ecosystem == Ecosystem::Swift { "github.com/a/b" } else { "thing" },
            "1.0",
        )
    }));
    let finding = |id: &str, at: usize, fix: FixState, severity| Finding {
        fix,
        severity,
        summary: format!("what {id} is about"),
        published: Some("2026-10-01T12:00:00Z".to_owned()),
        feed: "debian".to_owned(),
        ..Finding::new(id, packages[at].clone())
    };
    let fixed = |version: &str| FixState::Fixed { version: version.to_owned() };
    let mut findings = vec![
        finding("CVE-2026-1", 0, fixed("3.0.9-2"), Severity::High),
        finding("CVE-2026-2", 0, FixState::WillNotFix, Severity::Low),
        finding("CVE-2026-3", 2, fixed("4.17.21"), Severity::Critical),
        finding("CVE-2026-4", 3, FixState::NotFixed, Severity::Unknown),
        finding("GHSA-aaaa-bbbb-cccc", 5, FixState::EndOfLife, Severity::Medium),
    ];
    let log4j = &mut findings[2];
    log4j.aliases = vec!["GHSA-1111-2222-3333".to_owned()];
    log4j.cvss_vector = Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H".to_owned());
    (log4j.cvss_score, log4j.epss) = (Some(100), Some(975_310));
    log4j.exploited = Some("2026-10-10".to_owned());
    findings[3].disputed = true;
    let by = |kind, expires: Option<&str>| Suppression {
        kind,
        justification: (kind == SuppressionKind::NotAffected)
            .then(|| "vulnerable_code_not_present".to_owned()),
        reason: "only the client is built".to_owned(),
        author: "Maker".to_owned(),
        at: Some("2026-10-20T00:00:00Z".to_owned()),
        expires: expires.map(str::to_owned),
        origin: "https://maker.example/vex/1".to_owned(),
    };
    let suppressed = vec![
        Suppressed {
            finding: finding("CVE-2026-5", 1, FixState::NotFixed, Severity::High),
            by: by(SuppressionKind::NotAffected, None),
        },
        Suppressed {
            finding: finding("CVE-2026-6", 1, fixed("8.17.1"), Severity::Medium),
            by: by(SuppressionKind::Fixed, None),
        },
        Suppressed {
            finding: finding("CVE-2026-7", 2, FixState::NotFixed, Severity::Low),
            by: by(SuppressionKind::Accepted, Some("2027-01-31")),
        },
    ];
    let database =
        DatabaseSnapshot { digest: digest(0xdb), built: "2026-11-01T00:00:00Z".to_owned(), advisories: 1234 };
    Sample {
        target: "r.example:5000/team/shop:v1".to_owned(),
        reference: "r.example:5000/team/shop:v1".parse().expect("a reference"),
        image: image("RUN apt-get install -y libssl3"),
        distribution: Distribution {
            id: "debian".to_owned(),
            version: Some("12".to_owned()),
            codename: Some("bookworm".to_owned()),
            title: Some("Debian GNU/Linux 12 (bookworm)".to_owned()),
        },
        packages,
        findings,
        suppressed,
        problems: vec![Problem::new(ProblemKind::Limit, "usr/share/big", "larger than 64 MiB")],
        verdict: Verdict {
            outcome: Outcome::Refuse,
            reasons: vec![Reason {
                rule: "fixable".to_owned(),
                message: "2 vulnerabilities have been fixed for more than 7 days".to_owned(),
                remedy: "upgrade openssl".to_owned(),
            }],
            excepted: vec![],
            policy: digest(0xbb),
            database: database.clone(),
            at: "2026-11-02T00:00:00Z".to_owned(),
        },
        database,
    }
}

/// The same with `text` wherever an image, an advisory or a statement can put any text.
pub(crate) fn hostile(text: &str) -> Sample {
    let mut sample = rich();
    let own = || text.to_owned();
    sample.target = own();
    sample.image = image(text);
    sample.image.created = Some(own());
    (sample.distribution.id, sample.distribution.title) = (own(), Some(own()));
    for package in &mut sample.packages {
        (package.name, package.version, package.location) = (own(), own(), own());
        package.source = SourcePackage { name: own(), version: own() };
        (package.architecture, package.owner, package.module) = (Some(own()), Some(own()), Some(own()));
        package.licences = vec![own(), own()];
    }
    let poison = |finding: &mut Finding, package: &Package| {
        finding.package = package.clone().into();
        (finding.id, finding.summary, finding.feed) = (own(), own(), own());
        finding.aliases = vec![own(), own()];
        (finding.published, finding.exploited, finding.cvss_vector) = (Some(own()), Some(own()), Some(own()));
        if finding.fix.version().is_some() {
            finding.fix = FixState::Fixed { version: own() };
        }
    };
    for (finding, package) in sample.findings.iter_mut().zip(&sample.packages) {
        poison(finding, package);
    }
    for entry in &mut sample.suppressed {
        poison(&mut entry.finding, &sample.packages[0]);
        let by = &mut entry.by;
        (by.reason, by.author, by.origin) = (own(), own(), own());
        (by.justification, by.at, by.expires) = (Some(own()), Some(own()), Some(own()));
    }
    sample.problems = vec![Problem::new(ProblemKind::Malformed, text, text)];
    sample.database.built = own();
    let reason = Reason { rule: own(), message: own(), remedy: own() };
    (sample.verdict.reasons, sample.verdict.excepted) = (vec![reason.clone()], vec![reason]);
    sample
}

/// Texts that end a string, an element, an attribute, a cell or a terminal's patience.
pub(crate) const HOSTILE: &[&str] = &[
    "",
    "<script>alert(1)</script>",
    "]]></failure><!--",
    "\"'><img src=x onerror=alert(1)>",
    "a\u{0}\u{1b}[31m\u{7}\r\n\t\u{202e}\u{200b}\u{fffe}\u{fffd}",
    "javascript:alert(1)",
    "{{7*7}}${7*7}|`cmd`\\",
    "../../../etc/passwd",
    "//evil.example/x?y#z",
    "pkg:npm/x@1?a=b&c=d#e",
    "CVE-2026-1\"onclick=\"x",
    "漢字 é 😀",
];
