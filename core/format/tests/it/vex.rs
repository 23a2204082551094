//! VEX documents of others.

use std::collections::BTreeMap;

use lazaret_format::formats::Format;
use lazaret_format::vex::{Status, Subject, Vex, VexError, apply, read};
use lazaret_model::Limits;

use crate::corpora;
use crate::sample::rich;

const ARCHIVE: &str = "specs/sbom-vex-sarif-csaf.tar.zst";

fn documents(wanted: impl Fn(&str) -> bool) -> Option<BTreeMap<String, Result<Vex, VexError>>> {
    let files = corpora::files(ARCHIVE, |name| name.ends_with(".json") && wanted(name))?;
    Some(files.into_iter().map(|(name, content)| (name, read(&content, &Limits::default()))).collect())
}

/// The examples of OpenVEX, of CycloneDX's use cases, and of CSAF: every one is read, and most say something.
#[test]
fn reads_the_examples_of_every_format() {
    for (what, folders, least) in [
        (
            "OpenVEX",
            &[
                "openvex-go-vex/pkg/vex/testdata/v0",
                "guac-testdata/internal/testing/testdata/exampledata/open-vex",
            ][..],
            5,
        ),
        ("CycloneDX", &["cyclonedx-bom-examples/VEX/"][..], 20),
        ("CSAF", &["csaf/csaf_2.0/examples/csaf/", "openvex-go-vex/pkg/csaf/testdata/"][..], 15),
    ] {
        let Some(documents) = documents(|name| {
            folders.iter().any(|folder| name.starts_with(folder)) && !name.ends_with("testdata/openvex.json")
        }) else {
            return;
        };
        let wrong: Vec<_> = documents.iter().filter(|(_, result)| result.is_err()).collect();
        let statements: usize = documents.values().flatten().map(|vex| vex.statements.len()).sum();
        let problems: usize = documents.values().flatten().map(|vex| vex.problems.len()).sum();
        corpora::tell(&format!(
            "{what}: {} of {} documents read, {statements} statements, {problems} not understood",
            documents.len() - wrong.len(),
            documents.len()
        ));
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert!(documents.len() >= least, "{what}: only {}", documents.len());
        assert!(statements > 0, "{what}");
    }
}

/// What we write as OpenVEX, applied to the same findings, keeps those that count and takes out the others.
#[test]
fn our_own_statements_hold_for_our_own_findings() {
    let sample = rich();
    let report = sample.report();
    let text = (Format::named("openvex").unwrap().write)(&report);
    let vex = read(text.as_bytes(), &Limits::default()).unwrap();
    assert!(vex.problems.is_empty(), "{:?}", vex.problems);
    let subject = Subject {
        target: &sample.target,
        reference: Some(&sample.reference),
        manifest: sample.image.manifest,
        distribution: Some(&sample.distribution),
    };
    let all: Vec<_> =
        sample.findings.iter().chain(sample.suppressed.iter().map(|entry| &entry.finding)).cloned().collect();
    let (open, suppressed) = apply(all, std::slice::from_ref(&vex), &subject);
    // An accepted risk stays one for everybody else.
    assert_eq!(open.len(), sample.findings.len() + 1);
    let ids: Vec<&str> = suppressed.iter().map(|entry| entry.finding.id.as_str()).collect();
    assert_eq!(ids, ["CVE-2026-5", "CVE-2026-6"]);
    assert!(suppressed[0].by.reason.contains("only the client is built"));
    // The same words about another image say nothing of this one.
    let other = Subject { reference: None, manifest: None, target: "elsewhere", ..subject };
    assert_eq!(apply(sample.findings.clone(), std::slice::from_ref(&vex), &other).1.len(), 0);
    assert!(vex.statements.iter().any(|statement| statement.status == Status::Affected));
}
