//! What feeds that know vulnerabilities, and no packages, give.

use lazaret_model::{Limits, Problem, Vulnerability};

use serde::Deserialize;

use super::line::one_line;
use super::parsed::FeedError;
use super::text::Text;
use super::{cve, epss, kev, nvd, vulnrichment};
use crate::database::Builder;

/// What a file about vulnerabilities gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Knowledge {
    /// Under ids of the form `CVE-2026-1234`.
    pub vulnerabilities: Vec<Vulnerability>,
    /// What could not be read, while the rest was.
    pub problems: Vec<Problem>,
}

/// A format of these feeds.
#[derive(Debug, Clone, Copy)]
pub struct KnowledgeFormat {
    /// The name of the feed.
    pub name: &'static str,
    /// One line for people: what it is, and whose.
    pub about: &'static str,
    /// One file of it is the whole feed.
    pub is_whole: bool,
    /// Reads one file, unpacked.
    pub parse: fn(&[u8], &Limits) -> Result<Knowledge, FeedError>,
    tells: fn(&str) -> bool,
}

/// Every one of them.
pub const KNOWLEDGE_FORMATS: &[KnowledgeFormat] = &[
    KnowledgeFormat {
        name: epss::FEED,
        about: "EPSS, CSV: probability of exploitation",
        is_whole: true,
        parse: epss::parse,
        tells: |head| head.starts_with("cve,epss") || head.starts_with('#') && head.contains("\ncve,epss"),
    },
    KnowledgeFormat {
        name: kev::FEED,
        about: "CISA's catalogue of known exploited vulnerabilities, JSON",
        is_whole: true,
        parse: kev::parse,
        tells: |head| head.starts_with('{') && head.contains("\"cveID\""),
    },
    KnowledgeFormat {
        name: nvd::FEED,
        about: "the NVD, JSON of its API 2.0",
        is_whole: false,
        parse: nvd::parse,
        tells: |head| head.starts_with('{') && head.contains("\"vulnStatus\""),
    },
    KnowledgeFormat {
        name: cve::FEED,
        about: "records of the CVE list, and CISA's vulnrichment, JSON format 5",
        is_whole: false,
        parse: cve::parse,
        tells: |head| head.starts_with('{') && head.contains("\"cveMetadata\""),
    },
    KnowledgeFormat {
        name: vulnrichment::FEED,
        about: "CISA's vulnrichment as a table, CSV: vectors of CVSS",
        is_whole: true,
        parse: vulnrichment::parse,
        tells: |head| {
            head.lines().next().is_some_and(|line| line.starts_with("cve,") && line.contains(",cvss_vector"))
        },
    },
];

/// The format of a file by its first characters, without blanks.
pub(super) fn detect_knowledge(head: &str) -> Option<&'static KnowledgeFormat> {
    KNOWLEDGE_FORMATS.iter().find(|format| (format.tells)(head))
}

impl Knowledge {
    /// Hands everything to a builder under the name of a feed, where each record takes the place of what the feed
    /// said of that vulnerability before.
    pub fn push_into(&self, feed: &str, builder: &mut Builder) {
        for vulnerability in &self.vulnerabilities {
            builder.forget(feed, &vulnerability.id);
            builder.push_vulnerability(feed, &vulnerability.id, vulnerability);
        }
    }
}

/// Longest summary that is kept.
const MOST_SUMMARY: usize = 240;

pub(super) fn summary(text: &str) -> String {
    one_line(text, MOST_SUMMARY)
}

/// A text in a language, as the NVD and the CVE programme write descriptions.
#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'd"))]
pub(super) struct Description<'d> {
    lang: Text<'d>,
    value: Text<'d>,
}

/// The summary of the first description in English.
pub(super) fn english(descriptions: Option<&[Description<'_>]>) -> Option<String> {
    let text = descriptions?.iter().find(|text| text.lang.starts_with("en"))?;
    Some(summary(&text.value))
}

/// A vector of any version of CVSS; what is computed from it is not read.
#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'd"), rename_all = "camelCase")]
pub(super) struct CvssData<'d> {
    vector_string: Option<Text<'d>>,
}

/// The vectors of one record, with who gave them.
#[derive(Debug, Default)]
pub(super) struct Vectors(Vec<(String, String)>);

/// Vectors of one record.
const MOST_VECTORS: usize = 100;

impl Vectors {
    pub(super) fn add(&mut self, who: &str, data: &CvssData<'_>) {
        if let Some(vector) = data.vector_string.as_ref().filter(|vector| vector.len() <= MOST_VECTOR)
            && self.0.len() < MOST_VECTORS
        {
            self.0.push((who.to_owned(), vector.to_string()));
        }
    }

    /// In one order, and each once.
    pub(super) fn into_list(mut self) -> Vec<(String, String)> {
        self.0.sort_unstable();
        self.0.dedup();
        self.0
    }
}

/// A day, as the catalogue of exploited vulnerabilities has it.
pub(super) fn day(text: &str) -> Option<String> {
    text.parse::<jiff::civil::Date>().is_ok().then(|| text.to_owned())
}

/// Longest vector that is kept.
pub(super) const MOST_VECTOR: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_tell_formats() {
        for (head, expected) in [
            ("#model_version:v1\ncve,epss,percentile\n", Some("epss")),
            ("cve,epss,percentile\n", Some("epss")),
            ("{\"vulnerabilities\":[{\"cveID\":\"CVE-1\"}]}", Some("kev")),
            ("{\"id\":\"CVE-1\",\"vulnStatus\":\"Modified\"}", Some("nvd")),
            ("{\"dataType\":\"CVE_RECORD\",\"cveMetadata\":{}}", Some("cve")),
            ("cve,state,cvss_type,cvss_vector\n", Some("vulnrichment")),
            ("cve,state\n", None),
            ("", None),
        ] {
            assert_eq!(detect_knowledge(head).map(|format| format.name), expected, "{head}");
        }
    }
}
