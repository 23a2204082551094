//! The catalogue of known exploited vulnerabilities of CISA, as JSON
//! (<https://www.cisa.gov/known-exploited-vulnerabilities-catalog>).

use lazaret_model::{Limits, Problem, ProblemKind, Vulnerability};
use serde::Deserialize;

use super::knowledge::{Knowledge, day, summary};
use super::line::one_line;
use super::parsed::{FeedError, check_size};
use super::text::Text;
use super::words::is_cve;

/// The name of this feed.
pub const FEED: &str = "kev";

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'd"))]
struct Catalogue<'d> {
    vulnerabilities: Vec<Entry<'d>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'd"), rename_all = "camelCase")]
struct Entry<'d> {
    #[serde(rename = "cveID")]
    cve: Text<'d>,
    date_added: Option<Text<'d>>,
    vulnerability_name: Option<Text<'d>>,
}

/// Reads the catalogue.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Knowledge, FeedError> {
    check_size(bytes, limits)?;
    let catalogue: Catalogue<'_> = serde_json::from_slice(bytes)
        .map_err(|error| FeedError::not("the catalogue of known exploited vulnerabilities", &error))?;
    let mut knowledge = Knowledge::default();
    for entry in catalogue.vulnerabilities {
        let date = entry.date_added.as_ref().and_then(|date| day(date));
        match date {
            Some(date) if is_cve(&entry.cve) => knowledge.vulnerabilities.push(Vulnerability {
                exploited: Some(date),
                summary: entry.vulnerability_name.as_ref().map(|name| summary(name)).unwrap_or_default(),
                ..Vulnerability::new(&*entry.cve)
            }),
            _ => knowledge.problems.push(Problem::new(
                ProblemKind::Malformed,
                one_line(&entry.cve, 60),
                "it is not a CVE id with the day on which it was added",
            )),
        }
    }
    Ok(knowledge)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = r#"{"title":"x","count":2,"vulnerabilities":[
        {"cveID":"CVE-2021-44228","vendorProject":"Apache","vulnerabilityName":"Log4j2","dateAdded":"2021-12-10"},
        {"cveID":"CVE-2021-44229","dateAdded":"soon"}]}"#;

    #[test]
    fn reads_days_and_tells_what_is_none() {
        let read = parse(TEXT.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(read.vulnerabilities.len(), 1);
        assert_eq!(read.vulnerabilities[0].exploited.as_deref(), Some("2021-12-10"));
        assert_eq!(read.vulnerabilities[0].summary, "Log4j2");
        assert_eq!(read.problems[0].subject, "CVE-2021-44229");
        assert!(parse(b"{}", &Limits::default()).is_err());
    }

    proptest! {
        #[test]
        fn changed_catalogues_are_refused_or_read(at in any::<proptest::sample::Index>(), with in "[\\[\\]{}\",:0-9a-z]{0,4}") {
            let mut text = TEXT.to_owned();
            let at = at.index(text.len());
            text.replace_range(at..=at, &with);
            let _ = parse(text.as_bytes(), &Limits::default());
        }
    }
}
