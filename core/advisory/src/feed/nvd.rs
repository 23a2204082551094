//! CVE records of the NVD: pages of its API 2.0 (<https://nvd.nist.gov/developers/vulnerabilities>), and single
//! records out of them.

use lazaret_model::{Limits, Problem, ProblemKind, Vulnerability};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::knowledge::{CvssData, Description, Knowledge, Vectors, day, english};
use super::line::one_line;
use super::parsed::{FeedError, check_size};
use super::text::Text;
use super::words::is_cve;

/// The name of this feed.
pub const FEED: &str = "nvd";

/// What tells a page, an element of one, and a record apart.
#[derive(Deserialize)]
struct Shape {
    vulnerabilities: Option<IgnoredAny>,
    cve: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'd"))]
struct Page<'d> {
    vulnerabilities: Vec<Entry<'d>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'd"))]
struct Entry<'d> {
    cve: Record<'d>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'd"), rename_all = "camelCase")]
struct Record<'d> {
    id: Text<'d>,
    published: Option<Text<'d>>,
    vuln_status: Option<Text<'d>>,
    cisa_exploit_add: Option<Text<'d>>,
    descriptions: Option<Vec<Description<'d>>>,
    metrics: Option<Metrics<'d>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'd"))]
struct Metrics<'d> {
    #[serde(rename = "cvssMetricV2")]
    v2: Option<Vec<Metric<'d>>>,
    #[serde(rename = "cvssMetricV30")]
    v3_0: Option<Vec<Metric<'d>>>,
    #[serde(rename = "cvssMetricV31")]
    v3_1: Option<Vec<Metric<'d>>>,
    #[serde(rename = "cvssMetricV40")]
    v4_0: Option<Vec<Metric<'d>>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'd"), rename_all = "camelCase")]
struct Metric<'d> {
    source: Option<Text<'d>>,
    cvss_data: CvssData<'d>,
}

/// Reads a page of the API, an element of one, or a record alone.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Knowledge, FeedError> {
    check_size(bytes, limits)?;
    let records = records(bytes).map_err(|error| FeedError::not("a page or a record of the NVD", &error))?;
    let mut knowledge = Knowledge::default();
    for record in records {
        if is_cve(&record.id) {
            knowledge.vulnerabilities.push(vulnerability(&record));
        } else {
            let subject = one_line(&record.id, 60);
            knowledge.problems.push(Problem::new(ProblemKind::Malformed, subject, "it is not a CVE id"));
        }
    }
    Ok(knowledge)
}

fn records(bytes: &[u8]) -> Result<Vec<Record<'_>>, serde_json::Error> {
    let shape: Shape = serde_json::from_slice(bytes)?;
    Ok(match (shape.vulnerabilities, shape.cve) {
        (Some(_), _) => {
            let page: Page<'_> = serde_json::from_slice(bytes)?;
            page.vulnerabilities.into_iter().map(|entry| entry.cve).collect()
        }
        (None, Some(_)) => vec![serde_json::from_slice::<Entry<'_>>(bytes)?.cve],
        (None, None) => vec![serde_json::from_slice(bytes)?],
    })
}

fn vulnerability(record: &Record<'_>) -> Vulnerability {
    let withdrawn = record.vuln_status.as_ref().is_some_and(|status| status.eq_ignore_ascii_case("rejected"));
    let mut vectors = Vectors::default();
    let metrics = record.metrics.iter().flat_map(|of| [&of.v4_0, &of.v3_1, &of.v3_0, &of.v2]);
    for metric in metrics.flatten().flatten() {
        vectors.add(&who(metric.source.as_deref()), &metric.cvss_data);
    }
    Vulnerability {
        cvss: vectors.into_list(),
        exploited: record.cisa_exploit_add.as_ref().and_then(|date| day(date)),
        summary: english(record.descriptions.as_deref()).unwrap_or_default(),
        published: record.published.as_ref().and_then(|date| timestamp(date)),
        withdrawn,
        ..Vulnerability::new(&*record.id)
    }
}

fn who(source: Option<&str>) -> String {
    match source {
        None | Some("nvd@nist.gov") => FEED.to_owned(),
        Some(source) => one_line(source, 80),
    }
}

/// The NVD's times are of UTC and don't say so.
fn timestamp(text: &str) -> Option<String> {
    let date: jiff::civil::DateTime = text.trim_end_matches('Z').parse().ok()?;
    date.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|date| date.timestamp().to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RECORD: &str = r#"{"id":"CVE-2023-4863","published":"2023-09-12T15:15:24.327","vulnStatus":"Modified",
        "cisaExploitAdd":"2023-09-13","descriptions":[{"lang":"es","value":"x"},{"lang":"en","value":"Heap\n overflow"}],
        "metrics":{"cvssMetricV31":[{"source":"nvd@nist.gov","type":"Primary","cvssData":{"version":"3.1",
        "vectorString":"CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H","baseScore":8.8}}],
        "cvssMetricV2":[{"source":"a@example.org","cvssData":{"vectorString":"AV:N/AC:L/Au:N/C:N/I:N/A:C"}}]}}"#;

    #[test]
    fn reads_pages_and_records() {
        let page = format!(r#"{{"format":"NVD_CVE","vulnerabilities":[{{"cve":{RECORD}}}]}}"#);
        let read = parse(page.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(read, parse(RECORD.as_bytes(), &Limits::default()).unwrap());
        let [it] = &read.vulnerabilities[..] else { panic!("one record") };
        assert_eq!(it.cvss[1], ("nvd".into(), "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H".into()));
        assert_eq!(it.cvss[0].0, "a@example.org");
        assert_eq!((it.summary.as_str(), it.exploited.as_deref()), ("Heap overflow", Some("2023-09-13")));
        assert_eq!((it.published.as_deref(), it.withdrawn), (Some("2023-09-12T15:15:24.327Z"), false));
        let rejected = parse(RECORD.replace("Modified", "Rejected").as_bytes(), &Limits::default()).unwrap();
        assert!(rejected.vulnerabilities[0].withdrawn);
        let odd = parse(RECORD.replace("CVE-2023-4863", "X").as_bytes(), &Limits::default()).unwrap();
        assert_eq!((odd.vulnerabilities.len(), odd.problems.len()), (0, 1));
        assert!(parse(b"[]", &Limits::default()).is_err());
    }

    proptest! {
        #[test]
        fn changed_records_are_refused_or_read(at in any::<proptest::sample::Index>(), with in "[\\[\\]{}\",:0-9a-z]{0,4}") {
            let mut text = RECORD.to_owned();
            let at = at.index(text.len());
            text.replace_range(at..=at, &with);
            let _ = parse(text.as_bytes(), &Limits::default());
        }
    }
}
