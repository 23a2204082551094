//! The small values of the format: durations, dates, patterns, names of rules.

use jiff::SignedDuration;
use jiff::civil::Date;

use super::reader::Reader;
use crate::mistake::{Mistake, shorten};
use crate::pattern::Pattern;
use crate::yaml::Node;

/// `7d`, `36h`, `2w`, `30m`, `90s`.
pub(super) fn duration(reader: &mut Reader, node: &Node) -> Option<SignedDuration> {
    let text = reader.text(node)?;
    let parsed = parse_duration(text);
    if parsed.is_none() {
        reader.wrong(
            node,
            format!("`{}` is not a duration", shorten(text)),
            "write a number and a unit: 90s, 30m, 36h, 7d, 2w",
        );
    }
    parsed
}

fn parse_duration(text: &str) -> Option<SignedDuration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let seconds: i64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    // A thousand years are enough, and keep every later sum in range.
    let total =
        number.parse::<i64>().ok()?.checked_mul(seconds).filter(|total| *total <= 366 * 86_400 * 1_000)?;
    Some(SignedDuration::from_secs(total))
}

pub(super) fn date(reader: &mut Reader, node: &Node) -> Option<Date> {
    let text = reader.text(node)?;
    let is_plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let parsed = text.parse::<Date>().ok().filter(|_| is_plain);
    if parsed.is_none() {
        reader.wrong(node, format!("`{}` is not a date", shorten(text)), "write year-month-day: 2026-12-31");
    }
    parsed
}

pub(super) fn pattern(reader: &mut Reader, node: &Node) -> Option<Pattern> {
    let text = reader.text(node)?;
    if text.len() > 256 {
        reader.note(Mistake::new(node.place.clone(), "longer than 256 bytes"));
        return None;
    }
    Some(Pattern::new(text))
}

/// The id of a rule: what verdicts and machines call it.
pub(super) fn rule_id(reader: &mut Reader, node: &Node) -> Option<String> {
    let text = reader.text(node)?;
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if text.len() > 64 || !text.bytes().all(allowed) {
        reader.wrong(
            node,
            format!("`{}` is not a name for a rule", shorten(text)),
            "use up to 64 lower-case letters, digits and hyphens: no-old-fixes",
        );
        return None;
    }
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in
            [("7d", 604_800), ("36h", 129_600), ("0d", 0), ("2w", 1_209_600), ("5m", 300), ("1s", 1)]
        {
            assert_eq!(parse_duration(text), Some(SignedDuration::from_secs(seconds)), "{text}");
        }
        for text in ["7", "d", "-7d", "7 d", "7days", "1.5d", "99999999999999999999d", "9999999999w", ""] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
