//! Records of the CVE programme in its JSON format 5 (<https://cveproject.github.io/cve-schema/>), as the CVE list and
//! CISA's "vulnrichment" publish them.

use lazaret_model::{Limits, Problem, ProblemKind, Ssvc, Vulnerability};
use serde::Deserialize;
use serde_json::Value;

use super::knowledge::{CvssData, Description, Knowledge, Vectors, day, english, summary};
use super::line::one_line;
use super::parsed::{FeedError, check_size};
use super::text::Text;
use super::words::is_cve;

/// The name of this feed.
pub const FEED: &str = "cve";

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'd"), rename_all = "camelCase")]
struct Record<'d> {
    cve_metadata: Metadata<'d>,
    containers: Option<Containers<'d>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'd"), rename_all = "camelCase")]
struct Metadata<'d> {
    cve_id: Text<'d>,
    state: Option<Text<'d>>,
    date_published: Option<Text<'d>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'd"))]
struct Containers<'d> {
    cna: Option<Container<'d>>,
    adp: Option<Vec<Container<'d>>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'd"), rename_all = "camelCase")]
struct Container<'d> {
    provider_metadata: Option<Provider<'d>>,
    title: Option<Text<'d>>,
    descriptions: Option<Vec<Description<'d>>>,
    metrics: Option<Vec<Metric<'d>>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'd"), rename_all = "camelCase")]
struct Provider<'d> {
    short_name: Option<Text<'d>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'd"))]
struct Metric<'d> {
    #[serde(rename = "cvssV2_0")]
    v2: Option<CvssData<'d>>,
    #[serde(rename = "cvssV3_0")]
    v3_0: Option<CvssData<'d>>,
    #[serde(rename = "cvssV3_1")]
    v3_1: Option<CvssData<'d>>,
    #[serde(rename = "cvssV4_0")]
    v4_0: Option<CvssData<'d>>,
    other: Option<Other<'d>>,
}

/// What CISA adds: that a vulnerability is in its catalogue, and what it decided about it.
#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'd"))]
struct Other<'d> {
    #[serde(rename = "type")]
    kind: Option<Text<'d>>,
    content: Option<Content<'d>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'd"), rename_all = "camelCase")]
struct Content<'d> {
    date_added: Option<Text<'d>>,
    /// One point each.
    options: Option<Value>,
}

/// Reads one record.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Knowledge, FeedError> {
    check_size(bytes, limits)?;
    let record: Record<'_> =
        serde_json::from_slice(bytes).map_err(|error| FeedError::not("a CVE record", &error))?;
    let mut knowledge = Knowledge::default();
    if is_cve(&record.cve_metadata.cve_id) {
        knowledge.vulnerabilities.push(vulnerability(&record));
    } else {
        let subject = one_line(&record.cve_metadata.cve_id, 60);
        knowledge.problems.push(Problem::new(ProblemKind::Malformed, subject, "it is not a CVE id"));
    }
    Ok(knowledge)
}

fn vulnerability(record: &Record<'_>) -> Vulnerability {
    let metadata = &record.cve_metadata;
    let containers = record.containers.iter();
    let all = containers.flat_map(|of| of.cna.iter().chain(of.adp.iter().flatten()));
    let mut known = Vulnerability {
        withdrawn: metadata.state.as_ref().is_some_and(|state| state.eq_ignore_ascii_case("rejected")),
        published: metadata
            .date_published
            .as_ref()
            .and_then(|date| date.parse::<jiff::Timestamp>().ok())
            .map(|date| date.to_string()),
        ..Vulnerability::new(&*metadata.cve_id)
    };
    let mut vectors = Vectors::default();
    for container in all {
        let name = container.provider_metadata.as_ref().and_then(|provider| provider.short_name.as_ref());
        let who = name.map_or_else(|| FEED.to_owned(), |name| one_line(name, 80));
        if known.summary.is_empty() {
            let title = container.title.as_ref().map(|title| summary(title));
            known.summary = title.or_else(|| english(container.descriptions.as_deref())).unwrap_or_default();
        }
        for metric in container.metrics.iter().flatten() {
            for data in [&metric.v4_0, &metric.v3_1, &metric.v3_0, &metric.v2].into_iter().flatten() {
                vectors.add(&who, data);
            }
            let Some((kind, content)) =
                metric.other.as_ref().and_then(|other| other.kind.as_deref().zip(other.content.as_ref()))
            else {
                continue;
            };
            match kind {
                "kev" => known.exploited = known.exploited.or_else(|| day(content.date_added.as_ref()?)),
                "ssvc" => known.ssvc = known.ssvc.or_else(|| decided(content)),
                _ => {}
            }
        }
    }
    Vulnerability { cvss: vectors.into_list(), ..known }
}

fn decided(content: &Content<'_>) -> Option<Ssvc> {
    let mut ssvc = Ssvc::default();
    let options = content.options.iter().filter_map(Value::as_array).flatten();
    for (point, value) in options.filter_map(Value::as_object).flatten() {
        ssvc.decide(point, value.as_str().unwrap_or_default());
    }
    ssvc.if_decided()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RECORD: &str = r#"{"dataType":"CVE_RECORD","cveMetadata":{"cveId":"CVE-2021-44228","state":"PUBLISHED",
        "datePublished":"2021-12-10T00:00:00.000Z"},"containers":{"cna":{"title":"Log4j2",
        "providerMetadata":{"shortName":"apache"},"metrics":[{"other":{"type":"unknown","content":{"other":"critical"}}}]},
        "adp":[{"providerMetadata":{"shortName":"CISA-ADP"},"metrics":[{"cvssV3_1":{"version":"3.1",
        "vectorString":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H","baseScore":10}},
        {"other":{"type":"ssvc","content":{"id":"CVE-2021-44228","options":[{"Exploitation":"active"},{"Automatable":"yes"},
        {"Technical Impact":"total"}],"role":"CISA Coordinator","version":"2.0.3"}}},{"other":{"type":"kev","content":{"dateAdded":"2021-12-10"}}}]}]}}"#;

    #[test]
    fn reads_what_every_container_says() {
        let read = parse(RECORD.as_bytes(), &Limits::default()).unwrap();
        let [it] = &read.vulnerabilities[..] else { panic!("one record") };
        assert_eq!(it.cvss, [("CISA-ADP".into(), "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H".into())]);
        assert_eq!((it.summary.as_str(), it.exploited.as_deref()), ("Log4j2", Some("2021-12-10")));
        let points: Vec<_> = it.ssvc.unwrap().points().map(|(_, value)| value).collect();
        assert_eq!(points, ["active", "yes", "total"]);
        assert!(!it.withdrawn);
        let rejected = parse(RECORD.replace("PUBLISHED", "REJECTED").as_bytes(), &Limits::default()).unwrap();
        assert!(rejected.vulnerabilities[0].withdrawn);
        assert!(parse(b"{}", &Limits::default()).is_err());
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
