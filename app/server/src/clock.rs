use jiff::{Timestamp, Unit};

/// The present time as it is written everywhere: RFC 3339 in UTC, to the millisecond.
pub(crate) fn now() -> String {
    let now = Timestamp::now();
    now.round(Unit::Millisecond).unwrap_or(now).to_string()
}

/// When a secret that lives `seconds` from now ends.
pub(crate) fn after(seconds: u64) -> Option<String> {
    let span = jiff::SignedDuration::from_secs(i64::try_from(seconds).ok()?);
    Timestamp::now().checked_add(span).ok()?.round(Unit::Second).ok().map(|end| end.to_string())
}

/// Seconds from one time to another; `None` if one of them is not a time.
pub(crate) fn seconds_between(from: &str, to: &str) -> Option<f64> {
    let (from, to): (Timestamp, Timestamp) = (from.parse().ok()?, to.parse().ok()?);
    Some(to.duration_since(from).as_secs_f64())
}
