//! Versions of npm packages: semantic versions as node-semver reads them.

use std::cmp::Ordering;

use crate::text::{compare_numbers, require, split_run};
use crate::{Scheme, VersionError, semver};

/// The longest text and the highest number that node-semver accepts (`MAX_LENGTH`, `MAX_SAFE_INTEGER`).
const LONGEST: usize = 256;
const HIGHEST: &[u8] = b"9007199254740991";

/// Orders as `semver.compare(a, b, {loose: true})` does: also `= v1.2.3` and `1.2.3beta` are read.
pub fn compare(a: &str, b: &str) -> Ordering {
    semver::compare(a, b)
}

/// Accepts what `semver.valid` accepts.
pub fn check(text: &str) -> Result<(), VersionError> {
    let text = text.trim_ascii();
    let text = text.strip_prefix('v').unwrap_or(text);
    require(Scheme::Npm, text.len() <= LONGEST, "it is longer than 256 characters")?;
    semver::check_as(Scheme::Npm, text, 3..=3)?;
    let (core, _) = split_run(text.as_bytes(), |byte| byte.is_ascii_digit() || byte == b'.');
    let small = core.split(|byte| *byte == b'.').all(|part| compare_numbers(part, HIGHEST).is_le());
    require(Scheme::Npm, small, "a number is above the highest that JavaScript counts exactly")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_node_semver_reads() {
        assert_eq!(compare(" = v1.2.3", "1.2.3+build"), Ordering::Equal);
        assert_eq!(compare("1.2.3-r100", "1.2.3-R2"), Ordering::Greater);
        assert_eq!(check("v9007199254740991.0.0"), Ok(()));
        assert!(check("9007199254740992.0.0").is_err());
    }
}
