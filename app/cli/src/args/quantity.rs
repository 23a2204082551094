//! Sizes, times and pairs as people type them.

use std::time::Duration;

use lazaret_model::Platform;
use lazaret_source::Mirror;

const BINARY: u64 = 1024;
const DECIMAL: u64 = 1000;

/// Bytes: `1500`, `64MiB` (`64M` is the same), `2GB`.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no size: write 64MiB, 2GiB or a number of bytes");
    let (number, unit) = text.split_at(text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len()));
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let (base, letter) = match unit.trim_start().as_bytes() {
        [] | [b'B' | b'b'] => return positive(number),
        [letter] | [letter, b'i' | b'I', b'B' | b'b'] => (BINARY, letter),
        [letter, b'B' | b'b'] => (DECIMAL, letter),
        _ => return Err(wrong()),
    };
    let power = match letter.to_ascii_uppercase() {
        b'K' => 1,
        b'M' => 2,
        b'G' => 3,
        b'T' => 4,
        _ => return Err(wrong()),
    };
    number.checked_mul(base.pow(power)).ok_or_else(wrong).and_then(positive)
}

/// A bound of nothing would refuse everything.
fn positive(number: u64) -> Result<u64, String> {
    if number == 0 { Err("nothing would be read with a bound of 0".to_owned()) } else { Ok(number) }
}

/// `90s`, `10m`, `1h30m`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<jiff::SignedDuration>().ok().and_then(|it| Duration::try_from(it).ok());
    let duration = parsed.filter(|duration| !duration.is_zero());
    duration.ok_or_else(|| format!("`{text}` is no time: write 90s, 10m or 1h30m"))
}

/// `REGISTRY=ADDRESS`.
pub(super) fn mirror(text: &str) -> Result<Mirror, String> {
    let (of, address) = text.split_once('=').unwrap_or_default();
    // Who copies an address from a browser means its host.
    let host = |text: &str| {
        let text = text.trim();
        let text = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
        text.trim_end_matches('/').to_owned()
    };
    let (of, address) = (host(of), host(address));
    if of.is_empty() || address.is_empty() {
        return Err(format!("`{text}` names no mirror: write docker.io=mirror.example:5000"));
    }
    Ok(Mirror { of, address })
}

/// `linux/arm64`, `linux/arm/v7`.
pub(super) fn platform(text: &str) -> Result<Platform, String> {
    let mut parts = text.split('/').map(str::to_owned);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(os), Some(architecture), variant, None) if !text.split('/').any(str::is_empty) => {
            Ok(Platform { os, architecture, variant })
        }
        _ => Err(format!("`{text}` is no platform: write linux/arm64 or linux/arm/v7")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("1500", 1500),
            ("7B", 7),
            ("64MiB", 64 << 20),
            ("64m", 64 << 20),
            ("2GiB", 2 << 30),
            ("2GB", 2_000_000_000),
            ("1 TiB", 1 << 40),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in
            ["", "MiB", "-1", "1.5G", "1X", "1MiBB", "0", "99999999999999999999", "18446744073709551615K"]
        {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_have_units() {
        for (text, seconds) in [("90s", 90), ("10m", 600), ("1h30m", 5400)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "10", "-1s", "0s", "soon"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn mirrors_and_platforms_are_pairs() {
        let expected = Mirror { of: "docker.io".to_owned(), address: "m.example:5000/hub".to_owned() };
        for text in ["docker.io=m.example:5000/hub", "docker.io=https://m.example:5000/hub/"] {
            assert_eq!(mirror(text), Ok(expected.clone()));
        }
        for text in ["", "docker.io", "=m", "docker.io=", "docker.io=https://"] {
            assert!(mirror(text).is_err(), "{text}");
        }
        assert_eq!(platform("linux/arm/v7").unwrap().to_string(), "linux/arm/v7");
        for text in ["", "linux", "linux/", "/arm64", "linux/arm/v7/x"] {
            assert!(platform(text).is_err(), "{text}");
        }
    }
}
