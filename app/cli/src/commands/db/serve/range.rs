//! A part of a content (RFC 9110, section 14), and whether it is asked for at all (section 13).

use std::ops::Range;

use axum::http::HeaderMap;
use axum::http::header::{IF_NONE_MATCH, IF_RANGE, RANGE};

/// What of a content is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    All,
    Part(Range<u64>),
    /// The client has it already.
    Nothing,
    /// No part of the content was asked for.
    Impossible,
}

impl Wanted {
    pub(super) fn of(headers: &HeaderMap, etag: &str, length: u64) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(known) = text(IF_NONE_MATCH) {
            let is_same = |tag: &str| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag;
            if known.split(',').map(str::trim).any(is_same) {
                return Self::Nothing;
            }
        }
        // A part of another content would not fit to what the client has.
        if text(IF_RANGE).is_some_and(|expected| expected != etag) {
            return Self::All;
        }
        match text(RANGE).and_then(|range| range.trim().strip_prefix("bytes=")) {
            Some(range) => part(range.trim(), length),
            None => Self::All,
        }
    }
}

/// `a-b`, `a-` or `-n`. Several parts at once, and what is none, may be answered with the whole.
fn part(range: &str, length: u64) -> Wanted {
    let Some((first, last)) = range.split_once('-') else { return Wanted::All };
    let number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok())?;
    let part = match (first, last) {
        ("", "") => return Wanted::All,
        ("", count) => match number(count) {
            Some(count) => length.saturating_sub(count)..length,
            None => return Wanted::All,
        },
        (first, "") => match number(first) {
            Some(first) => first..length,
            None => return Wanted::All,
        },
        (first, last) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(length),
            _ => return Wanted::All,
        },
    };
    if part.start < part.end { Wanted::Part(part) } else { Wanted::Impossible }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(pairs: &[(&'static str, &str)]) -> Wanted {
        let headers = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        Wanted::of(&headers.collect(), "\"a\"", 100)
    }

    #[test]
    fn parts_are_within_the_content() {
        for (range, expected) in [
            ("bytes=0-9", Wanted::Part(0..10)),
            ("bytes=90-", Wanted::Part(90..100)),
            ("bytes=-10", Wanted::Part(90..100)),
            ("bytes=-1000", Wanted::Part(0..100)),
            ("bytes=50-18446744073709551615", Wanted::Part(50..100)),
            ("bytes=100-", Wanted::Impossible),
            ("bytes=-0", Wanted::Impossible),
            ("bytes=9-1", Wanted::All),
            ("bytes=0-1,5-6", Wanted::All),
            ("bytes=+1-2", Wanted::All),
            ("bytes=99999999999999999999-", Wanted::All),
            ("lines=1-2", Wanted::All),
            ("bytes=-", Wanted::All),
        ] {
            assert_eq!(wanted(&[("range", range)]), expected, "{range}");
        }
    }

    #[test]
    fn what_is_known_is_not_sent_again() {
        for known in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "*"] {
            assert_eq!(wanted(&[("if-none-match", known)]), Wanted::Nothing);
        }
        assert_eq!(wanted(&[("if-none-match", "\"b\"")]), Wanted::All);
        assert_eq!(wanted(&[("range", "bytes=1-"), ("if-range", "\"a\"")]), Wanted::Part(1..100));
        assert_eq!(wanted(&[("range", "bytes=1-"), ("if-range", "\"b\"")]), Wanted::All);
    }
}
