//! The advisories of rubysec.com (<https://github.com/rubysec/ruby-advisory-db>, "Schema"): one YAML document each,
//! which says what versions of a gem are *not* vulnerable, as requirements of RubyGems.

use std::cmp::Ordering;

use lazaret_model::{Advisory, Ecosystem, Limits, Severity};
use serde::Deserialize;

use super::knowledge::summary;
use super::line::one_line;

/// The name of this feed.
pub const FEED: &str = "rubysec";

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RubysecError {
    #[error("the file has {bytes} bytes, and at most {limit} are read")]
    Size { bytes: usize, limit: u64 },
    #[error("the file is not an advisory about a gem: {0}")]
    Yaml(String),
    #[error("the advisory has no id")]
    NoId,
    #[error("the requirement `{0}` is not one of RubyGems")]
    Requirement(String),
}

#[derive(Deserialize)]
struct Document {
    gem: String,
    cve: Option<String>,
    ghsa: Option<String>,
    osvdb: Option<String>,
    title: Option<String>,
    date: Option<String>,
    cvss_v3: Option<f64>,
    #[serde(default)]
    patched_versions: Option<Vec<String>>,
    #[serde(default)]
    unaffected_versions: Option<Vec<String>>,
}

/// Reads one document: a row for each stretch of vulnerable versions.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Vec<Advisory>, RubysecError> {
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limits.kept_bytes {
        return Err(RubysecError::Size { bytes: bytes.len(), limit: limits.kept_bytes });
    }
    let fail = |error: &dyn std::fmt::Display| RubysecError::Yaml(one_line(&error.to_string(), 300));
    let text = std::str::from_utf8(bytes).map_err(|error| fail(&error))?;
    let document: Document = serde_saphyr::from_str(text).map_err(|error| fail(&error))?;
    let with = |prefix: &str, id: &Option<String>| id.as_ref().map(|id| format!("{prefix}-{id}"));
    let mut ids = [with("CVE", &document.cve), with("GHSA", &document.ghsa), with("OSVDB", &document.osvdb)]
        .into_iter()
        .flatten();
    let id = ids.next().ok_or(RubysecError::NoId)?;
    let row = Advisory {
        aliases: ids.collect(),
        severity: document.cvss_v3.map_or(Severity::Unknown, severity),
        summary: document.title.as_deref().map(summary).unwrap_or_default(),
        published: document.date.as_deref().and_then(published),
        feed: FEED.to_owned(),
        ..Advisory::new(id, Ecosystem::Gem, "", &document.gem)
    };
    let stated = [document.patched_versions, document.unaffected_versions];
    let safe: Vec<Stretch> =
        stated.iter().flatten().flatten().map(|text| requirement(text)).collect::<Result<_, _>>()?;
    Ok(vulnerable(safe)
        .into_iter()
        .map(|(introduced, end)| {
            let (fixed, last_affected) = match end {
                Some(Bound { version, inclusive: true }) => (Some(version), None),
                Some(Bound { version, inclusive: false }) => (None, Some(version)),
                None => (None, None),
            };
            Advisory { introduced, fixed, last_affected, ..row.clone() }
        })
        .collect())
}

/// An end of a stretch, and whether it belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bound {
    version: String,
    inclusive: bool,
}

/// Versions that are not vulnerable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Stretch {
    low: Option<Bound>,
    high: Option<Bound>,
}

/// `~> 6.0.3, >= 6.0.3.5`: all of them hold.
fn requirement(text: &str) -> Result<Stretch, RubysecError> {
    let fail = || RubysecError::Requirement(one_line(text, 80));
    let mut stretch = Stretch::default();
    for part in text.split(',') {
        let part = part.trim();
        let (operator, version) = match part.find(|c: char| c.is_ascii_alphanumeric()) {
            Some(at) => (part[..at].trim(), part[at..].trim().to_owned()),
            None => return Err(fail()),
        };
        if version.len() > 200 || version.contains(char::is_whitespace) {
            return Err(fail());
        }
        let bound = |inclusive| Some(Bound { version: version.clone(), inclusive });
        let (low, high) = match operator {
            ">=" => (bound(true), None),
            ">" => (bound(false), None),
            "<" => (None, bound(false)),
            "<=" => (None, bound(true)),
            "=" | "" => (bound(true), bound(true)),
            "~>" => {
                let next = next_release(&version).ok_or_else(fail)?;
                (bound(true), Some(Bound { version: next, inclusive: false }))
            }
            _ => return Err(fail()),
        };
        // The higher of two lower ends, and the lower of two upper ones.
        if let Some(low) = low
            && stretch.low.as_ref().is_none_or(|known| compare(&low, known).is_ge())
        {
            stretch.low = Some(low);
        }
        if let Some(high) = high
            && stretch.high.as_ref().is_none_or(|known| compare(&high, known).is_le())
        {
            stretch.high = Some(high);
        }
    }
    Ok(stretch)
}

fn compare(a: &Bound, b: &Bound) -> Ordering {
    Ecosystem::Gem.compare(&a.version, &b.version)
}

/// Where `~>` ends: the last part left out and the one before counted up.
fn next_release(version: &str) -> Option<String> {
    let numbers: Vec<u64> = version.split('.').map_while(|part| part.parse().ok()).collect();
    let kept = numbers.len().saturating_sub(1).max(1);
    let (last, before) = numbers.get(..kept)?.split_last()?;
    let mut parts: Vec<String> = before.iter().map(u64::to_string).collect();
    parts.push(last.checked_add(1)?.to_string());
    Some(parts.join("."))
}

/// What lies between the safe stretches: where it begins, and the safe bound at which it ends.
fn vulnerable(mut safe: Vec<Stretch>) -> Vec<(Option<String>, Option<Bound>)> {
    safe.sort_by(|a, b| match (&a.low, &b.low) {
        (Some(a), Some(b)) => compare(a, b).then(b.inclusive.cmp(&a.inclusive)),
        (a, b) => a.is_some().cmp(&b.is_some()),
    });
    let mut all = Vec::new();
    // Up to where versions are accounted for; nothing yet, then a bound of a safe stretch.
    let mut at: Option<Bound> = None;
    for stretch in safe {
        if let Some(low) = stretch.low
            && at.as_ref().is_none_or(|at| compare(&low, at).is_gt())
        {
            all.push((at.as_ref().map(begin), Some(low)));
        }
        match stretch.high {
            None => return all,
            Some(high) if at.as_ref().is_none_or(|at| compare(&high, at).is_gt()) => at = Some(high),
            Some(_) => {}
        }
    }
    all.push((at.as_ref().map(begin), None));
    all
}

/// The first version beyond a safe stretch. Gems count parts that are missing as zero, so that nothing anybody
/// publishes lies between a version and this one above it.
fn begin(end: &Bound) -> String {
    if end.inclusive { format!("{}.0.0.0.1", end.version) } else { end.version.clone() }
}

fn severity(score: f64) -> Severity {
    match score {
        score if score >= 9.0 => Severity::Critical,
        score if score >= 7.0 => Severity::High,
        score if score >= 4.0 => Severity::Medium,
        score if score > 0.0 => Severity::Low,
        _ => Severity::None,
    }
}

fn published(date: &str) -> Option<String> {
    let date: jiff::civil::Date = date.get(..10).unwrap_or(date).parse().ok()?;
    date.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|date| date.timestamp().to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "---\ngem: actionpack\ncve: 2021-22881\nghsa: 8877-prq4-9xfw\ntitle: Open\n  Redirect\ndate: 2021-02-10\n\
        cvss_v3: 6.1\nunaffected_versions:\n- \"< 6.0.0\"\npatched_versions:\n- \"~> 6.0.3, >= 6.0.3.5\"\n- \">= 6.1.2.1\"\n";

    fn stretches(text: &str) -> Vec<[Option<String>; 3]> {
        let rows = parse(text.as_bytes(), &Limits::default()).unwrap();
        rows.into_iter().map(|row| [row.introduced, row.fixed, row.last_affected]).collect()
    }

    #[test]
    fn what_is_not_safe_is_vulnerable() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            stretches(TEXT),
            [[some("6.0.0"), some("6.0.3.5"), None], [some("6.1"), some("6.1.2.1"), None]]
        );
        let row = &parse(TEXT.as_bytes(), &Limits::default()).unwrap()[0];
        assert_eq!(
            (row.id.as_str(), &row.aliases[..]),
            ("CVE-2021-22881", &["GHSA-8877-prq4-9xfw".to_owned()][..])
        );
        assert_eq!((row.severity, row.summary.as_str()), (Severity::Medium, "Open Redirect"));
        assert_eq!(row.published.as_deref(), Some("2021-02-10T00:00:00Z"));
        assert_eq!(stretches("gem: a\ncve: 2020-1\n"), [[None, None, None]]);
        let odd = "gem: a\ncve: 2020-1\npatched_versions:\n- '> 1.2'\nunaffected_versions:\n- '<= 0.9'\n";
        assert_eq!(stretches(odd), [[some("0.9.0.0.0.1"), None, some("1.2")]]);
    }

    #[test]
    fn what_is_no_advisory_is_refused() {
        let error = |text: &str| parse(text.as_bytes(), &Limits::default()).unwrap_err();
        assert!(matches!(error("engine: jruby\ncve: 2020-1\n"), RubysecError::Yaml(_)));
        assert_eq!(error("gem: a\n"), RubysecError::NoId);
        assert_eq!(
            error("gem: a\ncve: 2020-1\npatched_versions: ['!!']\n"),
            RubysecError::Requirement("!!".into())
        );
    }

    proptest! {
        #[test]
        fn changed_documents_are_refused_or_read(at in any::<proptest::sample::Index>(), with in "[\\[\\]{}\",:0-9a-z&*!<>=~ \n-]{0,4}") {
            let mut text = TEXT.to_owned();
            let at = at.index(text.len());
            text.replace_range(at..=at, &with);
            let _ = parse(text.as_bytes(), &Limits::default());
        }

        #[test]
        fn a_version_is_safe_or_vulnerable(requirements in prop::collection::vec("(>=|<|~>|=) [0-3](\\.[0-3]){0,2}", 0..4), version in "[0-4]\\.[0-4]\\.[0-4]") {
            let safe: Vec<Stretch> = requirements.iter().map(|text| requirement(text).unwrap()).collect();
            let it = Bound { version: version.clone(), inclusive: true };
            let within = |stretch: &Stretch| {
                stretch.low.as_ref().is_none_or(|low| compare(&it, low).is_gt() || (low.inclusive && compare(&it, low).is_eq()))
                    && stretch.high.as_ref().is_none_or(|high| compare(&it, high).is_lt() || (high.inclusive && compare(&it, high).is_eq()))
            };
            let is_safe = safe.iter().any(within);
            let is_vulnerable = vulnerable(safe).iter().any(|(start, end)| {
                start.as_ref().is_none_or(|start| Ecosystem::Gem.compare(&version, start).is_ge())
                    && end.as_ref().is_none_or(|end| compare(&it, end).is_lt() || (!end.inclusive && compare(&it, end).is_eq()))
            });
            prop_assert_ne!(is_safe, is_vulnerable);
        }
    }
}
