use std::collections::BTreeSet;

use serde_json::Value;

use super::{Built, Image, Teller};
use crate::{Context as _, Result, check};

/// What the scans found, counted.
#[derive(Debug, Clone)]
pub struct Scanned {
    /// Distinct vulnerabilities.
    pub old: usize,
    pub new: usize,
}

/// "They differ by dozens of CVEs."
const DOZENS: usize = 24;

pub(super) fn step(teller: &mut Teller<'_>, built: &Built) -> Result<Scanned> {
    teller.screen.say("What is known today, from the package mirror itself: newer versions and the CVE ids in their changelogs.");
    let targets = [&built.old, &built.v1].map(|image| format!("docker:{}", image.name));
    let cache = crate::cache_folder()?.join("feed").display().to_string();
    teller.lazaret(["db", "update", "--for", &targets[0], "--for", &targets[1], "--cache", &cache], 0, 8)?;
    teller.lazaret(["db", "status"], 0, 6)?;

    teller.screen.say("The old image, where it was built:");
    teller.lazaret(["scan", &targets[0]], 0, 14)?;
    teller.screen.say("The new one, as the registry has it:");
    teller.lazaret(["scan", &format!("registry:{}", built.v1.reference)], 0, 10)?;

    let mut ids = Vec::new();
    for image in [&built.old, &built.v1] {
        let result = from_everywhere(teller, image)?;
        ids.push(finding_ids(&result));
        details(&result, image)?;
    }
    let (old, new) = (ids[0].len(), ids[1].len());
    let gone = ids[0].difference(&ids[1]).count();
    check!(
        gone >= DOZENS,
        "the security suite fixed only {gone} CVEs of the old image ({old} before, {new} after)"
    );
    teller.screen.holds(&format!("{old} CVEs in the old image, {new} in the new one: {gone} are gone"));
    Ok(Scanned { old, new })
}

/// Engine, archive and registry must give the same packages and findings.
fn from_everywhere(teller: &Teller<'_>, image: &Image) -> Result<Value> {
    let archive = teller.lab.folders.images().join(format!("{}.tar", image.name.replace(':', "-")));
    let archive = archive.display().to_string();
    teller.lab.build.docker(["save", "--output", &archive, &image.name]).ok()?;
    let targets = [
        format!("docker:{}", image.name),
        format!("archive:{archive}"),
        format!("registry:{}", image.reference),
    ];
    let mut first: Option<Value> = None;
    for target in &targets {
        let result = teller.lab.ask(["scan", target])?;
        match &first {
            None => first = Some(result),
            Some(expected) => {
                for part in ["packages", "findings"] {
                    let same = content(&result)[part] == content(expected)[part];
                    check!(same, "the scan of {target} has other {part} than the scan of {}", targets[0]);
                }
            }
        }
    }
    let result = first.unwrap_or_default();
    let packages = content(&result)["packages"].as_array().map_or(0, Vec::len);
    check!(packages > 50, "only {packages} packages were found in {}", image.name);
    teller.screen.holds(&format!(
        "{}: the same {packages} packages and findings from engine, archive and registry",
        image.name
    ));
    from_its_bill(teller, image, &targets[0], content(&result))?;
    Ok(result)
}

/// A scan of an image's own bill of material is the scan of the image, and each document is the same whenever it is made.
fn from_its_bill(teller: &Teller<'_>, image: &Image, target: &str, expected: &Value) -> Result<()> {
    for format in ["cyclonedx", "cyclonedx-1.7", "spdx"] {
        let bill = teller.lab.folders.images().join(format!("{}.{format}", image.name.replace(':', "-")));
        let made = || teller.lab.lazaret(["sbom", "--format", format, target])?.ok();
        let text = made()?.stdout;
        check!(text == made()?.stdout, "two {format} documents of {target} differ");
        std::fs::write(&bill, text).context(|| format!("cannot write {}", bill.display()))?;
        let result = teller.lab.ask(["scan", &format!("sbom:{}", bill.display())])?;
        for part in ["packages", "findings", "distribution"] {
            let same = content(&result)[part] == expected[part];
            check!(
                same,
                "the scan of the {format} document of {target} has other {part} than the scan of itself"
            );
        }
    }
    teller.screen.holds(&format!("{}: the same from its bill of material, in three formats", image.name));
    Ok(())
}

/// One target gives one document; several give a list of them.
fn content(result: &Value) -> &Value {
    result.as_array().and_then(|all| all.first()).unwrap_or(result)
}

/// The distinct ids of a scan's findings.
pub fn finding_ids(result: &Value) -> BTreeSet<String> {
    let findings = content(result)["findings"].as_array().cloned().unwrap_or_default();
    findings.iter().filter_map(|finding| finding["id"].as_str().map(str::to_owned)).collect()
}

/// Every finding names its CVE, its package, the version that fixes it, and the layer it came with.
fn details(result: &Value, image: &Image) -> Result<()> {
    let content = content(result);
    for finding in content["findings"].as_array().into_iter().flatten() {
        let id = finding["id"].as_str().unwrap_or_default();
        check!(id.starts_with("CVE-"), "a finding in {} has the id `{id}`", image.name);
        for field in ["/package/name", "/package/version", "/package/layer", "/fixed"] {
            check!(
                finding.pointer(field).is_some_and(|value| !value.is_null()),
                "finding {id} in {} has no `{field}`: {finding}",
                image.name
            );
        }
    }
    check!(
        content["image"]["config"] == image.config.as_str(),
        "the scan is of another image: {}",
        content["image"]
    );
    Ok(())
}
