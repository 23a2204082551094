use jiff::SignedDuration;

/// `9 days`, `36 hours`: the largest unit of which there are at least two.
pub(crate) fn words(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    for (unit, size) in [("day", 86_400), ("hour", 3_600), ("minute", 60)] {
        if seconds >= 2 * size || (seconds == size) {
            return number(seconds / size, unit);
        }
    }
    number(seconds, "second")
}

fn number(count: i64, unit: &str) -> String {
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn largest_unit_that_says_enough() {
        for (seconds, text) in [
            (0, "0 seconds"),
            (90, "90 seconds"),
            (3_600, "1 hour"),
            (90_000, "25 hours"),
            (86_400, "1 day"),
            (777_600, "9 days"),
        ] {
            assert_eq!(words(SignedDuration::from_secs(seconds)), text);
        }
    }
}
