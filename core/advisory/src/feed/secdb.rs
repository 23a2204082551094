//! Alpine's security database (`https://secdb.alpinelinux.org/v3.18/main.json`, also as YAML) and those that others
//! publish in its shape: versions of source packages, and under each the ids of what it fixed (`secfixes`).
//!
//! The version `0` says that the package never was vulnerable. One string may hold several ids.

use std::collections::BTreeMap;

use lazaret_model::{Advisory, AdvisoryStatus, Ecosystem, Limits, ProblemKind};
use serde::Deserialize;

use super::json::Lenient;
use super::line::one_line;
use super::parsed::{FeedError, Parsed, check_size};
use super::releases;
use super::words;

pub const FEED: &str = "secdb";

const EXPECTED: &str = "a security database of apk packages";

/// What one version fixed; a version without any has nothing, or null.
type Ids = Option<Vec<Lenient<String>>>;

#[derive(Debug, Deserialize)]
struct Database {
    #[serde(default)]
    urlprefix: String,
    reponame: Option<String>,
    distroversion: Option<String>,
    packages: Option<Vec<Lenient<Entry>>>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    pkg: Package,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    /// Packages that fixed nothing yet have `null`, or an empty list.
    secfixes: Option<Lenient<BTreeMap<String, Lenient<Ids>>>>,
}

/// Publishers by the server of their packages; the first has releases, the others do not.
const PUBLISHERS: &[(&str, &str)] = &[
    ("alpinelinux.org", ""),
    ("wolfi.dev", "wolfi"),
    ("cgr.dev", "chainguard"),
    ("mini.dev", "minimos"),
    ("cve0.io", "secureos"),
];

pub fn parse(bytes: &[u8], _: &str, limits: &Limits) -> Result<Parsed, FeedError> {
    check_size(bytes, limits)?;
    let database: Database = if bytes.trim_ascii_start().first() == Some(&b'{') {
        serde_json::from_slice(bytes).map_err(|error| FeedError::not(EXPECTED, &error))?
    } else {
        let text = std::str::from_utf8(bytes).map_err(|error| FeedError::not(EXPECTED, &error))?;
        serde_saphyr::from_str(text).map_err(|error| FeedError::not(EXPECTED, &error))?
    };
    let release = release(&database).ok_or_else(|| {
        let reason = format!("the publisher at `{}` is not known", one_line(&database.urlprefix, 80));
        FeedError::not(EXPECTED, &reason)
    })?;
    let mut parsed = Parsed::new(FEED);
    for entry in database.packages.unwrap_or_default() {
        parsed.documents += 1;
        match entry {
            Lenient::Right(entry) => add(&mut parsed, &release, entry.pkg),
            Lenient::Wrong => parsed.problem(ProblemKind::Malformed, &release, "an entry is no package"),
        }
    }
    let repository = one_line(database.reponame.as_deref().unwrap_or("main"), 40);
    Ok(parsed.finish(format!("{release} {repository}")))
}

fn release(database: &Database) -> Option<String> {
    let host = database.urlprefix.split("://").last()?.split('/').next()?;
    let of =
        |server: &str| host.strip_suffix(server).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    match PUBLISHERS.iter().find(|(server, _)| of(server)) {
        Some((_, "")) => releases::alpine(database.distroversion.as_deref()?),
        Some((_, id)) => Some(releases::rolling(id)),
        None => None,
    }
}

fn add(parsed: &mut Parsed, release: &str, package: Package) {
    let name = package.name;
    let fixes = match package.secfixes {
        None => return,
        Some(Lenient::Right(fixes)) => fixes,
        Some(Lenient::Wrong) => {
            return parsed.problem(ProblemKind::Malformed, &name, "its `secfixes` are no object");
        }
    };
    for (version, texts) in fixes {
        let Lenient::Right(texts) = texts else {
            parsed.problem(ProblemKind::Malformed, &format!("{name} {version}"), "its ids are no list");
            continue;
        };
        for text in texts.unwrap_or_default() {
            let Lenient::Right(text) = text else {
                parsed.problem(ProblemKind::Malformed, &format!("{name} {version}"), "an id is no text");
                continue;
            };
            let words = text.split(|c: char| c.is_whitespace() || matches!(c, ',' | '/'));
            // `CVE_2019-2426`, and the like, are slips of the hand.
            let texts: Vec<String> = words.map(|word| word.replace('_', "-")).collect();
            let (ids, others) = words::ids(texts.iter().map(String::as_str));
            if ids.is_empty() {
                let subject = format!("{name} {version}");
                parsed.problem(
                    ProblemKind::Malformed,
                    &subject,
                    format!("`{}` is no id", one_line(&text, 60)),
                );
            }
            for id in ids {
                let row = Advisory {
                    aliases: others.iter().map(|&other| other.to_owned()).collect(),
                    ..Advisory::new(id, Ecosystem::Apk, release, &name)
                };
                parsed.row(match version.as_str() {
                    "0" => Advisory { status: AdvisoryStatus::NotAffected, ..row },
                    _ => Advisory { fixed: Some(version.clone()), ..row },
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: &str = r#"{"urlprefix": "https://dl-cdn.alpinelinux.org/alpine", "reponame": "main",
        "distroversion": "v3.18", "packages": [
        {"pkg": {"name": "xen", "secfixes": {"4.9-r1": ["CVE-2017-8904 XSA-214", "XSA-215", "CVE-2017-1234 CVE-2017-1235"],
            "0": ["CVE-2020-9999"], "5-r0": null, "6-r0": [7, "CVE-2019-?????"]}}},
        {"pkg": {"name": "none", "secfixes": []}}, {"pkg": 3}]}"#;

    #[test]
    fn ids_of_one_string_are_told_apart() {
        let parsed = parse(MAIN.as_bytes(), "main.json", &Limits::default()).unwrap();
        let rows: Vec<_> = parsed
            .advisories
            .iter()
            .map(|row| (row.id.as_str(), row.aliases.join(" "), row.fixed.as_deref(), row.status.name()))
            .collect();
        assert_eq!(
            rows,
            [
                ("CVE-2020-9999", String::new(), None, "not-affected"),
                ("CVE-2017-8904", "XSA-214".to_owned(), Some("4.9-r1"), "affected"),
                ("XSA-215", String::new(), Some("4.9-r1"), "affected"),
                ("CVE-2017-1234", String::new(), Some("4.9-r1"), "affected"),
                ("CVE-2017-1235", String::new(), Some("4.9-r1"), "affected"),
            ]
        );
        assert!(parsed.advisories.iter().all(|row| row.release == "alpine:3.18"));
        let problems: Vec<_> = parsed.problems.iter().map(|problem| problem.subject.as_str()).collect();
        assert_eq!(problems, ["xen 6-r0", "xen 6-r0", "none", "alpine:3.18"]);
    }

    #[test]
    fn publishers_are_told_by_their_server() {
        let of = |server: &str| {
            let text = MAIN.replace("https://dl-cdn.alpinelinux.org/alpine", server);
            parse(text.as_bytes(), "", &Limits::default()).map(|parsed| parsed.advisories[0].release.clone())
        };
        assert_eq!(of("https://packages.wolfi.dev").as_deref(), Ok("wolfi"));
        assert_eq!(of("https://packages.cgr.dev/chainguard").as_deref(), Ok("chainguard"));
        assert!(of("https://notwolfi.dev").is_err());
    }

    #[test]
    fn yaml_has_the_same_shape() {
        let text = "urlprefix: http://dl-cdn.alpinelinux.org/alpine\ndistroversion: v3.5\nreponame: main\npackages:\n  \
                    - pkg:\n      name: a\n      secfixes:\n        1.0-r0:\n          - CVE-2017-1234\n";
        let parsed = parse(text.as_bytes(), "main.yaml", &Limits::default()).unwrap();
        assert_eq!(parsed.advisories[0].fixed.as_deref(), Some("1.0-r0"));
    }
}
