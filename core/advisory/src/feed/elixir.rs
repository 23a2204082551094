//! Elixir security advisories (<https://github.com/mirego/elixir-security-advisories>): one YAML file each, about a
//! package of Hex, its vulnerable versions as alternatives.

use lazaret_model::{Ecosystem, Limits};
use serde::Deserialize;

use super::intervals::{NoStretch, Stretch, all_of};
use super::languages::{self, Entry};
use super::line::one_line;
use super::parsed::{FeedError, Parsed, check_size};
use super::words;

pub const FEED: &str = "elixir";

const EXPECTED: &str = "an Elixir security advisory";

#[derive(Debug, Deserialize)]
struct Document {
    id: String,
    package: String,
    title: Option<String>,
    severity: Option<String>,
    disclosure_date: Option<String>,
    cve: Option<String>,
    vulnerable_version_ranges: Vec<String>,
}

pub fn parse(bytes: &[u8], _: &str, limits: &Limits) -> Result<Parsed, FeedError> {
    check_size(bytes, limits)?;
    let text = std::str::from_utf8(bytes).map_err(|error| FeedError::not(EXPECTED, &error))?;
    let document: Document =
        serde_saphyr::from_str(text).map_err(|error| FeedError::not(EXPECTED, &error))?;
    let mut parsed = Parsed::new(FEED);
    parsed.documents = 1;
    let versions = vulnerable(&document.vulnerable_version_ranges);
    // Packages have different spellings here and in Hex, where all are in lower case.
    let package = document.package.to_ascii_lowercase();
    let own = one_line(&format!("{package} {}", document.id), 200);
    let entry = Entry {
        ids: document.cve.into_iter().filter(|id| words::is_cve(id)).chain([document.id]).collect(),
        package,
        summary: document.title.unwrap_or_default(),
        published: document.disclosure_date.as_deref().and_then(words::timestamp),
        severity: document.severity.as_deref().map(words::severity),
        ..Entry::default()
    };
    languages::add(&mut parsed, Ecosystem::Hex, &entry, versions);
    Ok(parsed.finish(own))
}

fn vulnerable(ranges: &[String]) -> Result<Vec<Stretch>, NoStretch> {
    let mut found = Vec::new();
    for range in ranges.iter().take(1_000) {
        found.extend(all_of(Ecosystem::Hex.scheme(), [range.as_str()])?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ADVISORY: &str = "---\ndescription: D\ndisclosure_date: 2022-05-24\nfirst_patched_versions:\n  - 3.8.1\n\
        id: GHSA-hrfh-7j5f-8ccr\npackage: RabbitMQ\nseverity: high\ntitle: T\nvulnerable_version_ranges:\n  - '>= 3.8.0, < 3.8.1'\n  - < 1.16.7\n";

    #[test]
    fn ranges_are_alternatives() {
        let parsed = parse(ADVISORY.as_bytes(), "x.yml", &Limits::default()).unwrap();
        let rows: Vec<_> =
            parsed.advisories.iter().map(|row| (row.introduced.as_deref(), row.fixed.as_deref())).collect();
        assert_eq!(rows, [(Some("3.8.0"), Some("3.8.1")), (None, Some("1.16.7"))]);
        let row = &parsed.advisories[0];
        assert_eq!((row.id.as_str(), row.package.as_str()), ("GHSA-hrfh-7j5f-8ccr", "rabbitmq"));
        assert_eq!(row.published.as_deref(), Some("2022-05-24T00:00:00Z"));
    }

    proptest! {
        #[test]
        fn any_advisory_is_refused_or_read(bytes: Vec<u8>, at in any::<proptest::sample::Index>(), with in "[\\[\\]{}\",:0-9a-z&*!@ \n-]{0,4}") {
            let _ = parse(&bytes, "x", &Limits::default());
            let mut text = ADVISORY.to_owned();
            let at = at.index(text.len());
            text.replace_range(at..=at, &with);
            let _ = parse(text.as_bytes(), "x", &Limits::default());
        }
    }
}
