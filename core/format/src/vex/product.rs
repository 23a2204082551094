use std::borrow::Cow;

use lazaret_model::{Digest, Distribution, ImageReference, Package, SourcePackage};

use crate::purl::{self, Purl};

/// What a statement is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Product {
    /// Package URL of an image or of a package; other names are kept and match nothing but an image's own.
    pub name: String,
    /// Package URLs of parts of the product; empty: the product as a whole.
    pub parts: Vec<String>,
    /// Only where the product belongs to this release of a distribution.
    pub platform: Option<Platform>,
}

/// A release that a CPE names: `cpe:/o:redhat:enterprise_linux:9`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// The CPE as written.
    pub name: String,
}

/// The image that findings are of.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// What the user asked to scan.
    pub target: &'a str,
    pub reference: Option<&'a ImageReference>,
    pub manifest: Option<Digest>,
    pub distribution: Option<&'a Distribution>,
}

/// Qualifiers that say where a file came from, not which package it is.
const ORIGINS: &[&str] = &["checksum", "download_url", "file_name", "repository_id", "upstream", "vcs_url"];

impl Product {
    /// A product as a whole.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Whether it is this package, or this package in this image.
    pub(super) fn covers(&self, package: &Candidate<'_>, subject: &Subject<'_>) -> bool {
        if self.platform.as_ref().is_some_and(|platform| !platform.is(subject.distribution)) {
            return false;
        }
        if subject.is_named(&self.name) {
            return self.parts.is_empty() || self.parts.iter().any(|part| package.is_named(part, subject));
        }
        // A part of something that is no package of this image says nothing of the part elsewhere.
        self.parts.is_empty() && package.is_named(&self.name, subject)
    }
}

/// The package URLs of a package and of its source: made once, held against many statements.
pub(super) struct Names {
    package: Option<String>,
    source: Option<String>,
}

pub(super) struct Candidate<'n> {
    package: Option<Purl<'n>>,
    source: Option<Purl<'n>>,
}

impl Names {
    pub(super) fn new(package: &Package, subject: &Subject<'_>) -> Self {
        let source = || {
            let SourcePackage { name, version } = &package.source;
            Package::new(package.ecosystem, name.as_str(), version.as_str())
        };
        let is_built = package.ecosystem.is_of_distribution();
        Self {
            package: purl::package(package, subject.distribution),
            source: is_built.then(source).and_then(|source| purl::package(&source, subject.distribution)),
        }
    }

    pub(super) fn candidate(&self) -> Candidate<'_> {
        Candidate { package: parsed(self.package.as_deref()), source: parsed(self.source.as_deref()) }
    }
}

fn parsed(text: Option<&str>) -> Option<Purl<'_>> {
    text.and_then(|text| Purl::parse(text).ok())
}

impl Candidate<'_> {
    /// Whether a package URL names the package: every part that it states must agree.
    fn is_named(&self, name: &str, subject: &Subject<'_>) -> bool {
        let Ok(wanted) = Purl::parse(name) else { return false };
        let is_source = matches!(wanted.qualifier("arch"), Some("source" | "src"));
        let found = if is_source && self.source.is_some() { &self.source } else { &self.package };
        found.as_ref().is_some_and(|found| agrees(&wanted, found, is_source, subject))
    }
}

fn agrees(wanted: &Purl<'_>, found: &Purl<'_>, is_source: bool, subject: &Subject<'_>) -> bool {
    let has = |(key, value): (&Cow<'_, str>, &Cow<'_, str>)| match &**key {
        key if ORIGINS.contains(&key) => true,
        "arch" if is_source => true,
        "distro" if is_release(value, subject.distribution) => true,
        "epoch" if **value == *"0" => found.qualifier("epoch").is_none_or(|epoch| epoch == "0"),
        // What every package of Maven is that states nothing else.
        "type" if found.kind == "maven" => **value == *"jar",
        key => found.qualifier(key) == Some(&**value),
    };
    wanted.kind == found.kind
        && wanted.name == found.name
        && wanted.namespace == found.namespace
        && wanted.version.as_ref().is_none_or(|version| same_version(wanted, found, version))
        && wanted.subpath.as_ref().is_none_or(|subpath| found.subpath.as_ref() == Some(subpath))
        && wanted.qualifiers.iter().all(has)
}

/// Epochs stand in the version or in a qualifier.
fn same_version(wanted: &Purl<'_>, found: &Purl<'_>, version: &str) -> bool {
    match (&*wanted.kind, version.split_once(':')) {
        ("rpm", Some((epoch, rest))) => {
            found.version.as_deref() == Some(rest) && found.qualifier("epoch").unwrap_or("0") == epoch
        }
        // An rpm without an epoch is not the one with it.
        ("rpm", None) if wanted.qualifier("epoch").is_none() => {
            found.version.as_deref() == Some(version)
                && found.qualifier("epoch").is_none_or(|epoch| epoch == "0")
        }
        _ => found.version.as_deref() == Some(version),
    }
}

/// `bookworm`, `12`, `debian-bookworm`: other ways to write the release of an image.
fn is_release(text: &str, distribution: Option<&Distribution>) -> bool {
    let Some(distribution) = distribution else { return false };
    let release =
        text.strip_prefix(&*distribution.id).and_then(|rest| rest.strip_prefix('-')).unwrap_or(text);
    [&distribution.version, &distribution.codename].into_iter().flatten().any(|known| known == release)
}

impl Subject<'_> {
    /// By package URL with the digest, or with the repository and no digest; or by the very name.
    fn is_named(&self, name: &str) -> bool {
        let Ok(purl) = Purl::parse(name) else {
            let reference = self.reference.is_some_and(|reference| reference.to_string() == name);
            return !name.is_empty() && (reference || name == self.target || self.is_digest(name));
        };
        if purl.kind != "oci" && purl.kind != "docker" {
            return false;
        }
        let digest = purl.version.as_deref().filter(|version| version.contains(':'));
        if digest.is_some_and(|digest| !self.is_digest(digest)) {
            return false;
        }
        let Some(reference) = self.reference else { return digest.is_some() };
        let name = reference.repository.rsplit('/').next().unwrap_or_default();
        let repository = purl.qualifier("repository_url");
        purl.name == name.to_lowercase()
            && repository.is_none_or(|url| url == reference.name())
            && purl.qualifier("tag").is_none_or(|tag| reference.tag.as_deref() == Some(tag))
            && (digest.is_some() || repository.is_some() && purl.version.is_none())
    }

    fn is_digest(&self, text: &str) -> bool {
        self.manifest.is_some_and(|manifest| text.parse() == Ok(manifest))
    }
}

impl Platform {
    /// Releases are told apart by their main number, and products of the same number that live on longer under
    /// another name are another release.
    fn is(&self, distribution: Option<&Distribution>) -> bool {
        let Some(distribution) = distribution else { return false };
        let Some((vendor, product, version)) = cpe(&self.name) else { return false };
        let release = distribution.version.as_deref().unwrap_or_default();
        let main = release.split('.').next().unwrap_or_default();
        match (vendor, product, &*distribution.id) {
            ("redhat", "enterprise_linux", "rhel" | "centos") => {
                !main.is_empty() && version.split('.').next() == Some(main)
            }
            ("debian", "debian_linux", "debian") => !main.is_empty() && version == main,
            ("canonical", "ubuntu_linux", "ubuntu") => !release.is_empty() && version == release,
            ("suse", "sles" | "suse_linux_enterprise_server" | "linux_enterprise_server", "sles") => {
                !release.is_empty() && version == release
            }
            ("opensuse", "leap", "opensuse-leap") => !release.is_empty() && version == release,
            _ => false,
        }
    }
}

/// Vendor, product and version of `cpe:/o:redhat:enterprise_linux:9::baseos` or `cpe:2.3:o:redhat:…`.
fn cpe(text: &str) -> Option<(&str, &str, &str)> {
    let rest = text.strip_prefix("cpe:/").or_else(|| text.strip_prefix("cpe:2.3:"))?;
    let mut parts = rest.split(':').skip(1);
    Some((parts.next()?, parts.next()?, parts.next()?))
}

#[cfg(test)]
mod tests {
    use lazaret_model::Ecosystem;

    use super::*;

    fn covers(product: &Product, package: &Package, subject: &Subject<'_>) -> bool {
        product.covers(&Names::new(package, subject).candidate(), subject)
    }

    fn debian() -> Distribution {
        Distribution {
            id: "debian".to_owned(),
            version: Some("12".to_owned()),
            codename: Some("bookworm".to_owned()),
            title: None,
        }
    }

    #[test]
    fn a_package_url_must_agree_in_all_that_it_states() {
        let debian = debian();
        let subject =
            Subject { target: "shop", reference: None, manifest: None, distribution: Some(&debian) };
        let mut package = Package::new(Ecosystem::Deb, "libssl3", "3.0.9-1");
        package.architecture = Some("amd64".to_owned());
        package.source.name = "openssl".to_owned();
        for (name, expected) in [
            ("pkg:deb/debian/libssl3", true),
            ("pkg:deb/debian/libssl3@3.0.9-1", true),
            ("pkg:deb/debian/libssl3@3.0.9-2", false),
            ("pkg:deb/debian/libssl3@3.0.9-1?arch=amd64&distro=bookworm", true),
            ("pkg:deb/debian/libssl3?distro=debian-11", false),
            ("pkg:deb/debian/libssl3?arch=arm64", false),
            ("pkg:deb/ubuntu/libssl3", false),
            ("pkg:deb/debian/openssl?arch=source", true),
            ("pkg:deb/debian/openssl@3.0.9-1?arch=source", true),
            ("pkg:deb/debian/openssl", false),
            ("pkg:deb/debian/libssl3?colour=red", false),
            ("libssl3", false),
        ] {
            assert_eq!(covers(&Product::named(name), &package, &subject), expected, "{name}");
        }
    }

    #[test]
    fn epochs_of_rpm_stand_in_two_places() {
        let subject = Subject { target: "shop", reference: None, manifest: None, distribution: None };
        let package = Package::new(Ecosystem::Rpm, "dbus", "1:1.12-3");
        for (name, expected) in [
            ("pkg:rpm/redhat/dbus@1.12-3?epoch=1", true),
            ("pkg:rpm/redhat/dbus@1:1.12-3", true),
            ("pkg:rpm/redhat/dbus@1.12-3", false),
            ("pkg:rpm/redhat/dbus", true),
        ] {
            assert_eq!(covers(&Product::named(name), &package, &subject), expected, "{name}");
        }
    }

    #[test]
    fn an_image_is_named_by_digest_or_repository() {
        let reference: ImageReference = "r.example/team/shop:v1".parse().unwrap();
        let manifest = Digest::from_bytes([0xab; 32]);
        let subject = Subject {
            target: "r.example/team/shop:v1",
            reference: Some(&reference),
            manifest: Some(manifest),
            distribution: None,
        };
        let package = Package::new(Ecosystem::Npm, "lodash", "4.17.4");
        let digest = manifest.to_string();
        let other = Digest::from_bytes([1; 32]).to_string();
        for (name, expected) in [
            (format!("pkg:oci/shop@{digest}"), true),
            (format!("pkg:oci/shop@{other}"), false),
            (format!("pkg:oci/bakery@{digest}"), false),
            ("pkg:oci/shop?repository_url=r.example/team/shop".to_owned(), true),
            ("pkg:oci/shop?repository_url=r.example/other/shop".to_owned(), false),
            ("pkg:oci/shop".to_owned(), false),
            ("pkg:oci/shop?repository_url=r.example/team/shop&tag=v2".to_owned(), false),
            ("r.example/team/shop:v1".to_owned(), true),
            (String::new(), false),
        ] {
            assert_eq!(covers(&Product::named(name.as_str()), &package, &subject), expected, "{name}");
        }
        let mut product = Product::named(format!("pkg:oci/shop@{digest}"));
        product.parts = vec!["pkg:npm/underscore".to_owned()];
        assert!(!covers(&product, &package, &subject));
        product.parts.push("pkg:npm/lodash@4.17.4".to_owned());
        assert!(covers(&product, &package, &subject));
        product.name = "pkg:oci/bakery".to_owned();
        assert!(!covers(&product, &package, &subject));
    }

    #[test]
    fn a_platform_is_one_release() {
        let mut rhel = Distribution { id: "rhel".to_owned(), version: Some("9.4".to_owned()), ..debian() };
        let platform = Platform { name: "cpe:/a:redhat:enterprise_linux:9::appstream".to_owned() };
        assert!(platform.is(Some(&rhel)));
        rhel.version = Some("8.9".to_owned());
        assert!(!platform.is(Some(&rhel)) && !platform.is(None) && !platform.is(Some(&debian())));
        let other = Platform { name: "cpe:/a:redhat:rhel_eus:8.9::appstream".to_owned() };
        assert!(!other.is(Some(&rhel)));
    }
}
