//! Facts to decide on.

use jiff::Timestamp;
use lazaret_model::{
    DatabaseSnapshot, Digest, Ecosystem, Evidence, Finding, FixState, Image, ImageConfiguration, Outcome,
    Package, Platform, Promotion, Severity, SourcePackage, Stage,
};
use lazaret_policy::Policy;

pub(crate) fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

pub(crate) fn digest(byte: u8) -> Digest {
    Digest::from_bytes([byte; 32])
}

pub(crate) fn stage(name: &str) -> Stage {
    name.parse().unwrap()
}

pub(crate) fn policy(text: &str) -> Policy {
    Policy::parse(text, "policy.yaml").unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn package(name: &str, source: &str, version: &str) -> Package {
    Package {
        architecture: Some("amd64".to_owned()),
        source: SourcePackage { name: source.to_owned(), version: version.to_owned() },
        location: "var/lib/dpkg/status".to_owned(),
        ..Package::new(Ecosystem::Deb, name, version)
    }
}

pub(crate) fn finding(id: &str, package: &Package, fixed: Option<&str>, severity: Severity) -> Finding {
    Finding {
        fix: fixed.map_or(FixState::NotFixed, |version| FixState::Fixed { version: version.to_owned() }),
        severity,
        published: Some("2026-11-01T00:00:00Z".to_owned()),
        feed: "apt".to_owned(),
        ..Finding::new(id, package.clone())
    }
}

pub(crate) fn image(user: &str) -> Image {
    Image {
        manifest: Some(digest(1)),
        config: digest(2),
        platform: Platform { os: "linux".to_owned(), architecture: "amd64".to_owned(), variant: None },
        created: None,
        configuration: ImageConfiguration { user: user.to_owned(), ..ImageConfiguration::default() },
        layers: Vec::new(),
    }
}

pub(crate) fn database(built: &str) -> DatabaseSnapshot {
    DatabaseSnapshot { digest: digest(3), built: built.to_owned(), advisories: 1000 }
}

/// Evidence of an image that is promoted to the given stages.
pub(crate) fn evidence(stages: &[&str]) -> Evidence {
    let promotions = stages.iter().map(|name| Promotion {
        to: stage(name),
        from: None,
        key: "key".to_owned(),
        envelope: digest(4),
        at: "2026-11-20T00:00:00Z".to_owned(),
    });
    Evidence {
        manifest: digest(1),
        config: digest(2),
        repository: "r.example/shop".to_owned(),
        signed: true,
        has_sbom: true,
        scan: Some(Outcome::Pass),
        promotions: promotions.collect(),
    }
}
