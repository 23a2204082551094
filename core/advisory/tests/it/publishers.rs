//! Feeds in their publishers' own formats: real files, counted, and compared with each other.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use lazaret_advisory::feed::{
    self, Parsed, csaf, debian_tracker, friendsofphp, osv, oval, rubysec, rustsec, secdb,
};
use lazaret_model::{Advisory, AdvisoryStatus, Limits};

use super::corpora::{corpus, files, unpack};

type Parse = fn(&[u8], &str, &Limits) -> Result<Parsed, feed::FeedError>;

/// Reads every file of a folder that a test takes, in the order of their paths.
fn read_all(folder: &Path, parse: Parse, takes: impl Fn(&str) -> bool) -> Vec<(String, Parsed)> {
    let mut waiting = vec![folder.to_path_buf()];
    let mut found = Vec::new();
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder).expect("the unpacked corpus is readable") {
            let path = entry.expect("the unpacked corpus is readable").path();
            let name = path.display().to_string();
            if path.is_dir() {
                waiting.push(path);
            } else if takes(&name) {
                found.push((name, read(&path, parse)));
            }
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

fn read(path: &Path, parse: Parse) -> Parsed {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let name = path.display().to_string();
    parse(&bytes, &name, &Limits::default()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn is_csaf(text: &[u8], name: &str) -> bool {
    matches!(feed::kind(text, name), Some(feed::Kind::Published(format)) if format.name == csaf::FEED)
}

/// Documents, rows, problems.
fn count<'p>(parsed: impl IntoIterator<Item = &'p Parsed>) -> (u64, usize, usize) {
    parsed.into_iter().fold((0, 0, 0), |(documents, rows, problems), parsed| {
        (documents + parsed.documents, rows + parsed.advisories.len(), problems + parsed.problems.len())
    })
}

/// Unpacked by the bzip2 of this machine, as no crate of ours reads that.
fn debian_oval(codename: &str) -> Option<Parsed> {
    let name = format!("feeds/oval-definitions-{codename}.xml.bz2");
    let packed = corpus(&name)?;
    let mut bzip2 = Command::new("bzip2")
        .arg("-dc")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this machine has bzip2");
    let mut input = bzip2.stdin.take().expect("the input is piped");
    let writing = std::thread::spawn(move || input.write_all(&packed));
    let bytes = bzip2.wait_with_output().expect("bzip2 runs").stdout;
    writing.join().expect("the thread ends").expect("bzip2 takes all of it");
    let began = Instant::now();
    let parsed =
        oval::parse(&bytes, &name, &Limits::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
    let seconds = began.elapsed().as_secs_f64();
    report(format_args!("{codename}: {} MB in {seconds:.2} s", bytes.len() / 1_000_000));
    Some(parsed)
}

/// Past the capture of the test harness: figures are for people.
fn report(what: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{what}");
}

/// (release, package, id) to what is said: the fix, open, or not vulnerable.
fn facts(rows: &[Advisory]) -> BTreeMap<(&str, &str, &str), String> {
    let said = |row: &Advisory| match (&row.fixed, row.status) {
        (_, AdvisoryStatus::NotAffected) => "not affected".to_owned(),
        // An epoch of 0 is none.
        (Some(fixed), _) => fixed.strip_prefix("0:").unwrap_or(fixed).to_owned(),
        (None, _) => "open".to_owned(),
    };
    rows.iter()
        .map(|row| ((row.release.as_str(), row.package.as_str(), row.id.as_str()), said(row)))
        .collect()
}

/// Debian's OVAL for three releases against the facts that others took from the same files: the versions, and the
/// tracker's shape. What is open in one must be open in the other.
#[test]
fn debian_says_the_same_in_both_formats() {
    let Some(folder) = unpack("feeds/debian.tar.zst", "debian-feeds") else { return };
    let mut from_oval: Vec<Advisory> = Vec::new();
    for codename in ["buster", "bullseye", "bookworm"] {
        let Some(parsed) = debian_oval(codename) else { return };
        assert_eq!(parsed.problems, [], "{codename}");
        assert!(parsed.passed_over.is_empty(), "{:?}", parsed.passed_over);
        from_oval.extend(parsed.advisories);
    }
    let oval = facts(&from_oval);
    let table =
        std::fs::read_to_string(folder.join("debian-oval-2023-07-14.tsv")).expect("the table is there");
    let mut lines = 0;
    for line in table.lines().skip(1) {
        let [codename, source, id, version] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let release = match codename {
            "buster" => "debian:10",
            "bullseye" => "debian:11",
            _ => "debian:12",
        };
        let expected = if version == "0" { "open" } else { version.strip_prefix("0:").unwrap_or(version) };
        let found = oval.get(&(release, source, id)).unwrap_or_else(|| panic!("{line} is missing"));
        assert_eq!(found, expected, "{line}");
        lines += 1;
    }
    // The others are ids that only announcements name.
    assert_eq!((lines, oval.len()), (78_712, 78_770));

    let tracker = read(&folder.join("debian-tracker-shaped-2023-07-14.json"), debian_tracker::parse);
    assert_eq!(count([&tracker]), (3046, 78712, 0));
    let tracker = facts(&tracker.advisories);
    let others: Vec<_> = tracker.iter().filter(|(key, said)| oval.get(key) != Some(said)).take(20).collect();
    assert!(others.is_empty(), "{others:#?}");

    // Changelogs of years later: where both know a fix, they mostly name the same version.
    let path = folder.join("debian-changelog-bookworm/fixed_versions.tsv");
    let changelogs = std::fs::read_to_string(path).expect("the table is there");
    let (mut both, mut same) = (0, 0);
    for line in changelogs.lines().skip(1) {
        let [source, id, version] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        if let Some(found) = oval.get(&("debian:12", source, id)).filter(|found| *found != "open") {
            both += 1;
            same += usize::from(found == version);
        }
    }
    report(format_args!("changelogs: {same} of {both} are the same"));
    assert_eq!((same, both), (1530, 1701));
}

/// All of Alpine's databases, as JSON of 2024 and YAML of 2020.
#[test]
fn databases_of_apk_packages_are_read() {
    let Some(folder) = unpack("feeds/alpine-secdb.tar.zst", "secdb") else { return };
    let json = read_all(&folder, secdb::parse, |name| name.ends_with(".json"));
    let yaml = read_all(&folder, secdb::parse, |name| name.ends_with(".yaml"));
    assert_eq!(count(json.iter().map(|(_, parsed)| parsed)), (8000, 85_308, 0));
    assert_eq!(count(yaml.iter().map(|(_, parsed)| parsed)), (1652, 12_030, 1));
}

/// All of Microsoft's definitions, two releases under an older name.
#[test]
fn definitions_of_azure_linux_are_read() {
    let Some(folder) = unpack("feeds/azurelinux-oval.tar.zst", "azure") else { return };
    let found = read_all(&folder, oval::parse, |name| name.ends_with("-oval.xml"));
    let counted: Vec<_> = found.iter().map(|(_, parsed)| count([parsed])).collect();
    let releases: BTreeSet<&str> =
        found.iter().flat_map(|(_, parsed)| &parsed.advisories).map(|row| row.release.as_str()).collect();
    assert_eq!(releases.into_iter().collect::<Vec<_>>(), ["azurelinux:3.0", "mariner:1.0", "mariner:2.0"]);
    assert_eq!(counted, [(1222, 1222, 0), (2252, 2252, 0), (2436, 2436, 0)]);
}

/// Files that other scanners test with: cut short, so that tests are missing in some.
#[test]
fn definitions_of_other_vendors_are_read() {
    let Some(folder) = unpack("feeds/provider-fixtures.tar.zst", "providers-oval") else { return };
    let of = |path: &str| read(&folder.join(path), oval::parse);
    let vunnel = "vunnel-fixtures/tests/unit/providers";
    let photon = of("claircore-feeds/photon/testdata/com.vmware.phsa-photon3.xml");
    let suse = of(&format!("{vunnel}/sles/test-fixtures/suse_truncated.xml"));
    let oracle = of(&format!("{vunnel}/oracle/test-fixtures/mock_ksplice_data"));
    assert_eq!(
        [&photon, &suse, &oracle].map(|parsed| count([parsed])),
        [(222, 2467, 0), (4, 3, 2), (1, 14, 0)]
    );
}

/// Red Hat's documents and announcements that other scanners test with.
#[test]
fn csaf_documents_are_read() {
    let Some(folder) = unpack("feeds/provider-fixtures.tar.zst", "providers-csaf") else { return };
    let is_csaf = |name: &str| {
        let text = std::fs::read(name).unwrap_or_default();
        name.ends_with(".json") && is_csaf(&text, name)
    };
    let found: Vec<(String, Result<Parsed, feed::FeedError>)> = files(&folder, "json")
        .into_iter()
        .map(|path| path.display().to_string())
        .filter(|name| is_csaf(name))
        .map(|name| {
            (
                name.clone(),
                csaf::parse(&std::fs::read(&name).expect("it is readable"), &name, &Limits::default()),
            )
        })
        .collect();
    let failed: Vec<_> =
        found.iter().filter_map(|(name, parsed)| Some((name, parsed.as_ref().err()?))).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    let read: Vec<&Parsed> = found.iter().filter_map(|(_, parsed)| parsed.as_ref().ok()).collect();
    let releases: BTreeMap<&str, usize> =
        read.iter().flat_map(|parsed| &parsed.advisories).fold(BTreeMap::new(), |mut counts, row| {
            *counts.entry(row.release.as_str()).or_default() += 1;
            counts
        });
    let releases: Vec<_> = releases.into_iter().collect();
    assert_eq!(releases, [("rhel:10", 46), ("rhel:6", 85), ("rhel:7", 98), ("rhel:8", 819), ("rhel:9", 238)]);
    assert_eq!(count(read.iter().copied()), (33, 1286, 0));
}

/// RustSec's own files against what RustSec itself makes of them in OSV.
#[test]
fn rustsec_says_the_same_in_both_formats() {
    let Some(folder) = unpack("feeds/rustsec.tar.zst", "rustsec") else { return };
    let own = read_all(&folder, rustsec::parse, |name| name.ends_with(".md") && name.contains("/crates/"));
    assert_eq!(count(own.iter().map(|(_, parsed)| parsed)), (1205, 1257, 0));
    let stretch = |row: &Advisory| {
        let from = row.introduced.as_deref().filter(|from| *from != "0.0.0-0").unwrap_or_default();
        let text = |version: &Option<String>| version.clone().unwrap_or_default();
        format!("{} [{from},{} {}]", row.package, text(&row.fixed), text(&row.last_affected))
    };
    let mut theirs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in files(&folder, "json") {
        let bytes = std::fs::read(&path).expect("it is readable");
        let Ok(feed) = osv::parse(&bytes, &Limits::default()) else { continue };
        let id = path.file_stem().expect("a name").display().to_string();
        theirs.insert(id, feed.advisories.iter().map(stretch).collect());
    }
    let (mut same, mut others) = (0, Vec::new());
    for (name, parsed) in &own {
        let id = name.rsplit('/').next().unwrap_or_default().trim_end_matches(".md");
        let ours: BTreeSet<String> = parsed.advisories.iter().map(stretch).collect();
        match theirs.get(id) {
            _ if ours.is_empty() => {}
            Some(theirs) if *theirs == ours => same += 1,
            theirs => others.push((id, ours, theirs)),
        }
    }
    report(format_args!("{same} the same, {} not: {others:#?}", others.len()));
    // The others write the same versions in another way (`0.16` and `0.16.0`), or say of "after 1.0" that it is from
    // 1.0.1-0 on, where this reader rather takes one version too many.
    assert!(same > 830 && same + others.len() == 928, "{same} and {}", others.len());
}

/// All advisories for gems and for packages of Composer.
#[test]
fn advisories_of_ruby_and_php_are_read() {
    let Some(ruby) = unpack("feeds/rubysec.tar.zst", "rubysec") else { return };
    let ruby = read_all(&ruby, rubysec::parse, |name| {
        name.ends_with(".yml") && (name.contains("/gems/") || name.contains("/rubies/"))
    });
    let Some(php) = unpack("feeds/friendsofphp.tar.zst", "friendsofphp") else { return };
    let php = read_all(&php, friendsofphp::parse, |name| name.ends_with(".yaml") && !name.contains("/."));
    for (_, parsed) in ruby.iter().chain(&php) {
        for problem in &parsed.problems {
            report(format_args!("{problem}"));
        }
    }
    assert_eq!(count(ruby.iter().map(|(_, parsed)| parsed)), (1381, 1908, 0));
    let (documents, rows, problems) = count(php.iter().map(|(_, parsed)| parsed));
    report(format_args!("{documents} advisories for PHP, {rows} rows, {problems} problems"));
    assert_eq!((documents, rows, problems), (1592, 5680, 0));
}
