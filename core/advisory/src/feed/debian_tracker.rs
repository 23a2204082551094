//! Debian's security tracker: `https://security-tracker.debian.org/tracker/data/json`, one object of source packages,
//! in each an object of issues (the tracker's `bin/tracker_service.py`, "page_json").
//!
//! `fixed_version` of `0` says that a release never was vulnerable.

use std::collections::BTreeMap;

use lazaret_model::{Advisory, AdvisoryStatus, Ecosystem, Limits, ProblemKind};
use serde::Deserialize;

use super::json::{self, Lenient};
use super::line::one_line;
use super::parsed::{FeedError, Parsed, check_size};
use super::releases;
use super::words;

pub const FEED: &str = "debian-tracker";

#[derive(Debug, Deserialize)]
struct Issue {
    description: Option<String>,
    #[serde(default)]
    releases: BTreeMap<String, Lenient<Release>>,
}

#[derive(Debug, Deserialize)]
struct Release {
    status: String,
    fixed_version: Option<String>,
    urgency: Option<String>,
    /// Why there is no announcement of its own: `ignored`, `postponed`.
    nodsa_reason: Option<String>,
}

pub fn parse(bytes: &[u8], _: &str, limits: &Limits) -> Result<Parsed, FeedError> {
    check_size(bytes, limits)?;
    let mut parsed = Parsed::new(FEED);
    json::each(bytes, |package, issues: Lenient<BTreeMap<String, Lenient<Issue>>>| {
        parsed.documents += 1;
        let Lenient::Right(issues) = issues else {
            return parsed.problem(ProblemKind::Malformed, &package, "its issues are no object");
        };
        for (id, issue) in issues {
            match issue {
                Lenient::Right(issue) => add(&mut parsed, &package, &id, &issue),
                Lenient::Wrong => {
                    let subject = format!("{id} of {package}");
                    parsed.problem(ProblemKind::Malformed, &subject, "it has not the fields of an issue");
                }
            }
        }
    })
    .map_err(|error| FeedError::not("Debian's security tracker", &error))?;
    if parsed.documents == 0 {
        return Err(FeedError::not("Debian's security tracker", &"it has no packages"));
    }
    Ok(parsed.finish("tracker"))
}

fn add(parsed: &mut Parsed, package: &str, id: &str, issue: &Issue) {
    let summary = one_line(issue.description.as_deref().unwrap_or_default(), 240);
    for (codename, release) in &issue.releases {
        let told = match release {
            Lenient::Right(release) => Ok(release),
            Lenient::Wrong => Err("it has not the fields of a release".to_owned()),
        };
        let key = releases::debian(codename).ok_or_else(|| "its release has no name".to_owned());
        let row = told.and_then(|told| statement(told, Advisory::new(id, Ecosystem::Deb, key?, package)));
        match row {
            Ok(row) if words::is_id(id) => parsed.row(Advisory { summary: summary.clone(), ..row }),
            Ok(_) => parsed.problem(ProblemKind::Malformed, &format!("{id} of {package}"), "this is no id"),
            Err(reason) => {
                let subject = format!("{id} of {package} in {codename}");
                parsed.problem(ProblemKind::Malformed, &subject, reason);
            }
        }
    }
}

fn statement(release: &Release, row: Advisory) -> Result<Advisory, String> {
    // Two asterisks mark ratings that were taken over from elsewhere.
    let urgency = release.urgency.as_deref().unwrap_or_default().trim_end_matches('*');
    let severity = words::severity(urgency);
    let row = Advisory { severity, ..row };
    match (release.status.as_str(), release.fixed_version.as_deref()) {
        ("resolved", Some("0")) => Ok(Advisory { status: AdvisoryStatus::NotAffected, ..row }),
        ("resolved", Some(version)) if !version.is_empty() => {
            Ok(Advisory { fixed: Some(version.to_owned()), ..row })
        }
        ("resolved", _) => Err("it is resolved and has no fixed version".to_owned()),
        ("open", _) => {
            let status = match (urgency, release.nodsa_reason.as_deref()) {
                ("end-of-life", _) => AdvisoryStatus::EndOfLife,
                (_, Some("ignored")) => AdvisoryStatus::WillNotFix,
                _ => AdvisoryStatus::Affected,
            };
            Ok(Advisory { status, ..row })
        }
        ("undetermined", _) => Ok(Advisory { status: AdvisoryStatus::UnderInvestigation, ..row }),
        (status, _) => Err(format!("its status `{}` is not known", one_line(status, 40))),
    }
}

#[cfg(test)]
mod tests {
    use lazaret_model::Severity;

    use super::*;

    const TRACKER: &str = r#"{"foo": {"CVE-2024-0001": {"description": "a  b", "releases": {
        "bookworm": {"status": "resolved", "fixed_version": "1.2-3", "urgency": "high**"},
        "bullseye": {"status": "resolved", "fixed_version": "0", "urgency": "unimportant"},
        "buster": {"status": "open", "urgency": "end-of-life", "repositories": {"buster": "1.0-1"}},
        "sid": {"status": "open", "nodsa": "Minor issue", "nodsa_reason": "ignored"},
        "trixie": {"status": "undetermined", "urgency": "not yet assigned"},
        "wheezy": {"status": "open", "nodsa_reason": "postponed"},
        "jessie": {"status": "what"}, "stretch": 4}},
      "CVE-2024-0002": {"releases": []}, "TEMP-0000000-F7A20F": {"releases": {"trixie": {"status": "open"}}}},
     "bar": []}"#;

    #[test]
    fn statements_become_rows() {
        let parsed = parse(TRACKER.as_bytes(), "json", &Limits::default()).unwrap();
        let rows: Vec<_> = parsed
            .advisories
            .iter()
            .map(|row| (row.release.as_str(), row.status.name(), row.fixed.as_deref()))
            .collect();
        assert_eq!(
            rows,
            [
                ("debian:12", "affected", Some("1.2-3")),
                ("debian:11", "not-affected", None),
                ("debian:10", "end-of-life", None),
                ("debian:sid", "will-not-fix", None),
                ("debian:13", "under-investigation", None),
                ("debian:7", "affected", None),
                ("debian:13", "affected", None),
            ]
        );
        assert_eq!(parsed.advisories[0].severity, Severity::High);
        assert_eq!(parsed.advisories[0].summary, "a b");
        let problems: Vec<_> = parsed.problems.iter().map(|problem| problem.subject.as_str()).collect();
        let expected = [
            "CVE-2024-0001 of foo in jessie",
            "CVE-2024-0001 of foo in stretch",
            "CVE-2024-0002 of foo",
            "bar",
        ];
        assert_eq!(problems, expected);
    }

    #[test]
    fn other_files_are_refused() {
        for text in ["[]", "", "{", "{\"foo\": {}} x"] {
            assert!(parse(text.as_bytes(), "json", &Limits::default()).is_err(), "{text}");
        }
    }
}
