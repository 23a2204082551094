//! Every archive of published feeds at hand: each file is told apart by its content and read, and what gives nothing
//! is one of the reasons listed here.

use std::path::Path;

use lazaret_advisory::feed::osv::OsvFeed;
use lazaret_advisory::feed::{Kind, kind};
use lazaret_model::Limits;

use super::corpora::unpack;
use super::report;

/// What came of one archive's files.
#[derive(Debug, Default, PartialEq, Eq)]
struct Came {
    /// Files of a known format that were read.
    read: usize,
    rows: usize,
    vulnerabilities: usize,
    /// Parts of those files that could not be used.
    problems: usize,
    /// Files of a known format that could not be read.
    unreadable: usize,
    /// Files of no known format.
    unknown: usize,
}

const fn came(of: [usize; 6]) -> Came {
    let [read, rows, vulnerabilities, problems, unreadable, unknown] = of;
    Came { read, rows, vulnerabilities, problems, unreadable, unknown }
}

/// Archive, counts, and why files of it are unknown, unreadable or a problem.
const ARCHIVES: &[(&str, Came, &str)] = &[
    ("almalinux-osv", came([5680, 269017, 0, 0, 0, 2]), "a licence and a note of the origin"),
    ("alpine-secdb", came([59, 97338, 0, 1, 0, 3]), "one id is misspelt; a licence, notes"),
    ("azurelinux-oval", came([3, 5910, 0, 0, 0, 2]), "a licence and a note"),
    ("bitnami", came([7444, 19666, 7433, 0, 0, 2]), "a licence and a note"),
    (
        "debian",
        came([1, 78712, 0, 0, 0, 13]),
        "lists from which the tracker makes its JSON, and tables derived from it",
    ),
    ("friendsofphp", came([1592, 5680, 0, 0, 0, 6]), "a licence, notes and settings"),
    ("govulndb", came([4291, 7593, 0, 0, 0, 2]), "a licence and a note"),
    (
        "k8s-aqua-homemade",
        came([46, 152, 46, 0, 0, 12]),
        "popular names of CVEs, which are no advisories; licences, notes",
    ),
    (
        "kev",
        came([5, 0, 5339, 0, 1, 14]),
        "a schema has the words of a catalogue; the same as CSV; licences, notes",
    ),
    (
        "nodejs-security-wg",
        came([644, 1025, 466, 1, 3, 4]),
        "one range is no comparison; the indices hold the same advisories again",
    ),
    (
        "osv-small",
        came([6617, 3119, 1678, 2, 35, 62]),
        "Haskell's advisories are read in their OSV form; licences, notes",
    ),
    (
        "provider-fixtures",
        came([198, 4513, 1038, 9, 81, 1417]),
        "what peers made of feeds, broken files on purpose, release files, licences",
    ),
    ("pypa", came([7080, 10475, 4080, 0, 0, 4]), "a licence and notes"),
    ("retirejs", came([2, 1298, 0, 0, 0, 3]), "cases of its own tests; a licence, a note"),
    ("rubysec", came([1381, 1908, 0, 0, 0, 2]), "a licence and a note"),
    ("rustsec", came([2431, 2803, 840, 0, 0, 6]), "licences and notes"),
    ("sap-project-kb", came([1297, 1320, 0, 0, 0, 2]), "a licence and a note"),
    (
        "vex",
        came([693, 0, 0, 0, 0, 698]),
        "OpenVEX is applied to a scan (`--vex`); the OSV documents are for images of an ecosystem that has no packages here",
    ),
];

fn read(folder: &Path) -> (Came, Vec<String>) {
    let limits = Limits { kept_bytes: 1 << 30, ..Limits::default() };
    let mut found = Came::default();
    let mut odd = Vec::new();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder).expect("the unpacked corpus is readable") {
            let path = entry.expect("the unpacked corpus is readable").path();
            if path.is_dir() {
                waiting.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).expect("the unpacked corpus is readable");
            let name = path.display().to_string();
            let mut osv = OsvFeed::new("osv");
            let told = match kind(&bytes, &name) {
                None => {
                    found.unknown += 1;
                    odd.push(format!("{name}: unknown"));
                    continue;
                }
                Some(Kind::OsvJson) => {
                    osv.read_json(&bytes, &limits).map(|()| None).map_err(|e| e.to_string())
                }
                Some(Kind::OsvYaml) => {
                    osv.read_yaml(&bytes, &limits).map(|()| None).map_err(|e| e.to_string())
                }
                Some(Kind::Knowledge(format)) => (format.parse)(&bytes, &limits)
                    .map(|known| Some((0, known.vulnerabilities.len(), known.problems)))
                    .map_err(|error| error.to_string()),
                Some(Kind::Published(format)) => (format.parse)(&bytes, &name, &limits)
                    .map(|parsed| {
                        Some((parsed.advisories.len(), parsed.vulnerabilities.len(), parsed.problems))
                    })
                    .map_err(|error| error.to_string()),
            };
            match told {
                Ok(told) => {
                    let (rows, vulnerabilities, problems) =
                        told.unwrap_or((osv.advisories.len(), osv.vulnerabilities.len(), osv.problems));
                    found.read += 1;
                    found.rows += rows;
                    found.vulnerabilities += vulnerabilities;
                    found.problems += problems.len();
                    odd.extend(problems.iter().map(|problem| format!("{name}: {problem}")));
                }
                Err(why) => {
                    found.unreadable += 1;
                    odd.push(format!("{name}: {why}"));
                }
            }
        }
    }
    odd.sort_unstable();
    (found, odd)
}

#[test]
fn every_archive_is_read() {
    for (name, expected, _) in ARCHIVES {
        let Some(folder) = unpack(&format!("feeds/{name}.tar.zst"), &format!("archives-{name}")) else {
            return;
        };
        let (found, odd) = read(&folder);
        report(&format!("{name}: {found:?}"));
        for line in odd.iter().take(if found == *expected { 0 } else { 12 }) {
            report(&format!("  {line}"));
        }
        assert_eq!(found, *expected, "{name}");
    }
}
