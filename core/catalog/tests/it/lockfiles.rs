//! Trivy's test data of lock files and manifests, with what Trivy's own tests expect (`expected.jsonl`): every name and
//! version, through the whole catalog, with the files under their proper names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use lazaret_catalog::{Options, catalog};
use lazaret_model::Limits;
use serde::Deserialize;

use crate::languages_js_py;
use crate::memory::Memory;

/// How the cases of one of Trivy's parsers are run.
pub(crate) struct Parser {
    /// As `expected.jsonl` names it.
    pub(crate) name: &'static str,
    /// The place of a case's file in the tree, from its name in the corpus.
    pub(crate) place: fn(&str) -> String,
    /// How we spell a name that Trivy expects.
    pub(crate) spelled: fn(&str) -> String,
}

/// What we say differently on purpose.
pub(crate) struct Exception {
    pub(crate) parser: &'static str,
    /// The end of the file's name in the corpus.
    pub(crate) file: &'static str,
    pub(crate) side: Side,
    /// `name version`, as we spell them.
    pub(crate) packages: &'static [&'static str],
    pub(crate) reason: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    OnlyTrivy,
    OnlyUs,
}

const PARSERS: &[&[Parser]] = &[languages_js_py::PARSERS];
const EXCEPTIONS: &[&[Exception]] = &[languages_js_py::EXCEPTIONS];

#[derive(Deserialize)]
struct Case {
    parser: String,
    file: String,
    expected: Option<Vec<Expected>>,
}

#[derive(Deserialize)]
struct Expected {
    name: String,
    #[serde(default)]
    version: String,
    /// Only for developers: Trivy leaves it out of its reports unless asked, and so do we.
    #[serde(default)]
    dev: bool,
}

#[test]
fn agrees_with_trivys_expectations() {
    let Some((_directory, root)) = corpus() else { return };
    let parsers: BTreeMap<&str, &Parser> =
        PARSERS.iter().copied().flatten().map(|parser| (parser.name, parser)).collect();
    let mut seen = BTreeSet::new();
    let mut used = BTreeSet::new();
    let mut wrong = Vec::new();
    let (mut cases, mut agreed, mut excepted, mut developers) = (0, 0, 0, 0);
    for line in std::fs::read_to_string(root.join("expected.jsonl")).unwrap().lines() {
        let case: Case = serde_json::from_str(line).unwrap();
        let Some(parser) = parsers.get(case.parser.as_str()) else { continue };
        seen.insert(parser.name);
        cases += 1;
        let found = found(parser, &root.join(&case.file));
        let spelled = |it: &Expected| format!("{} {}", (parser.spelled)(&it.name), it.version);
        let all = case.expected.unwrap_or_default();
        let expected: BTreeSet<String> = all.iter().filter(|it| !it.dev).map(spelled).collect();
        developers += all.iter().filter(|it| it.dev && !expected.contains(&spelled(it))).count();
        agreed += expected.intersection(&found).count();
        for (side, package) in expected
            .difference(&found)
            .map(|package| (Side::OnlyTrivy, package))
            .chain(found.difference(&expected).map(|package| (Side::OnlyUs, package)))
        {
            match exception(&case.parser, &case.file, side, package) {
                Some(number) => {
                    used.insert((number, package.clone()));
                    excepted += 1;
                }
                None => wrong.push(format!("{} {}: {side:?} {package}", case.parser, case.file)),
            }
        }
    }
    say(&format!(
        "{cases} cases of {} parsers: {agreed} packages agree, {excepted} differ as listed, {developers} are only for developers",
        seen.len()
    ));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(seen.len(), parsers.len(), "a parser without cases");
    let listed: usize = EXCEPTIONS.iter().copied().flatten().map(|it| it.packages.len()).sum();
    assert_eq!(used.len(), listed, "an exception that is none any more");
    assert!(EXCEPTIONS.iter().copied().flatten().all(|it| !it.reason.is_empty()));
}

fn found(parser: &Parser, file: &Path) -> BTreeSet<String> {
    let name = file.file_name().unwrap().to_str().unwrap();
    let mut tree = Memory::default().file(&(parser.place)(name), 0, std::fs::read(file).unwrap());
    let options = Options { declared: true, ..Options::default() };
    let found = catalog(&mut tree, &Limits::default(), options);
    found.packages.iter().map(|it| format!("{} {}", it.name, it.version)).collect()
}

fn exception(parser: &str, file: &str, side: Side, package: &str) -> Option<usize> {
    EXCEPTIONS.iter().copied().flatten().position(|it| {
        it.parser == parser && it.side == side && file.ends_with(it.file) && it.packages.contains(&package)
    })
}

/// The corpus, whole.
pub(crate) fn corpus() -> Option<(tempfile::TempDir, PathBuf)> {
    crate::corpora::whole("pkgdb/lockfiles-trivy.tar.zst")
        .map(|(directory, root)| (directory, root.join("trivy")))
}

#[expect(clippy::print_stderr, reason = "the figures are what the test is run for")]
pub(crate) fn say(what: &str) {
    eprintln!("{what}");
}

/// For [`Parser::spelled`], where Trivy's names are ours.
pub(crate) fn same(name: &str) -> String {
    name.to_owned()
}
