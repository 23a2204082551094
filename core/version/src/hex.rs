//! Versions of Elixir and Erlang packages on hex.pm (module `Version` of Elixir).

use std::cmp::Ordering;

use crate::{Scheme, VersionError, semver};

pub fn compare(a: &str, b: &str) -> Ordering {
    semver::compare(a, b)
}

/// Accepts what `Version.parse` accepts: always three numbers.
pub fn check(text: &str) -> Result<(), VersionError> {
    semver::check_as(Scheme::Hex, text, 3..=3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_numbers_are_needed() {
        assert_eq!(check("1.0.0-rc.0"), Ok(()));
        assert!(check("1.0").is_err());
        assert_eq!(compare("1.0.0-rc.10", "1.0.0-rc.9"), Ordering::Greater);
    }
}
