//! The PHP Security Advisories Database (<https://github.com/FriendsOfPHP/security-advisories>): one YAML file an
//! advisory, its vulnerable versions by branches.

use std::collections::BTreeMap;

use lazaret_model::{Ecosystem, Limits};
use serde::Deserialize;

use super::intervals::{NoStretch, Stretch, all_of};
use super::languages::{self, Entry};
use super::line::one_line;
use super::parsed::{FeedError, Parsed, check_size};
use super::words;

pub const FEED: &str = "friendsofphp";

const EXPECTED: &str = "an advisory of the PHP Security Advisories Database";

#[derive(Debug, Deserialize)]
struct Document {
    title: Option<String>,
    cve: Option<String>,
    reference: String,
    #[serde(default)]
    branches: BTreeMap<String, Branch>,
}

#[derive(Debug, Deserialize)]
struct Branch {
    time: Option<Time>,
    versions: Option<Vec<String>>,
}

/// Without quotes, and in words of several kinds.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Time {
    Text(String),
    Seconds(i64),
}

pub fn parse(bytes: &[u8], name: &str, limits: &Limits) -> Result<Parsed, FeedError> {
    check_size(bytes, limits)?;
    let text = std::str::from_utf8(bytes).map_err(|error| FeedError::not(EXPECTED, &error))?;
    let document: Document =
        serde_saphyr::from_str(text).map_err(|error| FeedError::not(EXPECTED, &error))?;
    let mut parsed = Parsed::new(FEED);
    parsed.documents = 1;
    let package = document.reference.strip_prefix("composer://").ok_or_else(|| {
        FeedError::not(EXPECTED, &format!("`{}` is no package", one_line(&document.reference, 80)))
    })?;
    let file = name.rsplit('/').next().unwrap_or_default().trim_end_matches(".yaml");
    // Files are named after the CVE, or the day on which the advisory came out.
    let own =
        document.cve.filter(|cve| words::is_cve(cve)).unwrap_or_else(|| format!("PHPSA-{package}-{file}"));
    let published = document.branches.values().filter_map(|branch| match branch.time.as_ref()? {
        Time::Text(text) => words::timestamp(text),
        Time::Seconds(seconds) => {
            jiff::Timestamp::from_second(*seconds).ok().map(|moment| moment.to_string())
        }
    });
    let entry = Entry {
        ids: vec![own],
        package: package.to_owned(),
        summary: document.title.unwrap_or_default(),
        published: published.min(),
        ..Entry::default()
    };
    languages::add(&mut parsed, Ecosystem::Composer, &entry, vulnerable(&document.branches));
    Ok(parsed.finish(format!("{package}/{file}")))
}

fn vulnerable(branches: &BTreeMap<String, Branch>) -> Result<Vec<Stretch>, NoStretch> {
    let mut found: Vec<Stretch> = Vec::new();
    for branch in branches.values() {
        let texts = branch.versions.iter().flatten().map(String::as_str);
        if let Some(stretch) =
            all_of(Ecosystem::Composer.scheme(), texts)?.filter(|stretch| !found.contains(stretch))
        {
            found.push(stretch);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_are_stretches() {
        let text = "title: T\ncve: CVE-2013-4701\nbranches:\n    6.2.x:\n        time: '2014-10-22 09:14:28'\n        \
                    versions: ['>=6.2.0', '<6.2.6']\n    6.1.x:\n        time: 2014-10-21 09:14:28\n        \
                    versions: ['<6.1.9']\nreference: 'composer://typo3/cms'\n";
        let parsed = parse(text.as_bytes(), "typo3/cms/CVE-2013-4701.yaml", &Limits::default()).unwrap();
        let rows: Vec<_> =
            parsed.advisories.iter().map(|row| (row.introduced.as_deref(), row.fixed.as_deref())).collect();
        assert_eq!(rows, [(None, Some("6.1.9")), (Some("6.2.0"), Some("6.2.6"))]);
        assert_eq!(parsed.advisories[0].published.as_deref(), Some("2014-10-21T09:14:28Z"));
        let nameless = parse(
            text.replace("cve: CVE-2013-4701\n", "").as_bytes(),
            "a/2014-10-22-1.yaml",
            &Limits::default(),
        );
        assert_eq!(nameless.unwrap().advisories[0].id, "PHPSA-typo3/cms-2014-10-22-1");
    }
}
