//! Versions of Bitnami images and packages: semantic versions whose suffix is a revision, that is, a later
//! build (github.com/bitnami/go-version).

use std::cmp::Ordering;

use crate::text::compare_dotted;
use crate::{Scheme, VersionError, semver};

/// `1.2.3 < 1.2.3-1 < 1.2.3-2 < 1.2.4`.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (semver::Parts::split(a), semver::Parts::split(b));
    compare_dotted(a.core, b.core).then_with(|| match (a.prerelease, b.prerelease) {
        (Some(a), Some(b)) => semver::compare_identifiers(a, b, Ord::cmp),
        (a, b) => a.is_some().cmp(&b.is_some()),
    })
}

pub fn check(text: &str) -> Result<(), VersionError> {
    semver::check_as(Scheme::Bitnami, text, 3..=3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_are_later() {
        for pair in ["1.2.2-9", "1.2.3", "1.2.3-1", "1.2.3-10", "1.2.4"].windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
    }
}
