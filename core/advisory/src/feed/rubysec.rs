//! The Ruby advisory database (<https://github.com/rubysec/ruby-advisory-db>): one YAML file an advisory, for a gem
//! or for an engine of the language.

use lazaret_model::{Ecosystem, Limits};
use serde::Deserialize;

use super::languages::{self, Entry};
use super::parsed::{FeedError, Parsed, check_size};
use super::words;

pub const FEED: &str = "rubysec";

const EXPECTED: &str = "an advisory of the Ruby advisory database";

#[derive(Debug, Deserialize)]
struct Document {
    gem: Option<String>,
    engine: Option<String>,
    cve: Option<Word>,
    ghsa: Option<Word>,
    osvdb: Option<Word>,
    title: Option<String>,
    date: Option<Word>,
    cvss_v4: Option<Word>,
    cvss_v3: Option<Word>,
    patched_versions: Option<Vec<String>>,
    unaffected_versions: Option<Vec<String>>,
}

/// Ids and dates without quotes are numbers or texts to YAML, as it pleases.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Word {
    Text(String),
    Whole(u64),
    Number(f64),
}

impl Word {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Whole(number) => number.to_string(),
            Self::Number(number) => number.to_string(),
        }
    }
}

pub fn parse(bytes: &[u8], name: &str, limits: &Limits) -> Result<Parsed, FeedError> {
    check_size(bytes, limits)?;
    let text = std::str::from_utf8(bytes).map_err(|error| FeedError::not(EXPECTED, &error))?;
    let document: Document =
        serde_saphyr::from_str(text).map_err(|error| FeedError::not(EXPECTED, &error))?;
    if document.gem.is_none() && document.engine.is_none() {
        return Err(FeedError::not(EXPECTED, &"it names neither a gem nor an engine"));
    }
    let mut parsed = Parsed::new(FEED);
    parsed.documents = 1;
    let kinds = [("CVE-", &document.cve), ("GHSA-", &document.ghsa), ("OSVDB-", &document.osvdb)];
    let ids: Vec<String> =
        kinds.iter().filter_map(|(prefix, id)| Some(format!("{prefix}{}", id.as_ref()?.text()))).collect();
    let file = name.rsplit('/').next().unwrap_or_default().trim_end_matches(".yml");
    let package = document.gem.clone().or(document.engine.clone()).unwrap_or_default();
    let document_id = format!("{package}/{file}");
    if document.gem.is_none() {
        parsed.pass_over("engines of Ruby");
        return Ok(parsed.finish(document_id));
    }
    // Files without any id are named by their own.
    let ids = if ids.is_empty() { vec![file.to_owned()] } else { ids };
    let rating = document.cvss_v4.as_ref().or(document.cvss_v3.as_ref()).map(Word::text);
    let score = rating.as_deref().and_then(|text| text.parse::<f64>().ok());
    let entry = Entry {
        ids,
        package,
        summary: document.title.unwrap_or_default(),
        published: document.date.as_ref().and_then(|date| words::timestamp(&date.text())),
        severity: score.map(words::severity_of_score),
        cvss: None,
    };
    let safe = [&document.patched_versions, &document.unaffected_versions];
    let safe = safe.into_iter().flatten().flatten().map(String::as_str);
    languages::add(&mut parsed, Ecosystem::Gem, &entry, languages::unsafe_versions(Ecosystem::Gem, safe));
    Ok(parsed.finish(document_id))
}

#[cfg(test)]
mod tests {
    use lazaret_model::Severity;

    use super::*;

    #[test]
    fn gems_have_safe_versions() {
        let text = "---\ngem: a\ncve: 2021-22881\nghsa: 8877-prq4-9xfw\ntitle: T\ndate: 2021-02-10\ncvss_v3: 6.1\n\
                    unaffected_versions:\n  - \"< 6.0.0\"\npatched_versions:\n  - \"~> 6.0.3, >= 6.0.3.5\"\n  - \">= 6.1.2.1\"\n";
        let parsed = parse(text.as_bytes(), "gems/a/CVE-2021-22881.yml", &Limits::default()).unwrap();
        let rows: Vec<_> =
            parsed.advisories.iter().map(|row| (row.introduced.as_deref(), row.fixed.as_deref())).collect();
        assert_eq!(rows, [(Some("6.0.0"), Some("6.0.3.5")), (Some("6.1"), Some("6.1.2.1"))]);
        let row = &parsed.advisories[0];
        assert_eq!((row.id.as_str(), row.aliases[0].as_str()), ("CVE-2021-22881", "GHSA-8877-prq4-9xfw"));
        assert_eq!(
            (row.severity, row.published.as_deref()),
            (Severity::Medium, Some("2021-02-10T00:00:00Z"))
        );
    }

    #[test]
    fn engines_are_passed_over() {
        let parsed = parse(b"engine: jruby\ncve: 2010-1330\n", "x.yml", &Limits::default()).unwrap();
        assert_eq!((parsed.advisories.len(), parsed.passed_over.len()), (0, 1));
    }
}
