//! Package URLs (ECMA-427, purl-spec): names of packages that other tools understand.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use lazaret_model::{Digest, Distribution, ImageReference, Package};

/// The parts of a package URL; `Display` writes its canonical text.
///
/// Only written, never read: Lazaret keeps what it needs in its own fields beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purl<'a> {
    pub kind: &'a str,
    pub namespace: Option<&'a str>,
    pub name: &'a str,
    pub version: Option<&'a str>,
    pub qualifiers: BTreeMap<&'a str, &'a str>,
}

/// `pkg:deb/debian/libssl3@3.0.9-1?arch=amd64&distro=debian-12`, or `None` for a package without name.
///
/// The type's definition wants a vendor: the distribution's id, or `debian` where none is known.
pub fn package(package: &Package, distribution: Option<&Distribution>) -> Option<String> {
    let vendor = distribution.map_or("debian", |distribution| &distribution.id).to_lowercase();
    let name = package.name.to_lowercase();
    let distro = distribution.and_then(|distribution| {
        let release = distribution.version.as_ref().or(distribution.codename.as_ref())?;
        Some(format!("{}-{release}", distribution.id))
    });
    let arch = package.architecture.as_deref();
    let qualifiers = [("arch", arch), ("distro", distro.as_deref())];
    let purl = Purl {
        kind: package.ecosystem.name(),
        namespace: Some(&vendor),
        name: &name,
        version: Some(&package.version),
        qualifiers: qualifiers.into_iter().filter_map(|(key, value)| Some((key, value?))).collect(),
    };
    (!name.is_empty()).then(|| purl.to_string())
}

/// `pkg:oci/shop@sha256:…?arch=amd64&repository_url=r.example%2Fteam%2Fshop`
pub fn image(reference: &ImageReference, manifest: Digest, architecture: &str) -> String {
    let (repository, version) = (reference.name(), manifest.to_string());
    let name = reference.repository.rsplit('/').next().unwrap_or_default();
    let mut qualifiers = BTreeMap::from([("arch", architecture), ("repository_url", repository.as_str())]);
    if let Some(tag) = &reference.tag {
        qualifiers.insert("tag", tag);
    }
    Purl { kind: "oci", namespace: None, name, version: Some(&version), qualifiers }.to_string()
}

impl fmt::Display for Purl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pkg:{}", self.kind)?;
        for segment in self.namespace.into_iter().flat_map(|namespace| namespace.split('/')) {
            if !segment.is_empty() {
                f.write_char('/')?;
                encode(f, segment)?;
            }
        }
        f.write_char('/')?;
        encode(f, self.name)?;
        if let Some(version) = self.version.filter(|version| !version.is_empty()) {
            f.write_char('@')?;
            encode(f, version)?;
        }
        // A map is sorted by key, as the canonical form demands; empty values are the same as none.
        let mut separator = '?';
        for (key, value) in self.qualifiers.iter().filter(|(_, value)| !value.is_empty()) {
            write!(f, "{separator}{key}=")?;
            encode(f, value)?;
            separator = '&';
        }
        Ok(())
    }
}

/// Percent-encodes all but letters, digits, `.-_~` and the colon ("Character encoding").
fn encode(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' | b':' => {
                f.write_char(byte.into())?
            }
            _ => write!(f, "%{byte:02X}")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use lazaret_model::Ecosystem;

    use super::*;

    #[test]
    fn names_packages_as_the_specification_does() {
        let mut attr = Package {
            architecture: Some("amd64".to_owned()),
            ..Package::new(Ecosystem::Deb, "Attr", "1:2.4.47-2+b1")
        };
        let mut debian = Distribution {
            id: "debian".to_owned(),
            version: Some("12".to_owned()),
            codename: None,
            title: None,
        };
        let text = |attr: &Package, debian: Option<&Distribution>| package(attr, debian).unwrap();
        assert_eq!(text(&attr, None), "pkg:deb/debian/attr@1:2.4.47-2%2Bb1?arch=amd64");
        assert_eq!(
            text(&attr, Some(&debian)),
            "pkg:deb/debian/attr@1:2.4.47-2%2Bb1?arch=amd64&distro=debian-12"
        );
        (debian.version, debian.codename) = (None, Some("sid".to_owned()));
        attr.architecture = None;
        assert_eq!(text(&attr, Some(&debian)), "pkg:deb/debian/attr@1:2.4.47-2%2Bb1?distro=debian-sid");
        attr.name.clear();
        assert_eq!(package(&attr, None), None);
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

    #[test]
    fn encodes_whatever_a_hostile_name_holds() {
        let purl = Purl {
            kind: "deb",
            namespace: None,
            name: "a/b@c?d#é",
            version: None,
            qualifiers: BTreeMap::new(),
        };
        assert_eq!(purl.to_string(), "pkg:deb/a%2Fb%40c%3Fd%23%C3%A9");
    }
}
