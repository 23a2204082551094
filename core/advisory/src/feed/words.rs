//! Words that publishers share: ratings and ids.

use lazaret_model::Severity;

/// A rating in a word, as vendors write them.
pub(super) fn severity(word: &str) -> Severity {
    let word = word.trim();
    const WORDS: &[(&str, Severity)] = &[
        ("moderate", Severity::Medium),
        ("important", Severity::High),
        // Ubuntu's word for the lowest rating.
        ("negligible", Severity::Low),
        // Debian's word for what has no security impact in practice.
        ("unimportant", Severity::None),
    ];
    let known =
        WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, severity)| *severity);
    known.or_else(|| Severity::from_name(word)).unwrap_or(Severity::Unknown)
}

/// The rating that a score of CVSS stands for (CVSS v3.1, "Qualitative Severity Rating Scale").
pub(super) fn severity_of_score(score: f64) -> Severity {
    match score {
        score if score >= 9.0 => Severity::Critical,
        score if score >= 7.0 => Severity::High,
        score if score >= 4.0 => Severity::Medium,
        score if score > 0.0 => Severity::Low,
        _ => Severity::Unknown,
    }
}

/// `CVE-2026-1234`: the year and at least four digits (CVE record format, "cveId").
pub(super) fn is_cve(id: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    id.strip_prefix("CVE-").and_then(|rest| rest.split_once('-')).is_some_and(|(year, number)| {
        year.len() == 4 && digits(year) && (4..=19).contains(&number.len()) && digits(number)
    })
}

/// An id of any publisher: one word that has a digit, and a dash or a colon unless it is short.
pub(super) fn is_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':' | b'/');
    (3..=100).contains(&id.len())
        && id.starts_with(|first: char| first.is_ascii_alphabetic())
        && id.bytes().all(plain)
        && id.bytes().any(|byte| byte.is_ascii_digit())
}

/// The ids of CVEs in a text, in their order.
pub(super) fn cves(text: &str) -> impl Iterator<Item = &str> {
    let starts = text.match_indices("CVE-").map(|(at, _)| &text[at..]);
    starts.filter_map(|rest| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let end = rest.bytes().position(|byte| !plain(byte)).unwrap_or(rest.len());
        rest.get(..end).filter(|id| is_cve(id))
    })
}

/// What one statement is about: CVEs, each to be told by itself, else the first of other ids; and the others.
pub(super) fn ids<'i>(all: impl IntoIterator<Item = &'i str>) -> (Vec<&'i str>, Vec<&'i str>) {
    let (mut named, mut others): (Vec<&str>, Vec<&str>) =
        all.into_iter().filter(|id| is_id(id)).partition(|id| is_cve(id));
    if named.is_empty() && !others.is_empty() {
        named.push(others.remove(0));
    }
    (named, others)
}

/// `2024-10-01 18:58:50`, `2024-10-01`, `2024-10-01T18:58:50Z` to RFC 3339.
pub(super) fn timestamp(text: &str) -> Option<String> {
    let text = text.trim();
    let (day, rest) = (text.get(..10)?, text.get(10..)?);
    let digits = |range: std::ops::Range<usize>| day.as_bytes()[range].iter().all(u8::is_ascii_digit);
    let is_day = digits(0..4) && digits(5..7) && digits(8..10) && day[4..5] == *"-" && day[7..8] == *"-";
    if !is_day || !text.is_ascii() || day.starts_with("0001") {
        return None;
    }
    let time = rest.strip_prefix(['T', ' ']).and_then(|time| time.get(..8)).filter(|time| {
        let byte = |at: usize, byte: u8| time.as_bytes()[at] == byte;
        byte(2, b':') && byte(5, b':') && time.bytes().filter(u8::is_ascii_digit).count() == 6
    });
    let moment = format!("{day}T{}Z", time.unwrap_or("00:00:00"));
    moment.parse::<jiff::Timestamp>().ok().map(|moment| moment.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stand_in_texts() {
        let found: Vec<_> = cves("CVE:1:CVE-2019-16168, Mitre CVE-1999-0524 CVE-12 CVE-2020-1234x").collect();
        assert_eq!(found, ["CVE-2019-16168", "CVE-1999-0524"]);
        assert_eq!(ids(["XSA-1", "CVE-2020-1234", "(BGP)"]), (vec!["CVE-2020-1234"], vec!["XSA-1"]));
        assert_eq!(ids(["XSA-1", "VSV00001"]), (vec!["XSA-1"], vec!["VSV00001"]));
        assert_eq!(ids(["N/A"]), (vec![], vec![]));
    }

    #[test]
    fn days_become_timestamps() {
        assert_eq!(timestamp("2024-10-01").as_deref(), Some("2024-10-01T00:00:00Z"));
        assert_eq!(timestamp("2024-10-01 18:58:50").as_deref(), Some("2024-10-01T18:58:50Z"));
        for text in ["", "2024", "2024-13-01", "0001-01-01T00:00:00Z", "2024-1ä-01T", "20ä4-10-01"] {
            assert_eq!(timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn ratings_are_words() {
        assert_eq!(severity(" IMPORTANT "), Severity::High);
        assert_eq!((severity("Critical"), severity("N/A")), (Severity::Critical, Severity::Unknown));
    }
}
