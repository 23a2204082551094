//! Advisories and packages to test with.

use lazaret_advisory::{Builder, Database};
use lazaret_model::{Advisory, Distribution, Ecosystem, Package, Severity, SourcePackage};
use proptest::prelude::*;

pub(crate) const RELEASE: &str = "debian:12";

pub(crate) fn built() -> jiff::Timestamp {
    "2026-01-02T03:04:05Z".parse().expect("a time")
}

pub(crate) fn advisory(id: &str, package: &str, introduced: &str, fixed: &str) -> Advisory {
    let version = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Advisory {
        fixed: version(fixed),
        introduced: version(introduced),
        summary: format!("{id} in {package}"),
        published: Some("2024-01-01T00:00:00Z".to_owned()),
        feed: "test".to_owned(),
        ..Advisory::new(id, Ecosystem::Deb, RELEASE, package)
    }
}

pub(crate) fn package(name: &str, source: &str, version: &str) -> Package {
    Package {
        architecture: Some("amd64".to_owned()),
        source: SourcePackage { name: source.to_owned(), version: version.to_owned() },
        location: "var/lib/dpkg/status".to_owned(),
        ..Package::new(Ecosystem::Deb, name, format!("{version}+b1"))
    }
}

pub(crate) fn bookworm() -> Distribution {
    Distribution {
        id: "debian".to_owned(),
        version: Some("12".to_owned()),
        codename: Some("bookworm".to_owned()),
        title: None,
    }
}

pub(crate) fn file(advisories: impl IntoIterator<Item = Advisory>) -> Vec<u8> {
    let mut builder = Builder::new();
    advisories.into_iter().for_each(|advisory| builder.push(advisory));
    builder.build(built()).expect("a few advisories fit")
}

pub(crate) fn open(advisories: impl IntoIterator<Item = Advisory>) -> Database {
    let database = Database::open(file(advisories)).expect("a built file opens");
    database.verify().expect("a built file is sound");
    database
}

/// Advisories near each other, so that they merge, share texts and packages.
pub(crate) fn advisories() -> impl Strategy<Value = Vec<Advisory>> {
    let one = (
        "CVE-2024-000[1-4]|DSA-[1-2]",
        "debian:1[123]",
        "[a-c]|ä",
        proptest::option::of("[1-3]\\.[0-2](~deb12u1)?"),
        proptest::option::of("[1-3]\\.[0-2](~deb12u1)?"),
        proptest::collection::vec("DSA-[1-3]|CVE-2024-000[1-2]", 0..3),
        proptest::sample::select(Severity::ALL),
    );
    let one = one.prop_map(|(id, release, package, introduced, fixed, aliases, severity)| Advisory {
        release,
        introduced,
        fixed,
        aliases,
        severity,
        ..advisory(&id, &package, "", "")
    });
    proptest::collection::vec(one, 0..24)
}
