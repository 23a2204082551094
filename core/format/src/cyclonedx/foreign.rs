//! What other scanners write: package URLs, and properties of Syft and Trivy for what those do not tell.

use lazaret_model::{Distribution, Image, Package, SourcePackage};

use super::parsed::Component;
use crate::purl::{self, Purl};
use crate::sbom::Collector;

/// Types of components that are no packages.
const NO_PACKAGES: &[&str] = &[
    "file",
    "container",
    "device",
    "device-driver",
    "firmware",
    "platform",
    "data",
    "machine-learning-model",
    "cryptographic-asset",
];

/// Adds the package that a component is, and gives the operating system that its package URL tells.
pub(super) fn component(component: &Component, collector: &mut Collector<'_>) -> Option<Distribution> {
    let Some(text) = &component.purl else {
        if !NO_PACKAGES.contains(&&*component.kind) && component.version.is_some() {
            collector.problem(&component.name, "a component without a package URL");
        }
        return None;
    };
    let named = match Purl::parse(text) {
        Ok(purl) if purl.kind == "oci" || purl.kind == "docker" => return None,
        Ok(purl) => purl::named(&purl),
        Err(error) => {
            collector.problem(text, &error.to_string());
            return None;
        }
    };
    let Some(named) = named else {
        collector.problem(text, "a package URL of a type without advisories");
        return None;
    };
    let mut package = named.package;
    if package.version.is_empty() {
        let version = component.version.as_deref().unwrap_or_default();
        if package.source.version.is_empty() {
            package.source.version = version.to_owned();
        }
        package.version = version.to_owned();
    }
    package.location = location(component).to_owned();
    package.licences = component.licences();
    package.licences.sort();
    source(component, &mut package);
    collector.push(package);
    named.distribution
}

/// The subject of the document: an image, or the one program that all components are parts of.
pub(super) fn subject(subject: &Component, image: &mut Image, collector: &mut Collector<'_>) {
    let Some(purl) = subject.purl.as_deref().and_then(|text| Purl::parse(text).ok()) else { return };
    if purl.kind != "oci" && purl.kind != "docker" {
        // Its package URL tells no operating system that the components' would not.
        let _ = component(subject, collector);
        return;
    }
    image.manifest = purl.version.as_deref().and_then(|version| version.parse().ok());
    if let Some(architecture) = purl.qualifier("arch") {
        image.platform.architecture = architecture.to_owned();
    }
}

fn location(component: &Component) -> &str {
    let location = component
        .location()
        .or_else(|| component.find("syft:location:0:path"))
        .or_else(|| component.find("aquasecurity:trivy:FilePath"))
        .unwrap_or_default();
    location.strip_prefix('/').unwrap_or(location)
}

fn source(component: &Component, package: &mut Package) {
    let found =
        |names: &[&str]| names.iter().find_map(|name| component.find(name)).filter(|text| !text.is_empty());
    let name = found(&["aquasecurity:trivy:SrcName", "syft:metadata:source", "syft:metadata:originPackage"]);
    let Some(name) = name.filter(|_| package.ecosystem.is_of_distribution()) else { return };
    let version = match (found(&["aquasecurity:trivy:SrcVersion"]), found(&["syft:metadata:sourceVersion"])) {
        (Some(version), _) => {
            let epoch = found(&["aquasecurity:trivy:SrcEpoch"]).filter(|epoch| *epoch != "0");
            let epoch = epoch.map(|epoch| format!("{epoch}:")).unwrap_or_default();
            let release = found(&["aquasecurity:trivy:SrcRelease"]);
            let release = release.map(|release| format!("-{release}")).unwrap_or_default();
            format!("{epoch}{version}{release}")
        }
        (None, Some(version)) => version.to_owned(),
        (None, None) => package.version.clone(),
    };
    package.source = SourcePackage { name: name.to_owned(), version };
}

#[cfg(test)]
mod tests {
    use lazaret_model::{Limits, ProblemKind};
    use serde_json::json;

    use crate::sbom::Inventory;

    fn read(document: serde_json::Value) -> Inventory {
        crate::sbom::read(document.to_string().as_bytes(), &Limits::default()).unwrap()
    }

    #[test]
    fn reads_what_other_scanners_write() {
        let inventory = read(json!({
            "bomFormat": "CycloneDX", "specVersion": "1.5", "components": [
                { "type": "operating-system", "name": "debian", "version": "12" },
                { "type": "library", "name": "libssl3", "version": "3.0.9-1", "purl": "pkg:deb/debian/libssl3@3.0.9-1?arch=amd64&distro=debian-12",
                  "properties": [
                      { "name": "aquasecurity:trivy:SrcName", "value": "openssl" },
                      { "name": "aquasecurity:trivy:SrcVersion", "value": "3.0.9" },
                      { "name": "aquasecurity:trivy:SrcRelease", "value": "1" },
                      { "name": "aquasecurity:trivy:SrcEpoch", "value": "2" }
                  ] },
                { "type": "library", "name": "lodash", "version": "4.17.4", "purl": "pkg:npm/lodash@4.17.4",
                  "licenses": [{ "license": { "id": "MIT" } }],
                  "properties": [{ "name": "syft:location:0:path", "value": "/app/package-lock.json" }],
                  "components": [{ "type": "library", "name": "inner", "purl": "pkg:npm/inner@1" }] },
                { "type": "library", "name": "nowhere", "version": "1" },
                { "type": "library", "name": "odd", "purl": "pkg:bazel/x@1" },
                { "type": "file", "name": "bin/sh" }
            ]
        }));
        assert_eq!(inventory.distribution.unwrap().key(), "debian:12");
        let told: Vec<_> = inventory
            .packages
            .iter()
            .map(|package| {
                (&*package.name, &*package.source.name, &*package.source.version, &*package.location)
            })
            .collect();
        assert_eq!(
            told,
            [
                ("libssl3", "openssl", "2:3.0.9-1", ""),
                ("lodash", "lodash", "4.17.4", "app/package-lock.json"),
                ("inner", "inner", "1", "")
            ]
        );
        assert_eq!(inventory.packages[1].licences, ["MIT"]);
        assert_eq!(inventory.problems.len(), 2);
        assert!(inventory.problems.iter().all(|problem| problem.kind == ProblemKind::Unsupported));
    }

    #[test]
    fn knows_the_image_by_its_package_url() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let inventory = read(json!({
            "bomFormat": "CycloneDX", "specVersion": "1.4",
            "metadata": { "tools": [{ "name": "x" }], "component": {
                "type": "container", "name": "shop", "purl": format!("pkg:oci/shop@{digest}?arch=arm64")
            } },
            "components": null
        }));
        assert_eq!(inventory.image.manifest.unwrap().to_string(), digest);
        assert_eq!(
            (inventory.image.platform.to_string(), &*inventory.name),
            ("linux/arm64".to_owned(), "shop")
        );
    }
}
