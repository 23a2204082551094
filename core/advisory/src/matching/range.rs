//! Whether a version lies in a stretch of versions.

use std::fmt;

use lazaret_model::{Advisory, AdvisoryStatus};
use lazaret_version::{Scheme, compare, deb};

/// A stretch of versions, in texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch<'a> {
    /// First version in it; `None`: from the first version on.
    pub(super) introduced: Option<&'a str>,
    /// Where it ends; `None`: nowhere.
    pub(super) end: Option<&'a str>,
    /// `end` is the last version in it, and not the first beyond.
    pub(super) inclusive: bool,
}

impl Stretch<'_> {
    /// Versions without a text are in no stretch.
    pub(super) fn contains(self, scheme: Scheme, version: &str) -> bool {
        !version.is_empty()
            && !self.ends_before(scheme, version)
            && self.introduced.is_none_or(|introduced| compare(scheme, version, introduced).is_ge())
    }

    /// Whether a version is beyond the end.
    pub(super) fn ends_before(self, scheme: Scheme, version: &str) -> bool {
        self.end.is_some_and(|end| {
            let order = compare(scheme, version, end);
            if self.inclusive { order.is_gt() } else { order.is_ge() || has_all_of(scheme, version, end) }
        })
    }

    /// Whether two stretches have a version in common.
    pub(super) fn overlaps(self, scheme: Scheme, other: Stretch<'_>) -> bool {
        let begins_within = |start: Option<&str>, stretch: Stretch<'_>| match (start, stretch.end) {
            (Some(start), Some(end)) => {
                let order = compare(scheme, start, end);
                order.is_lt() || (stretch.inclusive && order.is_eq())
            }
            _ => true,
        };
        begins_within(self.introduced, other) && begins_within(other.introduced, self)
    }
}

/// As people write ranges: `>= 1.0, < 1.2`.
impl fmt::Display for Stretch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.inclusive { "<=" } else { "<" };
        match (self.introduced, self.end) {
            (Some(introduced), Some(end)) if introduced == end => write!(f, "= {end}"),
            (Some(introduced), Some(end)) => write!(f, ">= {introduced}, {sign} {end}"),
            (Some(introduced), None) => write!(f, ">= {introduced}"),
            (None, Some(end)) => write!(f, "{sign} {end}"),
            (None, None) => f.write_str("every version"),
        }
    }
}

/// Whether a version has what a version above it has.
fn has_all_of(scheme: Scheme, version: &str, higher: &str) -> bool {
    scheme == Scheme::Deb && deb::is_rebuild_of(version, higher)
}

/// Whether an advisory says that this version of its package is vulnerable.
pub fn affects_version(advisory: &Advisory, version: &str) -> bool {
    advisory.status != AdvisoryStatus::NotAffected && speaks_of_version(advisory, version)
}

/// Whether a version of its package is among those that an advisory is about, be they vulnerable or not.
pub fn speaks_of_version(advisory: &Advisory, version: &str) -> bool {
    let end = advisory.fixed.as_deref().or(advisory.last_affected.as_deref());
    let stretch = Stretch {
        introduced: advisory.introduced.as_deref(),
        end,
        inclusive: advisory.fixed.is_none() && end.is_some(),
    };
    stretch.contains(advisory.ecosystem.scheme(), version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch<'a>(introduced: &'a str, end: &'a str, inclusive: bool) -> Stretch<'a> {
        let some = |text: &'a str| (!text.is_empty()).then_some(text);
        Stretch { introduced: some(introduced), end: some(end), inclusive }
    }

    #[test]
    fn ends_may_belong_to_a_stretch() {
        let within = |stretch: Stretch<'_>, version| stretch.contains(Scheme::Deb, version);
        assert!(within(stretch("1.0", "2.0", false), "1.0"));
        assert!(!within(stretch("1.0", "2.0", false), "2.0"));
        assert!(within(stretch("1.0", "2.0", true), "2.0"));
        assert!(!within(stretch("1.0", "2.0", true), "2.0.1"));
        assert!(within(stretch("", "", false), "0"));
        assert!(!within(stretch("", "", false), ""), "nothing is known of no version");
    }

    #[test]
    fn stretches_overlap_where_they_share_a_version() {
        let overlap = |a: Stretch<'_>, b: Stretch<'_>| {
            assert_eq!(a.overlaps(Scheme::Deb, b), b.overlaps(Scheme::Deb, a));
            a.overlaps(Scheme::Deb, b)
        };
        assert!(overlap(stretch("", "2", false), stretch("1", "", false)));
        assert!(!overlap(stretch("", "2", false), stretch("2", "", false)));
        assert!(overlap(stretch("", "2", true), stretch("2", "", false)));
        assert!(overlap(stretch("", "", false), stretch("", "1", false)));
    }
}
