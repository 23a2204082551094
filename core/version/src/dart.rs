//! Versions of Dart packages on pub.dev: semantic versions whose build counts (package `pub_semver`).

use std::cmp::Ordering;

use crate::text::compare_dotted;
use crate::{Scheme, VersionError, semver};

/// Orders as `Version.compareTo` of `pub_semver` does: a version without build is below one with.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (semver::Parts::split(a), semver::Parts::split(b));
    compare_dotted(a.core, b.core)
        .then_with(|| semver::compare_prereleases(a.prerelease, b.prerelease))
        .then_with(|| match (a.build, b.build) {
            (Some(a), Some(b)) => semver::compare_identifiers(a, b, Ord::cmp),
            (a, b) => a.is_some().cmp(&b.is_some()),
        })
}

pub fn check(text: &str) -> Result<(), VersionError> {
    semver::check_as(Scheme::Pub, text, 3..=3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_count() {
        for pair in ["1.0.0-a", "1.0.0-a+1", "1.0.0", "1.0.0+2", "1.0.0+10", "1.0.0+a"].windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        assert!(check("1.0").is_err());
    }
}
