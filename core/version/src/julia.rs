//! Versions of Julia packages (`VersionNumber` of Base): semantic versions whose build counts, so that
//! a rebuilt binary package `1.2.3+1` follows `1.2.3+0`.

use std::cmp::Ordering;

use crate::text::split_run;
use crate::{Scheme, VersionError, dart, semver};

/// Orders as `isless(::VersionNumber, ::VersionNumber)` does. An empty prerelease (`1.0-`) is the first one.
pub fn compare(a: &str, b: &str) -> Ordering {
    dart::compare(a, b)
}

/// Accepts what `VersionNumber(text)` accepts: numbers may be missing, and so may the hyphen.
pub fn check(text: &str) -> Result<(), VersionError> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (core, rest) = text.split_at(end.unwrap_or(text.len()));
    semver::check_as(Scheme::Julia, core, 1..=3)?;
    let rest = rest.strip_prefix('-').unwrap_or(rest).as_bytes();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let (prerelease, build) = split_run(rest, plain);
    let build = build.strip_prefix(b"+").unwrap_or(build);
    let dots = |part: &[u8]| part.is_empty() || part.split(|byte| *byte == b'.').all(|id| !id.is_empty());
    if build.iter().all(|byte| plain(*byte)) && dots(prerelease) && dots(build) {
        Ok(())
    } else {
        Err(VersionError {
            scheme: Scheme::Julia,
            reason: "an identifier is empty or has a foreign character",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rebuilt_binaries_follow_each_other() {
        for pair in ["1.2.3-", "1.2.3-rc1", "1.2.3", "1.2.3+0", "1.2.3+1"].windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        for text in ["1", "v1.2", "1.2.3rc1", "1.2.3-rc.1+5", "1.0-"] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for text in ["", "x", "1.2.3.4", "1..2", "1.0-a..b", "1.0+a b"] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
