//! Several feeds speak of one vulnerability: one row for each stretch of vulnerable versions.

use std::cmp::Ordering;

use lazaret_model::{Advisory, AdvisoryStatus, NamedPackage};

/// Sorts advisories into the order of the file and merges those of one (id, package, release) whose
/// vulnerable versions overlap.
///
/// Of two such the lowest `introduced` and the lowest known `fixed` are kept, with the feed that said the
/// latter: a release's own rebuild has the fix under a lower version than the upload that it comes from.
/// The highest severity, the earliest publication, all aliases and the first summary that says something
/// are kept too. An advisory that no version can be affected by (`fixed` at or below `introduced`) is left
/// out. The result depends on the advisories alone, not on the order they came in.
pub(super) fn merge(mut all: Vec<Advisory>) -> Vec<Advisory> {
    all.retain(|row| match (&row.introduced, &row.fixed) {
        (Some(start), Some(end)) => row.ecosystem.compare(start, end).is_lt(),
        _ => true,
    });
    all.sort_by(order);
    let mut merged: Vec<Advisory> = Vec::with_capacity(all.len());
    for next in all {
        match merged.last_mut() {
            Some(last) if same_subject(last, &next) && overlaps(last, &next) => absorb(last, next),
            _ => merged.push(next),
        }
    }
    for row in &mut merged {
        row.aliases.sort();
        row.aliases.dedup();
        row.aliases.retain(|alias| *alias != row.id);
    }
    merged
}

type Subject<'a> = (u8, &'a str, &'a str, &'a str, NamedPackage, &'a Option<String>, AdvisoryStatus);

fn subject(row: &Advisory) -> Subject<'_> {
    let ecosystem = super::row::ecosystem_code(row.ecosystem);
    (ecosystem, &row.release, &row.package, &row.id, row.names, &row.module, row.status)
}

/// Lowest interval first; equal versions in other spellings, and everything else, by their text.
fn order(a: &Advisory, b: &Advisory) -> Ordering {
    let compare = |x: &str, y: &str| a.ecosystem.compare(x, y);
    let introduced = |a: &Option<String>, b: &Option<String>| match (a, b) {
        (Some(a), Some(b)) => compare(a, b),
        _ => a.is_some().cmp(&b.is_some()),
    };
    let fixed = |a: &Option<String>, b: &Option<String>| match (a, b) {
        (Some(a), Some(b)) => compare(a, b),
        _ => b.is_some().cmp(&a.is_some()),
    };
    subject(a)
        .cmp(&subject(b))
        .then_with(|| introduced(&a.introduced, &b.introduced))
        .then_with(|| fixed(&a.fixed, &b.fixed))
        .then_with(|| a.feed.cmp(&b.feed))
        .then_with(|| a.cmp(b))
}

fn same_subject(a: &Advisory, b: &Advisory) -> bool {
    subject(a) == subject(b)
}

/// `next` does not begin before `last`.
fn overlaps(last: &Advisory, next: &Advisory) -> bool {
    match (&last.fixed, &next.introduced) {
        (Some(end), Some(start)) => last.ecosystem.compare(start, end).is_lt(),
        _ => true,
    }
}

fn absorb(last: &mut Advisory, next: Advisory) {
    let lower = match (&last.fixed, &next.fixed) {
        (Some(known), Some(new)) => last.ecosystem.compare(new, known).is_lt(),
        (None, Some(_)) => true,
        (_, None) => false,
    };
    if lower {
        last.fixed = next.fixed;
        last.feed = next.feed;
    }
    last.severity = last.severity.max(next.severity);
    last.published = match (last.published.take(), next.published) {
        (Some(known), Some(new)) => Some(known.min(new)),
        (known, new) => known.or(new),
    };
    if last.summary.is_empty() {
        last.summary = next.summary;
    }
    last.aliases.extend(next.aliases);
}

#[cfg(test)]
mod tests {
    use lazaret_model::{Ecosystem, Severity};
    use proptest::prelude::*;

    use super::*;

    fn row(introduced: &str, fixed: &str, feed: &str) -> Advisory {
        let version = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Advisory {
            aliases: vec![format!("{feed}-1")],
            introduced: version(introduced),
            fixed: version(fixed),
            feed: feed.into(),
            ..Advisory::new("CVE-2024-0001", Ecosystem::Deb, "debian:12", "foo")
        }
    }

    fn intervals(rows: Vec<Advisory>) -> Vec<(Option<String>, Option<String>, String)> {
        merge(rows).into_iter().map(|row| (row.introduced, row.fixed, row.feed)).collect()
    }

    #[test]
    fn the_lower_fix_is_kept_with_its_feed() {
        let rows = vec![row("", "2.9-1", "osv"), row("", "2.9-1~deb12u1", "apt")];
        assert_eq!(intervals(rows), [(None, Some("2.9-1~deb12u1".into()), "apt".into())]);
        let rows = vec![row("", "", "osv"), row("", "2.0", "apt")];
        let merged = merge(rows);
        assert_eq!(merged[0].fixed.as_deref(), Some("2.0"));
        assert_eq!(merged[0].aliases, ["apt-1", "osv-1"]);
    }

    #[test]
    fn separate_stretches_stay_separate() {
        let rows = vec![row("3.0", "", "osv"), row("", "2.0", "osv"), row("2.0", "2.5", "osv")];
        let starts: Vec<_> = intervals(rows).into_iter().map(|(start, _, _)| start).collect();
        assert_eq!(starts, [None, Some("2.0".to_owned()), Some("3.0".to_owned())]);
    }

    #[test]
    fn what_one_feed_lacks_the_other_gives() {
        let known = Advisory {
            severity: Severity::High,
            summary: "overflow".into(),
            published: Some("2024-01-02T00:00:00Z".into()),
            ..row("", "2.0", "osv")
        };
        let other = Advisory { published: Some("2024-01-01T00:00:00Z".into()), ..row("", "2.0", "apt") };
        let merged = merge(vec![known, other]);
        assert_eq!(merged.len(), 1);
        assert_eq!((merged[0].severity, merged[0].summary.as_str()), (Severity::High, "overflow"));
        assert_eq!(merged[0].published.as_deref(), Some("2024-01-01T00:00:00Z"));
    }

    proptest! {
        #[test]
        fn the_order_of_pushing_does_not_matter(
            rows in proptest::collection::vec(("([0-4](\\.0)?)?", "([0-4](\\.0)?)?", "(apt|osv)"), 0..6),
            seed in any::<u64>(),
        ) {
            let rows: Vec<Advisory> = rows.iter().map(|(start, end, feed)| row(start, end, feed)).collect();
            let mut shuffled = rows.clone();
            shuffled.sort_by_key(|row| {
                let text = format!("{seed}{row:?}");
                text.bytes().fold(seed, |hash, byte| hash.rotate_left(5) ^ u64::from(byte))
            });
            let merged = merge(rows);
            prop_assert_eq!(&merged, &merge(shuffled));
            prop_assert_eq!(&merged, &merge(merged.clone()), "merging again changes nothing");
        }
    }
}
