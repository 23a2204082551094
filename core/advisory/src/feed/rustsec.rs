//! RustSec's advisories (<https://github.com/rustsec/advisory-db>, "Advisory Format"): Markdown that begins with a
//! block of TOML.
//!
//! Versions are what is patched and what never was affected, as requirements of Cargo; all others are vulnerable.

use lazaret_model::{Ecosystem, Limits};
use serde::Deserialize;

use super::languages::{self, Entry};
use super::parsed::{FeedError, Parsed, check_size};
use super::words;

pub const FEED: &str = "rustsec";

const EXPECTED: &str = "an advisory of RustSec";

#[derive(Debug, Deserialize)]
struct Front {
    advisory: Header,
    #[serde(default)]
    versions: Versions,
}

#[derive(Debug, Deserialize)]
struct Header {
    id: String,
    package: String,
    #[serde(default)]
    aliases: Vec<String>,
    date: Option<String>,
    withdrawn: Option<String>,
    informational: Option<String>,
    cvss: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Versions {
    #[serde(default)]
    patched: Vec<String>,
    #[serde(default)]
    unaffected: Vec<String>,
}

pub fn parse(bytes: &[u8], _: &str, limits: &Limits) -> Result<Parsed, FeedError> {
    check_size(bytes, limits)?;
    let text = std::str::from_utf8(bytes).map_err(|error| FeedError::not(EXPECTED, &error))?;
    let (front, body) = text
        .trim_start()
        .strip_prefix("```toml")
        .and_then(|rest| rest.split_once("\n```"))
        .ok_or_else(|| FeedError::not(EXPECTED, &"it does not begin with a block of TOML"))?;
    let Front { advisory, versions } =
        toml::from_str(front).map_err(|error| FeedError::not(EXPECTED, &error.message()))?;
    let mut parsed = Parsed::new(FEED);
    parsed.documents = 1;
    if advisory.withdrawn.is_some() {
        parsed.withdrawn.push(advisory.id);
        return Ok(parsed);
    }
    match advisory.informational.as_deref() {
        // What is unsound can be used to break memory; the others are no vulnerabilities.
        None | Some("unsound") => {}
        Some(kind) => parsed.pass_over(&format!("crates: {kind}")),
    }
    if !parsed.passed_over.is_empty() {
        return Ok(parsed.finish(advisory.id));
    }
    let title = body.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or_default();
    let entry = Entry {
        ids: [&advisory.id].into_iter().chain(&advisory.aliases).cloned().collect(),
        package: advisory.package,
        summary: title.to_owned(),
        published: advisory.date.as_deref().and_then(words::timestamp),
        severity: None,
        cvss: advisory.cvss,
    };
    let safe = versions.patched.iter().chain(&versions.unaffected).map(String::as_str);
    languages::add(&mut parsed, Ecosystem::Cargo, &entry, languages::unsafe_versions(Ecosystem::Cargo, safe));
    Ok(parsed.finish(advisory.id))
}

#[cfg(test)]
mod tests {
    use lazaret_model::Severity;

    use super::*;

    const FILE: &str = "```toml\n[advisory]\nid = \"RUSTSEC-2020-0105\"\npackage = \"a\"\naliases = [\"CVE-2020-36212\"]\n\
        date = \"2020-12-21\"\ncvss = \"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H\"\n[versions]\npatched = [\">= 0.9.1\", \"^0.8.3\"]\n\
        unaffected = [\"< 0.5.0\"]\n```\n\n# A title\n\ntext\n";

    #[test]
    fn what_is_neither_patched_nor_unaffected_is_vulnerable() {
        let parsed = parse(FILE.as_bytes(), "RUSTSEC-2020-0105.md", &Limits::default()).unwrap();
        let rows: Vec<_> =
            parsed.advisories.iter().map(|row| (row.introduced.as_deref(), row.fixed.as_deref())).collect();
        assert_eq!(rows, [(Some("0.5.0"), Some("0.8.3")), (Some("0.9.0-0"), Some("0.9.1"))]);
        let row = &parsed.advisories[0];
        assert_eq!((row.id.as_str(), row.aliases[0].as_str()), ("CVE-2020-36212", "RUSTSEC-2020-0105"));
        assert_eq!((row.severity, row.summary.as_str()), (Severity::High, "A title"));
    }

    #[test]
    fn withdrawn_and_informational_advisories_give_no_rows() {
        let with = |line: &str| {
            parse(FILE.replace("date =", &format!("{line}\ndate =")).as_bytes(), "", &Limits::default())
                .unwrap()
        };
        assert_eq!(with("withdrawn = \"2021-01-01\"").withdrawn, ["RUSTSEC-2020-0105"]);
        assert_eq!(with("informational = \"unmaintained\"").advisories, []);
        assert_eq!(with("informational = \"unsound\"").advisories.len(), 2);
        assert!(parse(b"# no", "", &Limits::default()).is_err());
    }
}
