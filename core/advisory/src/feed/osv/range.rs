//! OSV events to stretches of versions (schema 1.x, "affected[].ranges[].events").

use lazaret_model::Ecosystem;
use lazaret_version::check;

use super::document::Event;

/// Vulnerable from `introduced` (`None`: from the first version) to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interval<'d> {
    pub(super) introduced: Option<&'d str>,
    pub(super) end: End<'d>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End<'d> {
    /// The first version that is not vulnerable.
    Fixed(&'d str),
    /// The last one that is.
    LastAffected(&'d str),
    Open,
}

impl<'d> Interval<'d> {
    /// This version and no other.
    pub(super) fn single(version: &'d str) -> Self {
        Self { introduced: Some(version), end: End::LastAffected(version) }
    }

    pub(super) fn contains(&self, ecosystem: Ecosystem, version: &str) -> bool {
        self.introduced.is_none_or(|introduced| ecosystem.compare(version, introduced).is_ge())
            && match self.end {
                End::Fixed(end) => ecosystem.compare(version, end).is_lt(),
                End::LastAffected(end) => ecosystem.compare(version, end).is_le(),
                End::Open => true,
            }
    }
}

/// The intervals that the events of one range describe, lowest first.
pub(super) fn intervals<'d>(
    ecosystem: Ecosystem,
    events: &'d [Event<'_>],
) -> Result<Vec<Interval<'d>>, &'static str> {
    let mut steps = Vec::with_capacity(events.len());
    for event in events {
        let (version, step) = match (&event.introduced, &event.fixed, &event.last_affected) {
            (Some(version), None, None) => (version, Step::Introduced),
            (None, Some(version), None) => (version, Step::Fixed),
            (None, None, Some(version)) => (version, Step::LastAffected),
            // `limit` stops the search of other tools through a repository: nothing for packages.
            (None, None, None) => continue,
            _ => return Err("an event says more than one thing"),
        };
        steps.push((checked(ecosystem, version)?, step));
    }
    // At one version, a fix closes what came before, and what begins there may end there.
    let is_zero = |(version, step): &(&str, Step)| *version == "0" && *step == Step::Introduced;
    steps.sort_by(|a, b| {
        is_zero(b).cmp(&is_zero(a)).then_with(|| ecosystem.compare(a.0, b.0)).then(a.1.cmp(&b.1))
    });
    let mut all = Vec::new();
    let mut open: Option<Option<&str>> = None;
    for (version, step) in steps {
        let end = match step {
            Step::Introduced => {
                open.get_or_insert_with(|| (version != "0").then_some(version));
                continue;
            }
            Step::Fixed => End::Fixed(version),
            Step::LastAffected => End::LastAffected(version),
        };
        if let Some(introduced) = open.take() {
            all.push(Interval { introduced, end });
        }
    }
    if let Some(introduced) = open {
        all.push(Interval { introduced, end: End::Open });
    }
    Ok(all)
}

/// In the order in which they count at one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Fixed,
    Introduced,
    LastAffected,
}

/// Longest version that is taken.
const MOST: usize = 200;

/// A version as it may stand in a row. Only dpkg's rules are strict enough to tell a slip by them.
pub(super) fn checked(ecosystem: Ecosystem, version: &str) -> Result<&str, &'static str> {
    if version.is_empty() || version.len() > MOST || version.contains(char::is_control) {
        return Err("a version is not one line of 1 to 200 bytes");
    }
    if ecosystem == Ecosystem::Deb && check(ecosystem.scheme(), version).is_err() {
        return Err("a version is not one that dpkg would accept");
    }
    Ok(version)
}

/// GitHub's note of how far versions were looked at: `<= 1.2` or `< 1.3`.
pub(super) fn last_known(text: &str) -> Option<End<'_>> {
    let rest = text.trim().strip_prefix('<')?;
    let (version, is_last) = rest.strip_prefix('=').map_or((rest, false), |rest| (rest, true));
    let version = version.trim();
    if version.is_empty() || version.contains([' ', ',']) {
        return None;
    }
    Some(if is_last { End::LastAffected(version) } else { End::Fixed(version) })
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use super::*;
    use crate::feed::text::Text;

    fn event(text: &str) -> Event<'static> {
        let (kind, version) = text.split_once(' ').unwrap();
        let is = |name: &str| (kind == name).then(|| Text(Cow::Owned(version.to_owned())));
        Event { introduced: is("introduced"), fixed: is("fixed"), last_affected: is("last") }
    }

    fn read(events: &[&str]) -> Vec<String> {
        let events: Vec<Event> = events.iter().map(|text| event(text)).collect();
        let text = |interval: Interval<'_>| {
            let start = interval.introduced.unwrap_or_default();
            match interval.end {
                End::Fixed(end) => format!("{start}..{end}"),
                End::LastAffected(end) => format!("{start}..={end}"),
                End::Open => format!("{start}.."),
            }
        };
        intervals(Ecosystem::Deb, &events).unwrap().into_iter().map(text).collect()
    }

    #[test]
    fn reads_events_in_any_order() {
        assert_eq!(read(&["introduced 0", "fixed 1.0-1"]), ["..1.0-1"]);
        assert_eq!(read(&["fixed 1.0-1", "introduced 0"]), ["..1.0-1"]);
        assert_eq!(read(&["introduced 0"]), [".."]);
        assert_eq!(
            read(&["introduced 2.0", "fixed 3.0", "introduced 0", "fixed 1.0"]),
            ["..1.0", "2.0..3.0"]
        );
        assert_eq!(read(&["introduced 1.0", "last 1.5-1"]), ["1.0..=1.5-1"]);
        assert_eq!(read(&["last 1.0", "introduced 1.0"]), ["1.0..=1.0"]);
        assert_eq!(read(&["introduced 0", "fixed 1.0", "introduced 1.0"]), ["..1.0", "1.0.."]);
        assert_eq!(read(&["introduced 0", "fixed 0~rc1"]), ["..0~rc1"], "0 is below everything");
        assert_eq!(read(&["fixed 1.0"]), [""; 0]);
        assert!(intervals(Ecosystem::Deb, &[event("fixed not a version")]).is_err());
        assert!(intervals(Ecosystem::Npm, &[event("fixed odd version")]).is_ok());
    }

    #[test]
    fn a_last_known_version_ends_a_range() {
        assert_eq!(last_known("<= 1.2"), Some(End::LastAffected("1.2")));
        assert_eq!(last_known("< 1.2 "), Some(End::Fixed("1.2")));
        assert_eq!(last_known(">= 1, < 2"), None);
        assert_eq!(last_known("< "), None);
    }

    proptest! {
        #[test]
        fn intervals_are_disjoint_and_ascending(events in proptest::collection::vec("(introduced|fixed|last) [0-9](\\.[0-9]-1)?", 0..8)) {
            let events: Vec<Event> = events.iter().map(|text| event(text)).collect();
            let all = intervals(Ecosystem::Deb, &events).unwrap();
            for pair in all.windows(2) {
                let end = match pair[0].end {
                    End::Fixed(end) | End::LastAffected(end) => end,
                    End::Open => panic!("nothing follows what is open"),
                };
                prop_assert!(Ecosystem::Deb.compare(end, pair[1].introduced.unwrap()).is_le());
            }
        }
    }
}
