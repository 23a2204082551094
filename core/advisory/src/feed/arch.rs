//! Arch Linux' security tracker: its groups of vulnerabilities, `https://security.archlinux.org/issues/all.json`, or
//! one of them (`/AVG-984.json`), as the tracker's `tracker/view/show.py` writes them.

use lazaret_model::{Advisory, AdvisoryStatus, Ecosystem, Limits, NamedPackage, ProblemKind};
use serde::Deserialize;

use super::json::{self, Lenient};
use super::line::one_line;
use super::parsed::{FeedError, Parsed, check_size};
use super::{releases, words};

pub const FEED: &str = "arch";

const EXPECTED: &str = "groups of Arch Linux' security tracker";

#[derive(Debug, Deserialize)]
struct Group {
    name: String,
    packages: Vec<String>,
    status: String,
    severity: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    fixed: Option<String>,
    issues: Vec<Lenient<String>>,
    #[serde(default)]
    advisories: Vec<Lenient<String>>,
}

pub fn parse(bytes: &[u8], _: &str, limits: &Limits) -> Result<Parsed, FeedError> {
    check_size(bytes, limits)?;
    let mut parsed = Parsed::new(FEED);
    let fail = |error: serde_json::Error| FeedError::not(EXPECTED, &error);
    if bytes.trim_ascii_start().first() != Some(&b'[') {
        let group: Group = serde_json::from_slice(bytes).map_err(fail)?;
        parsed.documents = 1;
        add(&mut parsed, &group);
        return Ok(parsed.finish(one_line(&group.name, 60)));
    }
    json::each_of_array(bytes, |group: Lenient<Group>| {
        parsed.documents += 1;
        match group {
            Lenient::Right(group) => add(&mut parsed, &group),
            Lenient::Wrong => {
                parsed.problem(ProblemKind::Malformed, "a group", "it has not the fields of one");
            }
        }
    })
    .map_err(fail)?;
    if parsed.documents == 0 {
        return Err(FeedError::not(EXPECTED, &"there are none"));
    }
    // A group that is not in a newer list is gone.
    Ok(parsed.finish("all"))
}

fn add(parsed: &mut Parsed, group: &Group) {
    let texts = |list: &'_ [Lenient<String>]| -> Vec<String> {
        let right = list.iter().filter_map(|text| match text {
            Lenient::Right(text) => Some(text.clone()),
            Lenient::Wrong => None,
        });
        right.filter(|text| words::is_id(text)).take(1_000).collect()
    };
    let (ids, mut aliases) = (texts(&group.issues), texts(&group.advisories));
    if ids.is_empty() || group.packages.is_empty() {
        return parsed.problem(
            ProblemKind::Malformed,
            &group.name,
            "it names no vulnerability or no package",
        );
    }
    aliases.push(group.name.clone());
    aliases.retain(|alias| words::is_id(alias));
    aliases.sort_unstable();
    aliases.dedup();
    let status = match group.status.as_str() {
        "Not affected" => AdvisoryStatus::NotAffected,
        "Unknown" => AdvisoryStatus::UnderInvestigation,
        // What is in the testing repositories is fixed there.
        "Vulnerable" | "Testing" | "Fixed" => AdvisoryStatus::Affected,
        other => {
            let reason = format!("its status `{}` is not known", one_line(other, 40));
            return parsed.problem(ProblemKind::Malformed, &group.name, reason);
        }
    };
    let is_affected = status == AdvisoryStatus::Affected;
    for package in group.packages.iter().filter(|package| (1..=200).contains(&package.len())) {
        for id in &ids {
            if parsed.is_full() {
                return;
            }
            parsed.row(Advisory {
                aliases: aliases.clone(),
                names: NamedPackage::Binary,
                fixed: group.fixed.clone().filter(|_| is_affected),
                status,
                severity: words::severity(group.severity.as_deref().unwrap_or_default()),
                summary: one_line(group.kind.as_deref().unwrap_or_default(), 240),
                ..Advisory::new(id, Ecosystem::Alpm, releases::rolling("arch"), package)
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GROUPS: &str = r#"[{"name": "AVG-984", "packages": ["linux-lts", "linux"], "status": "Fixed", "severity": "High",
        "type": "denial of service", "affected": "4.19.51-1", "fixed": "4.19.52-1", "ticket": null,
        "issues": ["CVE-2019-11479", "CVE-2019-11478"], "advisories": ["ASA-201906-14", "ASA-201906-14"]},
      {"name": "AVG-9999", "packages": ["pam"], "affected": "1.7.0-2", "fixed": null, "severity": "Medium",
       "status": "Vulnerable", "type": "x", "issues": ["CVE-2025-6020"], "advisories": []},
      {"name": "AVG-1", "packages": ["a"], "status": "Not affected", "issues": ["CVE-2020-0001"]},
      {"name": "AVG-2", "packages": ["a"], "status": "what", "issues": ["CVE-2020-0001"]}, {"name": "AVG-3"}]"#;

    #[test]
    fn groups_name_packages_and_vulnerabilities() {
        let parsed = parse(GROUPS.as_bytes(), "all.json", &Limits::default()).unwrap();
        let rows: Vec<_> = parsed
            .advisories
            .iter()
            .map(|row| (row.id.as_str(), row.package.as_str(), row.fixed.as_deref(), row.status.name()))
            .collect();
        assert_eq!(
            rows,
            [
                ("CVE-2019-11479", "linux-lts", Some("4.19.52-1"), "affected"),
                ("CVE-2019-11478", "linux-lts", Some("4.19.52-1"), "affected"),
                ("CVE-2019-11479", "linux", Some("4.19.52-1"), "affected"),
                ("CVE-2019-11478", "linux", Some("4.19.52-1"), "affected"),
                ("CVE-2025-6020", "pam", None, "affected"),
                ("CVE-2020-0001", "a", None, "not-affected"),
            ]
        );
        let row = &parsed.advisories[0];
        assert_eq!(
            (row.release.as_str(), row.aliases.as_slice()),
            ("arch", &["ASA-201906-14".to_owned(), "AVG-984".to_owned()][..])
        );
        assert_eq!((parsed.documents, parsed.problems.len()), (5, 2));
        let one = &GROUPS[1..GROUPS.find("},").unwrap() + 1];
        assert_eq!(parse(one.as_bytes(), "x", &Limits::default()).unwrap().advisories.len(), 4);
    }

    proptest! {
        #[test]
        fn any_groups_are_refused_or_read(bytes: Vec<u8>, at in any::<proptest::sample::Index>(), with in "[\\[\\]{}\",:0-9a-z]{0,4}") {
            let _ = parse(&bytes, "x", &Limits::default());
            let mut text = GROUPS.to_owned();
            let at = at.index(text.len());
            text.replace_range(at..=at, &with);
            let _ = parse(text.as_bytes(), "x", &Limits::default());
        }
    }
}
