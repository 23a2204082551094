//! Answers of OSV's own service, as another scanner recorded them: what the feeds that are at hand say of the same
//! packages must be the same.

use std::collections::BTreeSet;

use lazaret_advisory::Builder;
use lazaret_advisory::Database;
use lazaret_advisory::feed::osv::OsvFeed;
use lazaret_advisory::feed::rubysec;
use lazaret_model::{Ecosystem, Limits, Package};
use serde_json::Value;

use super::corpora::{files, read, unpack};

/// What is compared: feed, format, ecosystem in the recordings and with us, and the prefix of the feed's ids.
struct Case {
    archive: &'static str,
    folder: &'static str,
    extension: &'static str,
    recorded: &'static str,
    ecosystem: Ecosystem,
    prefix: &'static str,
    /// Ids to be found; fewer is a regression.
    ids: usize,
    /// Ids that the feed has and the recordings lack, with the reason.
    excused: &'static [(&'static str, &'static str)],
}

const CASES: &[Case] = &[
    Case {
        archive: "feeds/govulndb.tar.zst",
        folder: "govulndb/data/osv",
        extension: "json",
        recorded: "Go",
        ecosystem: Ecosystem::Go,
        prefix: "GO-",
        ids: 347,
        excused: &[("GO-2026-5026", "its number was taken before the recording, and it was published after")],
    },
    Case {
        archive: "feeds/pypa.tar.zst",
        folder: "pypa/vulns",
        extension: "yaml",
        recorded: "PyPI",
        ecosystem: Ecosystem::PyPi,
        prefix: "PYSEC-",
        ids: 61,
        excused: &[],
    },
    Case {
        archive: "feeds/rustsec.tar.zst",
        folder: "rustsec-osv",
        extension: "json",
        recorded: "crates.io",
        ecosystem: Ecosystem::Cargo,
        prefix: "RUSTSEC-",
        ids: 0,
        excused: &[],
    },
    Case {
        archive: "feeds/osv-small.tar.zst",
        folder: "drupal-osv/advisories",
        extension: "json",
        recorded: "Packagist",
        ecosystem: Ecosystem::Composer,
        prefix: "DRUPAL-",
        ids: 15,
        excused: &[],
    },
];

#[test]
fn answers_agree_with_the_recorded_ones() {
    let Some(folder) = unpack("match/trivy-osv.tar.zst", "recordings") else { return };
    let recorded = read(&folder.join("osv-scanner-cassettes/osv_query_expected.jsonl"));
    let mut differences = Vec::new();
    for case in CASES {
        let Some(unpacked) = unpack(case.archive, &format!("recorded-{}", case.ecosystem)) else { return };
        let (agreed, expected) = compare(case, &unpacked.join(case.folder), &recorded, &mut differences);
        super::report(&format!("{}: {agreed} of {expected} recorded {}… ids", case.recorded, case.prefix));
        assert!(agreed >= case.ids, "{}: {agreed} of {} ids", case.recorded, case.ids);
    }
    assert_eq!(differences, [""; 0]);
}

fn compare(
    case: &Case,
    folder: &std::path::Path,
    recorded: &str,
    differences: &mut Vec<String>,
) -> (usize, usize) {
    let mut feed = OsvFeed::new("osv");
    for path in files(folder, case.extension) {
        let bytes = std::fs::read(&path).expect("the unpacked corpus is readable");
        let read = match case.extension {
            "yaml" => feed.read_yaml(&bytes, &Limits::default()),
            _ => feed.read_json(&bytes, &Limits::default()),
        };
        read.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    let mut builder = Builder::new();
    feed.push_into(&mut builder);
    let database =
        Database::open(builder.build(super::samples::built()).expect("it fits")).expect("it opens");
    let lines: Vec<Value> =
        recorded.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    // Ids are numbered by year: those above the newest recorded one came after the recording.
    let newest = lines.iter().flat_map(|line| ids(line, case.prefix)).map(|id| number(&id)).max();
    let (mut agreed, mut expected_in_all) = (0, 0);
    for line in &lines {
        let asked = &line["query"];
        let package = &asked["package"];
        if package["ecosystem"] != case.recorded {
            continue;
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (name, version) = (text(&package["name"]), text(&asked["version"]));
        let expected = ids(line, case.prefix);
        let findings = database
            .findings(None, &[Package::new(case.ecosystem, &name, &version)])
            .expect("the database is sound");
        let found: BTreeSet<String> = findings
            .iter()
            .flat_map(|finding| std::iter::once(&finding.id).chain(&finding.aliases))
            .filter(|id| id.starts_with(case.prefix))
            .filter(|id| number(id) <= newest.unwrap_or_default())
            .cloned()
            .collect();
        expected_in_all += expected.len();
        agreed += found.intersection(&expected).count();
        for id in found.symmetric_difference(&expected) {
            let whose = if expected.contains(id) { "is missing" } else { "is too much" };
            if !case.excused.iter().any(|(excused, _)| excused == id) {
                differences.push(format!("{name} {version} {id} {whose}"));
            }
        }
    }
    (agreed, expected_in_all)
}

fn ids(line: &Value, prefix: &str) -> BTreeSet<String> {
    let ids = line["expected_ids"].as_array().expect("ids").iter().filter_map(Value::as_str);
    ids.filter(|id| id.starts_with(prefix)).map(str::to_owned).collect()
}

/// `GO-2026-5026` as year and number.
fn number(id: &str) -> (u32, u32) {
    let mut parts = id.rsplit('-').map(|part| part.parse().unwrap_or_default());
    let number = parts.next().unwrap_or_default();
    (parts.next().unwrap_or_default(), number)
}

/// Ids that RubySec has (here since 2026-06-19) and the service did not answer with when it was recorded.
const LATER_GEMS: &[&str] = &["GHSA-g9g8-vgvw-g3vf"];

/// RubySec names the ids of GitHub, which the service answered with: where it knows one, its versions must agree.
#[test]
fn gems_agree_with_the_recorded_answers() {
    let Some(folder) = unpack("match/trivy-osv.tar.zst", "gems-recorded") else { return };
    let Some(feed) = unpack("feeds/rubysec.tar.zst", "gems") else { return };
    let (mut builder, mut known, mut read_files) = (Builder::new(), BTreeSet::new(), 0);
    for path in files(&feed.join("rubysec/gems"), "yml") {
        let bytes = std::fs::read(&path).expect("the unpacked corpus is readable");
        let rows = rubysec::parse(&bytes, &Limits::default())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        read_files += 1;
        for row in rows {
            known.extend(std::iter::once(&row.id).chain(&row.aliases).cloned());
            builder.push(row);
        }
    }
    let database =
        Database::open(builder.build(super::samples::built()).expect("it fits")).expect("it opens");
    let (mut agreed, mut expected_in_all, mut differences) = (0, 0, Vec::new());
    for line in read(&folder.join("osv-scanner-cassettes/osv_query_expected.jsonl")).lines() {
        let line: Value = serde_json::from_str(line).expect("a line is JSON");
        let asked = &line["query"];
        if asked["package"]["ecosystem"] != "RubyGems" {
            continue;
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let package = Package::new(Ecosystem::Gem, text(&asked["package"]["name"]), text(&asked["version"]));
        let expected: BTreeSet<String> = ids(&line, "GHSA-").intersection(&known).cloned().collect();
        let findings = database.findings(None, std::slice::from_ref(&package)).expect("it is sound");
        let found: BTreeSet<String> = findings
            .iter()
            .flat_map(|finding| std::iter::once(&finding.id).chain(&finding.aliases))
            .filter(|id| id.starts_with("GHSA-"))
            .cloned()
            .collect();
        agreed += expected.intersection(&found).count();
        expected_in_all += expected.len();
        for id in found.symmetric_difference(&expected).filter(|id| !LATER_GEMS.contains(&id.as_str())) {
            differences.push(format!("{} {} {id}", package.name, package.version));
        }
    }
    super::report(&format!(
        "RubyGems: {agreed} of {expected_in_all} recorded ids, {read_files} advisories read"
    ));
    assert!(agreed > 0);
    assert_eq!(differences, [""; 0]);
}
