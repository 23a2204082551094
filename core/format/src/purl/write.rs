use std::borrow::Cow;

use lazaret_model::{Digest, Distribution, Ecosystem, ImageReference, Package};

use super::Purl;

/// `pkg:deb/debian/libssl3@3.0.9-1?arch=amd64&distro=debian-12&upstream=openssl`, or `None` for a package that
/// no package URL can name: one without a name, or of Julia (whose type wants an id that few files state), or a
/// Swift package without the place it comes from.
///
/// Packages of distributions tell their source in `upstream`, as other scanners do, and those of rpm their module
/// stream in `rpmmod`, as Red Hat does.
pub fn package(package: &Package, distribution: Option<&Distribution>) -> Option<String> {
    let (namespace, name) = split(package, distribution);
    let (epoch, version) = epoch(package);
    let version = (!version.is_empty()).then_some(version);
    let (name, subpath) = match (package.ecosystem, name.split_once('/')) {
        // A subspec of a pod is a part of it.
        (Ecosystem::CocoaPods, Some((name, part))) => (name, Some(part)),
        _ => (name, None),
    };
    if package.ecosystem == Ecosystem::Julia {
        return None;
    }
    let mut purl = Purl::new(package.ecosystem.name(), namespace, name, version).ok()?;
    purl.subpath = subpath.map(Cow::from);
    if package.ecosystem.is_of_distribution() {
        purl = purl.with("arch", package.architecture.as_deref().unwrap_or_default());
        purl = purl.with("distro", distribution.and_then(distro).unwrap_or_default());
        purl = purl.with("epoch", epoch);
        purl = purl.with("upstream", upstream(package));
        purl = purl.with("rpmmod", package.module.as_deref().unwrap_or_default());
    }
    Some(purl.to_string())
}

/// `pkg:oci/shop@sha256:…?arch=amd64&repository_url=r.example%2Fteam%2Fshop`
pub fn image(reference: &ImageReference, manifest: Digest, architecture: &str) -> String {
    let (repository, version) = (reference.name(), manifest.to_string());
    let name = reference.repository.rsplit('/').next().unwrap_or_default();
    let purl = Purl {
        kind: "oci".into(),
        namespace: None,
        name: name.into(),
        version: Some(version.into()),
        qualifiers: [].into(),
        subpath: None,
    };
    let tag = reference.tag.as_deref().unwrap_or_default();
    purl.with("arch", architecture).with("repository_url", repository).with("tag", tag).to_string()
}

/// Namespace and name: which part of a package's name is which depends on the ecosystem.
pub(super) fn split<'a>(
    package: &'a Package,
    distribution: Option<&'a Distribution>,
) -> (Option<&'a str>, &'a str) {
    let name = package.name.as_str();
    let cut = match package.ecosystem {
        Ecosystem::Maven => name.split_once(':'),
        Ecosystem::Npm
        | Ecosystem::Go
        | Ecosystem::Composer
        | Ecosystem::Swift
        | Ecosystem::Hex
        | Ecosystem::Portage => name.rsplit_once('/'),
        ecosystem if ecosystem.is_of_distribution() => return (Some(vendor(ecosystem, distribution)), name),
        _ => None,
    };
    match cut {
        Some((namespace, name)) if !namespace.is_empty() => (Some(namespace), name),
        Some((_, name)) => (None, name),
        None => (None, name),
    }
}

/// The type's definition wants a vendor: the distribution's id, or the best known one where there is none.
fn vendor(ecosystem: Ecosystem, distribution: Option<&Distribution>) -> &str {
    match (distribution.map(|distribution| distribution.id.as_str()), ecosystem) {
        (Some("rhel"), _) => "redhat",
        (Some("sles" | "sled" | "sle-micro" | "suse"), _) => "suse",
        (Some(id), Ecosystem::Rpm) if id.starts_with("opensuse") => "opensuse",
        (Some(id), _) if !id.is_empty() => id,
        (_, Ecosystem::Apk) => "alpine",
        (_, Ecosystem::Rpm) => "redhat",
        (_, Ecosystem::Alpm) => "arch",
        _ => "debian",
    }
}

/// `debian-12`, `debian-sid`.
fn distro(distribution: &Distribution) -> Option<String> {
    let release = distribution.version.as_ref().or(distribution.codename.as_ref())?;
    Some(format!("{}-{release}", distribution.id))
}

/// rpm's type keeps the epoch in a qualifier, all others in the version.
fn epoch(package: &Package) -> (&str, &str) {
    match package.version.split_once(':') {
        Some((epoch, version)) if package.ecosystem == Ecosystem::Rpm => (epoch, version),
        _ => ("", &package.version),
    }
}

/// `openssl`, or `openssl@3.0.9-1` where the source has another version; nothing where it is the package itself.
fn upstream(package: &Package) -> String {
    let source = &package.source;
    match (source.name == package.name, source.version == package.version) {
        (true, true) => String::new(),
        (false, true) => source.name.clone(),
        _ => format!("{}@{}", source.name, source.version),
    }
}

#[cfg(test)]
mod tests {
    use lazaret_model::SourcePackage;

    use super::*;

    fn text(ecosystem: Ecosystem, name: &str, version: &str, distribution: Option<&Distribution>) -> String {
        package(&Package::new(ecosystem, name, version), distribution).unwrap_or_default()
    }

    #[test]
    fn names_packages_of_distributions() {
        let mut attr = Package {
            architecture: Some("amd64".to_owned()),
            ..Package::new(Ecosystem::Deb, "attr", "1:2.4.47-2+b1")
        };
        let mut debian = Distribution {
            id: "debian".to_owned(),
            version: Some("12".to_owned()),
            codename: None,
            title: None,
        };
        let written = |attr: &Package, debian: Option<&Distribution>| package(attr, debian).unwrap();
        assert_eq!(written(&attr, None), "pkg:deb/debian/attr@1:2.4.47-2%2Bb1?arch=amd64");
        attr.source.version = "1:2.4.47-2".to_owned();
        assert_eq!(
            written(&attr, Some(&debian)),
            "pkg:deb/debian/attr@1:2.4.47-2%2Bb1?arch=amd64&distro=debian-12&upstream=attr%401:2.4.47-2"
        );
        (debian.version, debian.codename) = (None, Some("sid".to_owned()));
        attr.architecture = None;
        attr.source = SourcePackage { name: "xattr".to_owned(), version: attr.version.clone() };
        assert_eq!(
            written(&attr, Some(&debian)),
            "pkg:deb/debian/attr@1:2.4.47-2%2Bb1?distro=debian-sid&upstream=xattr"
        );
        attr.name.clear();
        assert_eq!(package(&attr, None), None);
        debian.id = "rhel".to_owned();
        let module = Package {
            module: Some("nodejs:18".to_owned()),
            ..Package::new(Ecosystem::Rpm, "nodejs", "1:18.9-1.module+el8")
        };
        assert_eq!(
            written(&module, Some(&debian)),
            "pkg:rpm/redhat/nodejs@18.9-1.module%2Bel8?distro=rhel-sid&epoch=1&rpmmod=nodejs:18"
        );
    }

    #[test]
    fn names_packages_of_languages() {
        for (ecosystem, name, expected) in [
            (Ecosystem::Npm, "@scope/name", "pkg:npm/%40scope/name@1"),
            (Ecosystem::PyPi, "Django_Package", "pkg:pypi/django-package@1"),
            (Ecosystem::Maven, "org.a:b", "pkg:maven/org.a/b@1"),
            (Ecosystem::Maven, "b", "pkg:maven/b@1"),
            (
                Ecosystem::Go,
                "github.com/Masterminds/semver/v3",
                "pkg:golang/github.com/Masterminds/semver/v3@1",
            ),
            (Ecosystem::Go, "stdlib", "pkg:golang/stdlib@1"),
            (Ecosystem::Composer, "Symfony/Yaml", "pkg:composer/symfony/yaml@1"),
            (Ecosystem::Swift, "github.com/apple/swift-nio", "pkg:swift/github.com/apple/swift-nio@1"),
            (Ecosystem::Swift, "swift-nio", ""),
            (Ecosystem::Julia, "HTTP", ""),
            (
                Ecosystem::CocoaPods,
                "GoogleUtilities/NSData+zlib",
                "pkg:cocoapods/GoogleUtilities@1#NSData%2Bzlib",
            ),
            (Ecosystem::Cargo, "serde", "pkg:cargo/serde@1"),
            (Ecosystem::Generic, "a/b", "pkg:generic/a%2Fb@1"),
        ] {
            assert_eq!(text(ecosystem, name, "1", None), expected, "{name}");
        }
        assert_eq!(text(Ecosystem::Cargo, "serde", "", None), "pkg:cargo/serde");
    }

    #[test]
    fn names_images_as_the_specification_does() {
        let digest = Digest::from_bytes([0xab; 32]);
        let reference: ImageReference = "127.0.0.1:5055/team/shop:v1".parse().unwrap();
        assert_eq!(
            image(&reference, digest, "amd64"),
            format!("pkg:oci/shop@{digest}?arch=amd64&repository_url=127.0.0.1:5055%2Fteam%2Fshop&tag=v1")
        );
    }
}
