//! Versions of R packages (`package_version` of base R).

use std::cmp::Ordering;

use crate::text::{is_number, require};
use crate::{Scheme, VersionError, hackage};

/// Orders lists of numbers between dots or hyphens; leading zeros do not count and fewer numbers are lower.
pub fn compare(a: &str, b: &str) -> Ordering {
    hackage::compare_lists(a, b, separates)
}

/// Accepts what `package_version` accepts: at least two numbers.
pub fn check(text: &str) -> Result<(), VersionError> {
    let mut parts = text.as_bytes().split(|byte| separates(*byte));
    require(Scheme::Cran, parts.clone().count() >= 2, "it has fewer than two numbers")?;
    require(Scheme::Cran, parts.all(is_number), "a part is not a number")
}

fn separates(byte: u8) -> bool {
    matches!(byte, b'.' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_and_hyphens_are_alike() {
        assert_eq!(compare("0.01-0", "0.1.0"), Ordering::Equal);
        assert_eq!(compare("1.9", "1.9.0"), Ordering::Less);
        assert_eq!(compare("0.9", "0.75"), Ordering::Less);
        assert_eq!(check("1.2-3"), Ok(()));
        for text in ["1", "1.a", "1..2", ""] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
