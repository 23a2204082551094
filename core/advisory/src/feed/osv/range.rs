//! OSV events to intervals of versions (schema 1.x, "affected[].ranges[].events").

use lazaret_version::deb::{self, Version};

use super::document::Event;

/// Vulnerable from `introduced` (`None`: from the first version) up to below `fixed` (`None`: no fix).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) introduced: Option<String>,
    pub(super) fixed: Option<String>,
}

/// The intervals that the events of one range describe, lowest first.
///
/// "Last affected" closes an interval directly after its version (see [`deb::just_after`]).
pub(super) fn intervals(events: &[Event]) -> Result<Vec<Interval>, &'static str> {
    let mut steps = Vec::with_capacity(events.len());
    for event in events {
        steps.push(match (&event.introduced, &event.fixed, &event.last_affected) {
            (Some(version), None, None) => (checked(version)?.to_owned(), Step::Introduced),
            (None, Some(version), None) => (checked(version)?.to_owned(), Step::Fixed),
            (None, None, Some(version)) => (deb::just_after(checked(version)?), Step::Fixed),
            // `limit` stops the search of other tools through a repository: nothing for packages.
            (None, None, None) => continue,
            _ => return Err("an event says more than one thing"),
        });
    }
    // A fix and a return at one version: the fix closes what came before.
    steps.sort_by(|(a, is_a), (b, is_b)| deb::compare(a, b).then(is_a.cmp(is_b)));
    let mut all = Vec::new();
    let mut open: Option<Option<String>> = None;
    for (version, step) in steps {
        match step {
            Step::Introduced => {
                open.get_or_insert_with(|| (version != "0").then_some(version));
            }
            Step::Fixed => {
                if let Some(introduced) = open.take() {
                    all.push(Interval { introduced, fixed: Some(version) });
                }
            }
        }
    }
    if let Some(introduced) = open {
        all.push(Interval { introduced, fixed: None });
    }
    Ok(all)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Fixed,
    Introduced,
}

fn checked(version: &str) -> Result<&str, &'static str> {
    match Version::parse(version) {
        Ok(_) if version.len() <= 200 => Ok(version),
        _ => Err("a version is not one that dpkg would accept"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(text: &str) -> Event {
        let (kind, version) = text.split_once(' ').unwrap();
        let is = |name: &str| (kind == name).then(|| version.to_owned());
        Event { introduced: is("introduced"), fixed: is("fixed"), last_affected: is("last") }
    }

    fn read(events: &[&str]) -> Vec<(Option<String>, Option<String>)> {
        let events: Vec<Event> = events.iter().map(|text| event(text)).collect();
        intervals(&events)
            .unwrap()
            .into_iter()
            .map(|interval| (interval.introduced, interval.fixed))
            .collect()
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn reads_events_in_any_order() {
        assert_eq!(read(&["introduced 0", "fixed 1.0-1"]), [(None, some("1.0-1"))]);
        assert_eq!(read(&["fixed 1.0-1", "introduced 0"]), [(None, some("1.0-1"))]);
        assert_eq!(read(&["introduced 0"]), [(None, None)]);
        assert_eq!(
            read(&["introduced 2.0", "fixed 3.0", "introduced 0", "fixed 1.0"]),
            [(None, some("1.0")), (some("2.0"), some("3.0"))]
        );
        assert_eq!(read(&["introduced 1.0", "last 1.5-1"]), [(some("1.0"), some("1.5-1A~~~"))]);
        assert_eq!(
            read(&["introduced 0", "fixed 1.0", "introduced 1.0"]),
            [(None, some("1.0")), (some("1.0"), None)]
        );
        assert_eq!(read(&["fixed 1.0"]), []);
        assert!(intervals(&[event("fixed not a version")]).is_err());
    }

    proptest! {
        #[test]
        fn intervals_are_disjoint_and_ascending(events in proptest::collection::vec("(introduced|fixed|last) [0-9](\\.[0-9]-1)?", 0..8)) {
            let texts: Vec<&str> = events.iter().map(String::as_str).collect();
            let mut end: Option<String> = None;
            for (at, (introduced, fixed)) in read(&texts).into_iter().enumerate() {
                if at > 0 {
                    let (end, start) = (end.clone().unwrap(), introduced.clone().unwrap());
                    prop_assert!(deb::compare(&end, &start).is_le());
                }
                if let (Some(introduced), Some(fixed)) = (&introduced, &fixed) {
                    prop_assert!(deb::compare(introduced, fixed).is_le());
                }
                end = fixed;
            }
        }
    }
}
