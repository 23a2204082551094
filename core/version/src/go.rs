//! Versions of Go modules (go.dev/ref/mod#versions) and of the Go toolchain.

use std::cmp::Ordering;

use crate::text::{is_number, strip_word};
use crate::{Scheme, VersionError, semver};

/// Orders as `golang.org/x/mod/semver` does: what is no version sorts first, and all such texts are equal.
///
/// The `v` may be absent, as in the Go vulnerability database, and releases of the toolchain (`go1.21rc2`)
/// are read too. Pseudo versions are prereleases and `+incompatible` is build metadata.
pub fn compare(a: &str, b: &str) -> Ordering {
    match (is_version(a), is_version(b)) {
        (true, true) => semver::compare(bare(a), bare(b)),
        (a, b) => a.cmp(&b),
    }
}

/// Accepts what `semver.IsValid` of `golang.org/x/mod` accepts.
pub fn check(text: &str) -> Result<(), VersionError> {
    match text.strip_prefix('v') {
        Some(rest) => semver::check_as(Scheme::Go, rest, 1..=3),
        None => Err(VersionError { scheme: Scheme::Go, reason: "it does not start with `v`" }),
    }
}

/// Without the `v` of modules and the `go` of the toolchain.
fn bare(text: &str) -> &str {
    text.strip_prefix('v').or_else(|| text.strip_prefix("go")).unwrap_or(text)
}

fn is_version(text: &str) -> bool {
    let text = bare(text);
    if semver::check_as(Scheme::Go, text, 1..=3).is_ok() {
        return true;
    }
    let parts = semver::Parts::split(text);
    let core = parts.core.split(|byte| *byte == b'.').all(is_number);
    let toolchain = parts.prerelease.and_then(|rest| strip_word(rest, &["rc", "beta"]));
    core && !text.contains('-') && toolchain.is_some_and(|(_, number)| is_number(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pseudo_versions_sort_below_the_tag_that_follows() {
        let ascending = [
            "(devel)",
            "v0.0.0-20190101000000-abcdefabcdef",
            "v0.0.0-20220101000000-abcdefabcdef",
            "v1.2.3-0.20220101000000-abcdefabcdef",
            "1.2.3",
            "v2.0.0+incompatible",
        ];
        for pair in ascending.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        assert_eq!(compare("v2.0.0+incompatible", "2.0.0"), Ordering::Equal);
    }

    #[test]
    fn the_toolchain_has_versions_too() {
        for pair in ["go1.20.7", "go1.21rc2", "go1.21", "1.21.1"].windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        assert!(check("1.2.3").is_err());
    }
}
