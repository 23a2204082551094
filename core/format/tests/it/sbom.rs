//! Bills of material: our own come back whole, those of others are read as far as they tell.

use std::collections::BTreeMap;

use lazaret_format::formats::Format;
use lazaret_format::sbom::{Inventory, ReadError, read};
use lazaret_model::Limits;

use crate::corpora;
use crate::sample::{HOSTILE, hostile, rich};

const ARCHIVE: &str = "specs/sbom-vex-sarif-csaf.tar.zst";

/// A scan of a bill of material that a scan wrote is the same scan: all that advisories are matched by is there.
#[test]
fn a_scan_comes_back_from_its_own_document() {
    let samples = std::iter::once(rich()).chain(HOSTILE.iter().map(|text| hostile(text)));
    for sample in samples {
        for format in ["cyclonedx", "cyclonedx-1.7", "spdx"] {
            let text = (Format::named(format).unwrap().write)(&sample.report());
            let inventory = read(text.as_bytes(), &Limits::default()).unwrap();
            assert_eq!(inventory.packages, sample.packages, "{format}");
            assert_eq!(inventory.distribution.as_ref(), Some(&sample.distribution), "{format}");
            assert_eq!(inventory.image, sample.image, "{format}");
            assert_eq!(inventory.problems.len(), sample.problems.len(), "{format}");
            if sample.target.starts_with("r.example") {
                assert_eq!(inventory.problems, sample.problems, "{format}");
            }
        }
    }
}

/// The valid documents of CycloneDX's own tests, 1.2 to 1.7: all JSON ones are read.
#[test]
fn reads_every_valid_document_of_cyclonedx() {
    const FOLDER: &str = "cyclonedx-specification/tools/src/test/resources/";
    let is_valid = |name: &str| {
        let file = name.rsplit('/').next().unwrap_or_default();
        name.starts_with(FOLDER) && file.starts_with("valid-") && file.ends_with(".json")
    };
    let Some(files) = corpora::files(ARCHIVE, is_valid) else { return };
    let (right, wrong) = sort(&files);
    corpora::tell(&format!("CycloneDX: {} of {} valid documents read", right.len(), files.len()));
    assert!(files.len() >= 100, "only {} documents", files.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Documents that real tools wrote. What fails is not a bill of material of a version that is read.
#[test]
fn reads_what_real_tools_wrote() {
    let folders = [
        "guac-testdata/",
        "redhat-security-data-guidelines/sbom/",
        "spdx-examples/software/",
        "spdx-tools-golang/examples/",
        "cyclonedx-bom-examples/SBOM/",
    ];
    let is_bill = |name: &str| {
        folders.iter().any(|folder| name.starts_with(folder))
            && (name.ends_with(".json") || name.ends_with(".spdx"))
            && !name.contains("schema")
    };
    let Some(mut files) = corpora::files(ARCHIVE, is_bill) else { return };
    files.retain(|_, content| {
        let text = String::from_utf8_lossy(content);
        text.contains("\"bomFormat\"") || text.contains("SPDXVersion:") || text.contains("\"spdxVersion\"")
    });
    let (right, wrong) = sort(&files);
    let packages: usize = right.values().map(|inventory| inventory.packages.len()).sum();
    corpora::tell(&format!(
        "bills of real tools: {} of {} read, {packages} packages",
        right.len(),
        files.len()
    ));
    // Made wrong on purpose, and one that was published with a comma too many.
    let expected = |name: &str| name.contains("invalid") || name.contains("mandrel-for-jdk-21");
    let unexpected: Vec<_> = wrong.iter().filter(|(name, _)| !expected(name)).collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
    assert!(packages > 5_000, "only {packages} packages");
    let named = |part: &str| right.iter().find(|(name, _)| name.contains(part)).unwrap().1;
    let mongo = named("big-mongo-cyclonedx.json");
    let openssl = mongo.packages.iter().find(|package| package.name == "libssl1.1").unwrap();
    assert_eq!(openssl.source.name, "openssl");
    assert_eq!(mongo.distribution.as_ref().unwrap().key(), "ubuntu:20.04");
}

fn sort(files: &BTreeMap<String, Vec<u8>>) -> (BTreeMap<&str, Inventory>, BTreeMap<&str, ReadError>) {
    let (mut right, mut wrong) = (BTreeMap::new(), BTreeMap::new());
    for (name, content) in files {
        match read(content, &Limits::default()) {
            Ok(inventory) => drop(right.insert(name.as_str(), inventory)),
            Err(error) => drop(wrong.insert(name.as_str(), error)),
        }
    }
    (right, wrong)
}
