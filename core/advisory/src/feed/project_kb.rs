//! Statements of SAP's project "KB" (<https://github.com/SAP/project-kb>, branch `vulnerability-data`): one YAML file a
//! vulnerability, with versions of packages that somebody looked at, by purl, and whether they are affected.
//!
//! Single versions are told, and no ranges. From one affected version to the next, with none between that is not
//! affected, everything is taken to be affected.

use std::collections::BTreeMap;

use lazaret_model::{Advisory, Ecosystem, Limits, ProblemKind};
use serde::Deserialize;

use super::line::one_line;
use super::parsed::{FeedError, Parsed, check_size};
use super::words;

pub const FEED: &str = "project-kb";

const EXPECTED: &str = "a statement of project KB";

#[derive(Debug, Deserialize)]
struct Statement {
    vulnerability_id: String,
    #[serde(default)]
    notes: Vec<Note>,
    #[serde(default)]
    artifacts: Vec<Artifact>,
}

#[derive(Debug, Deserialize)]
struct Note {
    text: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Artifact {
    id: String,
    affected: bool,
}

/// Versions that one statement may name.
const MOST_ARTIFACTS: usize = 20_000;

pub fn parse(bytes: &[u8], _: &str, limits: &Limits) -> Result<Parsed, FeedError> {
    check_size(bytes, limits)?;
    let text = std::str::from_utf8(bytes).map_err(|error| FeedError::not(EXPECTED, &error))?;
    let statement: Statement =
        serde_saphyr::from_str(text).map_err(|error| FeedError::not(EXPECTED, &error))?;
    let id = statement.vulnerability_id;
    if !words::is_id(&id) {
        return Err(FeedError::not(EXPECTED, &format!("`{}` is no id", one_line(&id, 80))));
    }
    let mut parsed = Parsed::new(FEED);
    parsed.documents = 1;
    let summary = statement.notes.into_iter().find_map(|note| note.text).unwrap_or_default();
    let mut packages: BTreeMap<String, Vec<(&str, bool)>> = BTreeMap::new();
    for artifact in statement.artifacts.iter().take(MOST_ARTIFACTS) {
        match maven(&artifact.id) {
            Some((package, version)) => {
                packages.entry(package).or_default().push((version, artifact.affected))
            }
            None => parsed.pass_over("packages that are not Maven's"),
        }
    }
    if statement.artifacts.len() > MOST_ARTIFACTS {
        parsed.problem(ProblemKind::Limit, &id, format!("of its versions {MOST_ARTIFACTS} are read"));
    }
    if packages.is_empty() {
        parsed.pass_over("vulnerabilities with commits and no versions");
    }
    for (package, versions) in packages {
        for (first, last) in stretches(versions) {
            parsed.row(Advisory {
                introduced: Some(first.to_owned()),
                last_affected: Some(last.to_owned()),
                summary: one_line(&summary, 240),
                ..Advisory::new(&id, Ecosystem::Maven, "", &package)
            });
        }
    }
    Ok(parsed.finish(id))
}

/// `pkg:maven/org.apache.struts/struts2-core@2.0.5`: the name with its group, and the version.
fn maven(purl: &str) -> Option<(String, &str)> {
    let (name, version) = purl.strip_prefix("pkg:maven/")?.split_once('@')?;
    let (group, artifact) = name.split_once('/')?;
    let is_plain = |text: &str| {
        (1..=150).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'+'))
    };
    [group, artifact, version].into_iter().all(is_plain).then(|| (format!("{group}:{artifact}"), version))
}

/// Runs of affected versions: the first and the last of each.
fn stretches(mut versions: Vec<(&str, bool)>) -> Vec<(&str, &str)> {
    versions.sort_by(|one, other| Ecosystem::Maven.compare(one.0, other.0).then_with(|| one.cmp(other)));
    let runs = versions.chunk_by(|one, next| one.1 == next.1);
    runs.filter_map(|run| match run {
        [(first, true), .., (last, _)] => Some((*first, *last)),
        [(only, true)] => Some((*only, *only)),
        _ => None,
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STATEMENT: &str = "vulnerability_id: CVE-2015-1831\nnotes:\n- text: The default\n    patterns\nfixes:\n- id: DEFAULT_BRANCH\n\
        artifacts:\n- id: pkg:maven/org.apache.struts/struts2-core@2.0.5\n  reason: Reviewed manually\n  affected: true\n\
        - id: pkg:maven/org.apache.struts/struts2-core@2.3.20\n  affected: true\n\
        - id: pkg:maven/org.apache.struts/struts2-core@2.3.9\n  affected: true\n\
        - id: pkg:maven/org.apache.struts/struts2-core@2.3.24\n  affected: false\n\
        - id: pkg:maven/org.apache.struts/struts2-core@2.5\n  affected: true\n\
        - id: pkg:npm/x@1\n  affected: true\n";

    #[test]
    fn runs_of_affected_versions_are_stretches() {
        let parsed = parse(STATEMENT.as_bytes(), "statement.yaml", &Limits::default()).unwrap();
        let rows: Vec<_> = parsed
            .advisories
            .iter()
            .map(|row| (row.package.as_str(), row.introduced.as_deref(), row.last_affected.as_deref()))
            .collect();
        let package = "org.apache.struts:struts2-core";
        assert_eq!(rows, [(package, Some("2.0.5"), Some("2.3.20")), (package, Some("2.5"), Some("2.5"))]);
        assert_eq!(parsed.advisories[0].summary, "The default patterns");
        assert_eq!(parsed.passed_over.len(), 1);
        assert!(parse(b"vulnerability_id: x\n", "x", &Limits::default()).is_err());
    }

    proptest! {
        #[test]
        fn any_statement_is_refused_or_read(bytes: Vec<u8>, at in any::<proptest::sample::Index>(), with in "[\\[\\]{}\",:0-9a-z&*!@ \n-]{0,4}") {
            let _ = parse(&bytes, "x", &Limits::default());
            let mut text = STATEMENT.to_owned();
            let at = at.index(text.len());
            text.replace_range(at..=at, &with);
            let _ = parse(text.as_bytes(), "x", &Limits::default());
        }
    }
}
