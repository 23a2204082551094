//! RetireJS (<https://github.com/RetireJS/retire.js>, `repository/`): libraries for browsers (`jsrepository*.json`) and
//! packages of npm (`npmrepository.json`), each with the versions that are vulnerable. Here they are packages of npm:
//! how a library is told by its text is not used.

use std::collections::BTreeMap;

use lazaret_model::{Ecosystem, Limits, ProblemKind};
use serde::Deserialize;

use super::intervals::{NoStretch, Stretch, To, outside};
use super::json::{self, Lenient};
use super::languages::{self, Entry};
use super::parsed::{FeedError, Parsed, check_size};
use super::words;

pub const FEED: &str = "retirejs";

const EXPECTED: &str = "a repository of RetireJS";

#[derive(Debug, Deserialize)]
struct Component {
    npmname: Option<String>,
    #[serde(default)]
    vulnerabilities: Vec<Lenient<Vulnerability>>,
    extractors: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct Vulnerability {
    #[serde(rename = "atOrAbove")]
    at_or_above: Option<String>,
    below: Option<String>,
    #[serde(default)]
    excludes: Vec<String>,
    severity: Option<String>,
    #[serde(default)]
    identifiers: BTreeMap<String, Words>,
    #[serde(default)]
    info: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Words {
    One(String),
    Many(Vec<String>),
    Other(serde::de::IgnoredAny),
}

impl Words {
    fn all(&self) -> &[String] {
        match self {
            Self::One(word) => std::slice::from_ref(word),
            Self::Many(words) => words,
            Self::Other(_) => &[],
        }
    }
}

/// Names that are examples, and no library's.
const EXAMPLES: &[&str] = &["retire-example", "dont check"];

pub fn parse(bytes: &[u8], _: &str, limits: &Limits) -> Result<Parsed, FeedError> {
    check_size(bytes, limits)?;
    let mut parsed = Parsed::new(FEED);
    let mut is_of_browsers = false;
    json::each(bytes, |name, component: Lenient<Component>| {
        if EXAMPLES.contains(&name.as_str()) {
            return;
        }
        let Lenient::Right(component) = component else {
            return parsed.problem(ProblemKind::Malformed, &name, "it has not the fields of a component");
        };
        is_of_browsers |= component.extractors.is_some();
        parsed.documents += 1;
        let package = component.npmname.as_deref().unwrap_or(&name);
        for (number, vulnerability) in component.vulnerabilities.iter().enumerate() {
            match vulnerability {
                Lenient::Right(known) => {
                    let entry = entry(known, package, number);
                    languages::add(&mut parsed, Ecosystem::Npm, &entry, versions(known));
                }
                Lenient::Wrong => parsed.problem(ProblemKind::Malformed, &name, "a vulnerability is none"),
            }
        }
    })
    .map_err(|error| FeedError::not(EXPECTED, &error))?;
    if parsed.documents == 0 {
        return Err(FeedError::not(EXPECTED, &"it has no components"));
    }
    Ok(parsed.finish(if is_of_browsers { "libraries" } else { "packages" }))
}

fn entry(known: &Vulnerability, package: &str, number: usize) -> Entry {
    let of = |kind: &str| known.identifiers.get(kind).map_or(&[][..], Words::all).iter();
    let mut ids: Vec<String> = of("CVE").filter(|id| words::is_cve(id)).cloned().collect();
    ids.extend(of("githubID").filter(|id| words::is_id(id)).cloned());
    if ids.is_empty() {
        // Many entries only link to what tells of them.
        let linked = known.info.iter().flat_map(|link| words::cves(link)).map(str::to_owned);
        ids.extend(linked);
        ids.sort_unstable();
        ids.dedup();
    }
    if ids.is_empty() {
        let own = of("retid").next().cloned().unwrap_or_else(|| (number + 1).to_string());
        ids.push(format!("RETIREJS-{}-{own}", package.replace(['@', ' '], "")));
    }
    Entry {
        ids,
        package: package.to_owned(),
        summary: of("summary").next().cloned().unwrap_or_default(),
        severity: known.severity.as_deref().map(words::severity),
        ..Entry::default()
    }
}

fn versions(known: &Vulnerability) -> Result<Vec<Stretch>, NoStretch> {
    let from = known.at_or_above.clone().filter(|version| version != "0");
    let to = known.below.clone().map(To::Before);
    if known.at_or_above.is_none() && to.is_none() {
        return Err(NoStretch::Version);
    }
    let whole = Stretch { from, is_after: false, to };
    if known.excludes.is_empty() {
        return Ok(vec![whole]);
    }
    let scheme = Ecosystem::Npm.scheme();
    let single = |version: &String| Stretch {
        from: Some(version.clone()),
        is_after: false,
        to: Some(To::Until(version.clone())),
    };
    let mut safe = outside(scheme, vec![whole]);
    safe.extend(known.excludes.iter().take(100).map(single));
    Ok(outside(scheme, safe))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REPOSITORY: &str = r#"{"retire-example": {"vulnerabilities": [{"below": "1"}]},
      "jquery-x": {"npmname": "jquery", "extractors": {"func": ["jQuery.fn"]}, "vulnerabilities": [
        {"below": "1.6.3", "severity": "medium", "identifiers": {"summary": "XSS", "CVE": ["CVE-2011-4969"],
         "githubID": "GHSA-579v-mp3v-rrw5", "bug": 9521}, "info": ["http://x"]},
        {"atOrAbove": "1.2.1", "below": "1.9.0", "excludes": ["1.8.3"], "severity": "low", "identifiers": {"retid": "7"}, "info": []},
        {"below": "2", "info": ["https://nvd.nist.gov/vuln/detail/CVE-2012-6708"]},
        {"severity": "low", "info": []}, 4]}, "broken": []}"#;

    #[test]
    fn components_become_packages_of_npm() {
        let parsed = parse(REPOSITORY.as_bytes(), "jsrepository-v5.json", &Limits::default()).unwrap();
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let rows: Vec<_> = parsed
            .advisories
            .iter()
            .map(|row| format!("{} {} [{},{})", row.id, row.package, text(&row.introduced), text(&row.fixed)))
            .collect();
        assert_eq!(
            rows,
            [
                "CVE-2011-4969 jquery [,1.6.3)",
                "RETIREJS-jquery-7 jquery [1.2.1,1.8.3)",
                "RETIREJS-jquery-7 jquery [1.8.3,1.9.0)",
                "CVE-2012-6708 jquery [,2)",
            ]
        );
        assert_eq!(parsed.advisories[0].aliases, ["GHSA-579v-mp3v-rrw5"]);
        assert_eq!((parsed.documents, parsed.problems.len()), (1, 3));
    }

    proptest! {
        #[test]
        fn any_repository_is_refused_or_read(bytes: Vec<u8>, at in any::<proptest::sample::Index>(), with in "[\\[\\]{}\",:0-9a-z]{0,4}") {
            let _ = parse(&bytes, "x", &Limits::default());
            let mut text = REPOSITORY.to_owned();
            let at = at.index(text.len());
            text.replace_range(at..=at, &with);
            let _ = parse(text.as_bytes(), "x", &Limits::default());
        }
    }
}
