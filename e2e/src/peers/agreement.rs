use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::images::{self, Made, SMALL};
use super::listing::{self, Listed};
use super::{Tools, contest, spdx_is_valid, truth};
use crate::{Context as _, Result, Run, check, program};

type Applies = fn(&Listed) -> bool;

/// What others list and we do not, and why.
const REASONS: &[(Applies, &str)] = &[
    (|it| it.version.is_empty() || it.version == "UNKNOWN", "nothing without a version is installed"),
    (
        |it| it.kind == "npm" && it.name == "site",
        "the project itself: nobody installed it, and no advisory is about it",
    ),
    (|it| it.kind == "deb" && ["vim-common", "xxd"].contains(&it.name.as_str()), "purged by a later layer"),
];

/// How many packages each lists.
#[derive(Debug, Clone, Copy)]
pub struct Agreement {
    pub truth: usize,
    pub ours: usize,
    pub trivy: usize,
    pub syft: usize,
    /// What others list and we do not, each for a known reason.
    pub explained: usize,
}

/// Compares what we list in a small image with what the packages' own tools and other scanners list in it.
pub fn agreement(tools: &Tools) -> Result<Agreement> {
    let made = images::make(&SMALL)?;
    let truth = truth::list(&made.tree, "srv/site")?;
    let out = |name: &str| made.saved.with_file_name(format!("{name}.json"));
    let file = made.saved.display().to_string();

    let ours = ours(&file, &out("lazaret"))?;
    let missing: Vec<String> = truth.difference(&ours).map(Listed::to_string).collect();
    check!(missing.is_empty(), "dpkg, pip or npm list what we do not: {}", missing.join(", "));

    Run::new(&tools.trivy).args(contest::trivy(tools, &file, &out("trivy"))).ok()?;
    let trivy = listing::read(&out("trivy"))?;
    let format = format!("syft-json={}", out("syft").display());
    Run::new(&tools.syft).args(["scan", &format!("docker-archive:{file}"), "--quiet", "-o", &format]).ok()?;
    let syft = listing::read(&out("syft"))?;

    let theirs: BTreeSet<&Listed> = trivy.union(&syft).filter(|listed| !ours.contains(listed)).collect();
    let unexplained: Vec<String> = theirs
        .iter()
        .filter(|listed| !REASONS.iter().any(|(applies, _)| applies(listed)))
        .map(ToString::to_string)
        .collect();
    check!(
        unexplained.is_empty(),
        "others list what we do not, for no known reason: {}",
        unexplained.join(", ")
    );
    owned_once(&made, &out("lazaret"))?;
    spdx_is_valid(tools, &made.saved)?;
    Ok(Agreement {
        truth: truth.len(),
        ours: ours.len(),
        trivy: trivy.len(),
        syft: syft.len(),
        explained: theirs.len(),
    })
}

fn ours(file: &str, out: &Path) -> Result<BTreeSet<Listed>> {
    let again = out.with_extension("again");
    for out in [out, &again] {
        let out = out.display().to_string();
        Run::new(program("lazaret")?)
            .args(["--quiet", "sbom", &format!("archive:{file}"), "--out", &out])
            .ok()?;
    }
    let same = std::fs::read(out).ok() == std::fs::read(&again).ok();
    check!(same, "two scans of one image differ: {} and {}", out.display(), again.display());
    listing::read(out)
}

/// A language package that a distribution's package brought says so, and no other does.
fn owned_once(made: &Made, document: &Path) -> Result<()> {
    let text = std::fs::read(document).context(|| format!("cannot read {}", document.display()))?;
    let document: Value =
        serde_json::from_slice(&text).context(|| format!("{} is no JSON", made.saved.display()))?;
    let mut counted = 0;
    for component in document["components"].as_array().into_iter().flatten() {
        let location = component["evidence"]["occurrences"][0]["location"].as_str().unwrap_or_default();
        let properties = component["properties"].as_array().into_iter().flatten();
        let owner = properties.into_iter().find(|property| property["name"] == "lazaret:package:owner");
        let of_distribution = ["usr/lib/python3/dist-packages/", "usr/share/nodejs/"];
        let by_hand = ["opt/app/", "srv/site/"];
        if of_distribution.iter().any(|folder| location.starts_with(folder)) {
            counted += 1;
            check!(owner.is_some(), "{location} belongs to a package of Debian, and nothing says to which");
        } else if by_hand.iter().any(|folder| location.starts_with(folder)) {
            counted += 1;
            check!(owner.is_none(), "{location} belongs to no package of Debian but is said to");
        }
    }
    check!(counted > 50, "only {counted} language packages name their place");
    Ok(())
}
