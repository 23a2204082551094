//! When a request over HTTP is made again.

use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};

/// The longest wait that a server can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// Whether the same request may be answered otherwise a little later.
pub(crate) fn is_temporary(status: StatusCode) -> bool {
    status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED
        || status == StatusCode::TOO_MANY_REQUESTS
}

/// A wrong address stays wrong; all else on the way may pass.
pub(crate) fn may_pass(error: &reqwest::Error) -> bool {
    !error.is_builder() && !error.is_redirect()
}

/// How long the server asks to be left alone (RFC 9110, section 10.2.3).
pub(crate) fn retry_after(response: &Response) -> Option<Duration> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    asked_wait(response.headers(), i64::try_from(now.as_secs()).ok()?)
}

/// Seconds, or a date. A date is measured by the server's own clock where it tells it: ours may be wrong.
fn asked_wait(headers: &HeaderMap, now: i64) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let asked = text(RETRY_AFTER)?;
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let now = text(DATE).and_then(date).unwrap_or(now);
    let seconds = date(asked)?.saturating_sub(now);
    // What is over already is no wait.
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or_default()))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, and the two obsolete forms (RFC 9110, section 5.6.7), in seconds since 1970.
fn date(text: &str) -> Option<i64> {
    if let Ok(time) = jiff::fmt::rfc2822::parse(text) {
        return Some(time.timestamp().as_second());
    }
    // What the year's two digits mean depends on today; servers with such dates are older than this century's.
    ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"].iter().find_map(|format| {
        let time = jiff::civil::DateTime::strptime(format, text).ok()?;
        Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
    })
}

/// As long as was asked for, within bounds, else longer each time.
pub(crate) fn wait_for(asked: Option<Duration>, attempt: u32) -> Duration {
    asked.unwrap_or_else(|| back_off(attempt)).min(LONGEST_WAIT)
}

/// Doubles with each attempt; the clock's fraction keeps many clients from coming back at once.
pub(crate) fn back_off(attempt: u32) -> Duration {
    let base = FIRST_WAIT.saturating_mul(1 << attempt.saturating_sub(1).min(8));
    base + jitter(base)
}

pub(crate) fn jitter(most: Duration) -> Duration {
    let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.subsec_nanos());
    most.mul_f64(f64::from(nanos % 1000) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backs_off_further_each_time() {
        for attempt in 1..40 {
            let wait = back_off(attempt);
            assert!(wait >= FIRST_WAIT && wait <= Duration::from_secs(110), "{attempt}: {wait:?}");
        }
        assert!(back_off(3) >= back_off(1));
    }

    #[test]
    fn waits_are_asked_for_in_seconds_or_until_a_date() {
        let wait = |asked: &str, date: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, asked.parse().unwrap());
            date.map(|date| headers.insert(DATE, date.parse().unwrap()));
            asked_wait(&headers, 784_111_770).map(|wait| wait.as_secs())
        };
        assert_eq!(wait("120", None), Some(120));
        // The three forms of one moment, 784 111 777 seconds after 1970.
        for form in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            assert_eq!(wait(form, None), Some(7), "{form}");
            assert_eq!(wait(form, Some("Sun, 06 Nov 1994 08:49:30 GMT")), Some(7), "{form}");
            assert_eq!(wait(form, Some("Sun, 06 Nov 1994 08:50:00 GMT")), Some(0), "{form}");
        }
        for odd in ["-1", "soon", "", "Sun, 99 Nov 1994 08:49:37 GMT", "99999999999999999999999"] {
            assert_eq!(wait(odd, None), None, "{odd}");
        }
        assert_eq!(wait_for(Some(Duration::from_secs(u64::MAX)), 1), LONGEST_WAIT);
    }
}
