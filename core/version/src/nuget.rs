//! Versions of NuGet packages: one to four numbers and a prerelease whose case does not count
//! (learn.microsoft.com/nuget/concepts/package-versioning).

use std::cmp::Ordering;

use crate::text::{compare_dotted, require, split_once};
use crate::{Scheme, VersionError, semver};

/// Orders as `NuGet.Versioning.VersionComparer.VersionRelease` does; build metadata does not count.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (semver::Parts::split(a), semver::Parts::split(b));
    compare_dotted(a.core, b.core)
        .then_with(|| semver::compare_folded_prereleases(a.prerelease, b.prerelease))
}

/// Accepts what `NuGetVersion.Parse` accepts.
pub fn check(text: &str) -> Result<(), VersionError> {
    let text = text.trim_ascii();
    let (head, build) = split_once(text.as_bytes(), |byte| byte == b'+');
    let (core, prerelease) = split_once(head, |byte| byte == b'-');
    let numbers = core.split(|byte| *byte == b'.');
    let small = |part: &[u8]| std::str::from_utf8(part).is_ok_and(|part| part.parse::<i32>().is_ok());
    require(Scheme::Nuget, numbers.clone().count() <= 4, "it has more than four numbers")?;
    require(Scheme::Nuget, numbers.into_iter().all(small), "a part is not a number that NuGet can hold")?;
    let identifier = |part: &[u8]| {
        !part.is_empty() && part.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    };
    let labels =
        |text: Option<&[u8]>| text.is_none_or(|text| text.split(|byte| *byte == b'.').all(identifier));
    require(Scheme::Nuget, labels(prerelease), "an identifier of the prerelease is empty or foreign")?;
    require(Scheme::Nuget, labels(build), "an identifier of the metadata is empty or foreign")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_trailing_zeros_do_not_count() {
        assert_eq!(compare("1.0.0-BETA+x", "1.0-beta"), Ordering::Equal);
        assert_eq!(compare("1.0.0", "1.0.0.1-alpha"), Ordering::Less);
        assert_eq!(compare("1.0.0-beta", "1.0.0-BETA.1"), Ordering::Less);
    }

    #[test]
    fn there_are_four_numbers_at_most() {
        assert_eq!(check("1.2.3.4-rc.1"), Ok(()));
        for text in ["1.2.3.4.5", "1..2", "a", "", "2147483648", "1.0-"] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
