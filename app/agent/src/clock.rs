//! Times as the REST API writes them.

use jiff::Timestamp;

/// Now, RFC 3339 in UTC with microseconds: fine enough to order events by eye.
pub fn now() -> String {
    rfc3339(Timestamp::now())
}

pub fn rfc3339(at: Timestamp) -> String {
    format!("{at:.6}")
}
