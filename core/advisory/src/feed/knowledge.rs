//! What feeds that know vulnerabilities, and no packages, give.

use lazaret_model::{Limits, Problem, Vulnerability};

use super::line::one_line;
use crate::database::Builder;

/// What a file about vulnerabilities gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Knowledge {
    /// Under ids of the form `CVE-2026-1234`.
    pub vulnerabilities: Vec<Vulnerability>,
    /// What could not be read, while the rest was.
    pub problems: Vec<Problem>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KnowledgeError {
    #[error("the file has {bytes} bytes, and at most {limit} are read")]
    Size { bytes: usize, limit: u64 },
    #[error("the file is not {expected}: {reason}")]
    Format { expected: &'static str, reason: String },
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

pub(super) fn check_size(bytes: &[u8], limits: &Limits) -> Result<(), KnowledgeError> {
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limits.kept_bytes {
        return Err(KnowledgeError::Size { bytes: bytes.len(), limit: limits.kept_bytes });
    }
    Ok(())
}

pub(super) fn not(expected: &'static str, error: &serde_json::Error) -> KnowledgeError {
    KnowledgeError::Format { expected, reason: error.to_string() }
}

/// Longest summary that is kept.
const MOST_SUMMARY: usize = 240;

pub(super) fn summary(text: &str) -> String {
    one_line(text, MOST_SUMMARY)
}

/// `CVE-2026-1234`: the year and at least four digits (CVE record format, "cveId").
pub(super) fn is_cve(id: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    id.strip_prefix("CVE-").and_then(|rest| rest.split_once('-')).is_some_and(|(year, number)| {
        year.len() == 4 && digits(year) && (4..=19).contains(&number.len()) && digits(number)
    })
}

/// Longest vector that is kept.
pub(super) const MOST_VECTOR: usize = 400;
