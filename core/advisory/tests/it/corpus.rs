//! Other people's data: real changelog entries and real OSV documents.

use std::collections::BTreeMap;

use lazaret_advisory::feed::{apt, osv};
use lazaret_model::{Limits, ProblemKind};
use serde_json::Value;

use super::corpora::{files, read, unpack};

/// 1,181 entries of real Debian changelogs, each with the ids it names, against the version that first
/// named each id.
#[test]
fn real_entries_give_the_versions_that_first_named_an_id() {
    let Some(folder) = unpack("feeds/debian.tar.zst", "debian") else { return };
    let lines = |name: &str| read(&folder.join("debian-changelog-bookworm").join(name));
    let mut changelogs: BTreeMap<String, String> = BTreeMap::new();
    for line in lines("entries.jsonl").lines() {
        let entry: Value = serde_json::from_str(line).expect("a line is JSON");
        let text = |field: &str| entry[field].as_str().expect("the field is a text");
        let ids: Vec<&str> =
            entry["cves"].as_array().expect("ids").iter().filter_map(|id| id.as_str()).collect();
        let (source, version, suite, date) = (text("source"), text("version"), text("suite"), text("date"));
        *changelogs.entry(source.to_owned()).or_default() += &format!(
            "{source} ({version}) {suite}; urgency=medium\n\n  * Fix {}.\n\n -- A <a@example.org>  {date}\n\n",
            ids.join(", ")
        );
    }
    let fixes: BTreeMap<&String, Vec<apt::Fix>> =
        changelogs.iter().map(|(source, text)| (source, apt::fixes(text.as_bytes(), source))).collect();
    let (mut same, mut lower) = (0, 0);
    for line in lines("fixed_versions.tsv").lines().skip(1) {
        let [source, id, version] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let fix = fixes[&source.to_owned()]
            .iter()
            .find(|fix| fix.id == id)
            .unwrap_or_else(|| panic!("{source} {id} is missing"));
        let fixed = fix.fixed.as_deref().expect("nothing is taken back");
        assert!(fix.published.is_some(), "{source} {id} has no date");
        // The table knows nothing of rebuilds under a lower version above the first mention.
        match lazaret_version::deb::compare(fixed, version) {
            std::cmp::Ordering::Equal => same += 1,
            std::cmp::Ordering::Less => lower += 1,
            std::cmp::Ordering::Greater => panic!("{source} {id}: {fixed} is above {version}"),
        }
    }
    assert!(same > 6500 && lower < 100, "{same} agree, {lower} are lower");
}

/// Every OSV document of the corpora is read, whatever its ecosystem.
#[test]
fn real_documents_are_read() {
    let mut documents = 0;
    for (archive, name, least) in [
        ("feeds/osv-small.tar.zst", "small", 2000),
        ("feeds/almalinux-osv.tar.zst", "alma", 5680),
        ("feeds/bitnami.tar.zst", "bitnami", 7444),
    ] {
        let Some(folder) = unpack(archive, name) else { return };
        let mut feed = osv::OsvFeed::new("osv");
        for path in files(&folder, "json") {
            let text = read(&path);
            if text.contains("\"affected\"") {
                feed.read_json(text.as_bytes(), &Limits::default())
                    .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            }
        }
        assert!(feed.documents >= least, "only {} documents of {name}", feed.documents);
        let gross = feed.problems.iter().filter(|problem| problem.kind == ProblemKind::Malformed).count();
        assert_eq!(gross, 0, "{:?}", feed.problems);
        documents += feed.documents;
    }
    super::report(&format!("{documents} OSV documents read"));
}
