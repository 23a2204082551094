//! EPSS: the probability that a vulnerability is exploited within 30 days, as FIRST publishes it every day
//! (<https://www.first.org/epss/data_stats>): lines `cve,epss,percentile`, after a comment and a heading.

use lazaret_model::{Limits, Problem, ProblemKind, Vulnerability};

use super::knowledge::Knowledge;
use super::parsed::{FeedError, check_size};
use super::words::is_cve;

/// The name of this feed.
pub const FEED: &str = "epss";

/// Problems that one file may give; the last one says that there are more.
const MOST_PROBLEMS: usize = 100;

/// Reads a file of scores.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Knowledge, FeedError> {
    check_size(bytes, limits)?;
    let mut knowledge = Knowledge::default();
    let mut columns = None;
    for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = String::from_utf8_lossy(line);
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fields: Vec<&str> = line.splitn(16, ',').map(str::trim).collect();
        let Some((id, score)) = columns else {
            let column = |name: &str| fields.iter().position(|field| *field == name);
            let heading = column("cve").zip(column("epss"));
            let reason = || {
                let why = "it has no line `cve,epss,…` at its beginning";
                FeedError::not("a table of EPSS scores", &why)
            };
            columns = Some(heading.ok_or_else(reason)?);
            continue;
        };
        let score = fields.get(score).and_then(|score| millionths(score));
        match (fields.get(id).filter(|id| is_cve(id)), score) {
            (Some(id), Some(score)) => {
                knowledge
                    .vulnerabilities
                    .push(Vulnerability { epss: Some(score), ..Vulnerability::new(*id) });
            }
            _ if knowledge.problems.len() < MOST_PROBLEMS => {
                let reason = "it is not an id and a probability from 0 to 1";
                knowledge.problems.push(Problem::new(
                    ProblemKind::Malformed,
                    format!("line {}", number + 1),
                    reason,
                ));
            }
            _ if knowledge.problems.len() == MOST_PROBLEMS => {
                let reason = "more lines than these are malformed";
                knowledge.problems.push(Problem::new(ProblemKind::Limit, "further lines", reason));
            }
            _ => {}
        }
    }
    Ok(knowledge)
}

/// `0.033510000` in millionths, rounded.
fn millionths(text: &str) -> Option<u32> {
    let value: f64 = text.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 0 to a million")]
    (0.0..=1.0).contains(&value).then(|| (value * 1e6).round() as u32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_scores_and_tells_what_is_none() {
        let text = "#model_version:v2025.03.14,score_date:2026-08-16T00:00:00Z\ncve,epss,percentile\n\
            CVE-1999-0001,0.033510000,0.876500000\r\nCVE-2024-12345,1,1\nCVE-2024-0001,2,1\nx,0.1,0\n";
        let read = parse(text.as_bytes(), &Limits::default()).unwrap();
        let scores: Vec<_> = read.vulnerabilities.iter().map(|it| (it.id.as_str(), it.epss)).collect();
        assert_eq!(scores, [("CVE-1999-0001", Some(33_510)), ("CVE-2024-12345", Some(1_000_000))]);
        assert_eq!(read.problems.len(), 2);
        assert_eq!(read.problems[0].subject, "line 5");
        assert!(parse(b"a,b\n", &Limits::default()).is_err());
        assert_eq!(parse(b"", &Limits::default()).unwrap(), Knowledge::default());
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes, &Limits::default());
        }

        #[test]
        fn any_lines_are_read(lines in "(CVE-2024-[0-9]{3,5},[0-9.e-]{0,5},?\n){0,9}") {
            let text = format!("cve,epss\n{lines}");
            let read = parse(text.as_bytes(), &Limits::default()).unwrap();
            prop_assert_eq!(read.vulnerabilities.len() + read.problems.len(), lines.lines().count());
        }
    }
}
