use jiff::Timestamp;

/// `3 s`, `12 min`, `5 h`, `9 d` before now; the text itself where it is no time.
pub(crate) fn ago(at: &str, now: Timestamp) -> String {
    let Ok(at) = at.parse::<Timestamp>() else { return at.to_owned() };
    let seconds = now.as_second().saturating_sub(at.as_second()).max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// `2026-11-21 22:13:05Z`.
pub(crate) fn clock(at: &str) -> String {
    match at.parse::<Timestamp>() {
        Ok(at) => at.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
        Err(_) => at.to_owned(),
    }
}

/// `840 µs`, `12.5 ms`, `3.20 s`.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(crate) fn micros(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{:.1} ms", micros as f64 / 1e3),
        _ => format!("{:.2} s", micros as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        let now: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        assert_eq!(ago("2026-01-01T23:59:30Z", now), "30 s");
        assert_eq!(ago("2026-01-01T21:00:00Z", now), "3 h");
        assert_eq!(ago("2027-01-01T21:00:00Z", now), "0 s");
        assert_eq!(ago("?", now), "?");
        assert_eq!(clock("2026-01-01T21:00:00.123456Z"), "2026-01-01 21:00:00Z");
        assert_eq!([micros(840), micros(12_500), micros(3_200_000)], ["840 µs", "12.5 ms", "3.20 s"]);
    }
}
