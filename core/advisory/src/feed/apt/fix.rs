//! From a changelog to what each version fixed.

use std::collections::BTreeMap;

use lazaret_model::{Advisory, Ecosystem};
use lazaret_version::deb;

use super::bullet::{Bullet, bullets};
use super::changelog::{Entry, entries};
use super::cve::mentions;
use super::mention::{Role, Said, roles};
use crate::feed::line::one_line;

/// A vulnerability that a source package's changelog speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    pub id: String,
    /// First version without the vulnerability; `None` after the fix was taken back.
    pub fixed: Option<String>,
    /// When that version was made; RFC 3339.
    pub published: Option<String>,
    /// What the changelog says, as one line.
    pub summary: String,
}

const MOST_SUMMARY: usize = 240;
/// Ids that one changelog may name. The Linux kernel's names ten thousand.
const MOST_IDS: usize = 200_000;

/// Reads which version of `source` fixed what, sorted by id.
///
/// The *oldest* entry that names an id counts: later ones refresh patches and mend regressions. What it
/// fixed is fixed in every version above it too, and the lowest of those versions is the one to compare
/// with: an upload to unstable (`2.9-1`) is rebuilt for a release under a lower number (`2.9-1~deb12u1`).
///
/// Empty if the changelog is another source's: then the caller looks elsewhere.
pub fn fixes(changelog: &[u8], source: &str) -> Vec<Fix> {
    let all: Vec<Entry<'_>> = entries(changelog).collect();
    // Lowest version at or above each entry, as an index, from the newest on. Entries under another name
    // are the history before a renaming: their versions cannot be compared with those of this source.
    let mut lowest: Vec<Option<usize>> = Vec::with_capacity(all.len());
    for (at, entry) in all.iter().enumerate() {
        let above = lowest.last().copied().flatten();
        lowest.push(match above {
            _ if entry.package != source => above,
            Some(known) if deb::compare(all[known].version, entry.version).is_le() => above,
            _ => Some(at),
        });
    }
    let mut states: BTreeMap<String, State> = BTreeMap::new();
    for (at, entry) in all.iter().enumerate().rev() {
        let bullets = bullets(entry.body);
        // What an entry fixes outweighs what else it says of the same vulnerability.
        let mut all_said: BTreeMap<String, Said> = BTreeMap::new();
        for said in roles(&bullets) {
            match all_said.get_mut(&said.id) {
                Some(known) if said.role > known.role => *known = said,
                Some(_) => {}
                None => drop(all_said.insert(said.id.clone(), said)),
            }
        }
        for (id, said) in all_said {
            let state = match (said.role, states.get(&id)) {
                (Role::Fixed, None) if states.len() >= MOST_IDS => continue,
                (Role::Fixed, None | Some(State::Reverted(_))) => match lowest[at] {
                    Some(version) if entry.package == source => {
                        State::Fixed(version, summary(&bullets, &said))
                    }
                    _ => State::BeforeRenaming,
                },
                (Role::Reverted, Some(State::Fixed(..) | State::BeforeRenaming)) => {
                    State::Reverted(summary(&bullets, &said))
                }
                _ => continue,
            };
            states.insert(id, state);
        }
    }
    states
        .into_iter()
        .filter_map(|(id, state)| match state {
            State::BeforeRenaming => None,
            State::Reverted(summary) => Some(Fix { id, fixed: None, published: None, summary }),
            State::Fixed(at, summary) => {
                let published = all[at].date.map(|date| date.to_string());
                Some(Fix { id, fixed: Some(all[at].version.to_owned()), published, summary })
            }
        })
        .collect()
}

enum State {
    /// By the entry with this index, and what was said.
    Fixed(usize, String),
    /// No version of this source ever had it.
    BeforeRenaming,
    Reverted(String),
}

impl Fix {
    /// The row for one release of the distribution.
    pub fn advisory(self, release: &str, source: &str) -> Advisory {
        let Self { id, fixed, published, summary } = self;
        Advisory {
            fixed,
            summary,
            published,
            feed: super::FEED.to_owned(),
            ..Advisory::new(id, Ecosystem::Deb, release, source)
        }
    }
}

/// The bullet that names the vulnerability, with the one above it if it says nothing but ids; of a long
/// one its start and what stands around the id.
fn summary(bullets: &[Bullet], said: &Said) -> String {
    let bullet = &bullets[said.bullet];
    if said.at.start > MOST_SUMMARY / 2 {
        let start = one_line(prefix(&bullet.text, MOST_SUMMARY), MOST_SUMMARY / 3);
        return one_line(
            &format!("{start} {}", prefix(&bullet.text[said.at.start..], 4 * MOST_SUMMARY)),
            MOST_SUMMARY,
        );
    }
    let text = prefix(&bullet.text, 4 * MOST_SUMMARY);
    match bullet.parent {
        Some(parent) if !says_something(text) => {
            let above = one_line(prefix(&bullets[parent].text, MOST_SUMMARY), MOST_SUMMARY / 2);
            one_line(&format!("{above} {text}"), MOST_SUMMARY)
        }
        _ => one_line(text, MOST_SUMMARY),
    }
}

/// Whether there are words beside ids.
fn says_something(text: &str) -> bool {
    let mut from = 0;
    let mut rest = mentions(text).into_iter().map(|mention| {
        let between = text.get(from..mention.at.start).unwrap_or_default();
        from = mention.at.end;
        between
    });
    let before = rest.any(|between| between.contains(char::is_alphabetic));
    before || text[from..].contains(char::is_alphabetic)
}

/// At most so many bytes from the start, in whole characters.
fn prefix(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn changelog(entries: &[(&str, &str)]) -> String {
        let entry = |(at, (heading, body)): (usize, &(&str, &str))| {
            let day = 28 - at;
            format!(
                "{heading}; urgency=low\n\n{body}\n\n -- A <a@example.org>  {day} Oct 2024 12:00:00 +0000\n\n"
            )
        };
        entries.iter().enumerate().map(entry).collect()
    }

    fn fixed(entries: &[(&str, &str)]) -> Vec<(String, Option<String>)> {
        fixes(changelog(entries).as_bytes(), "foo").into_iter().map(|fix| (fix.id, fix.fixed)).collect()
    }

    #[test]
    fn the_oldest_fix_counts() {
        let entries = [
            ("foo (2.0-3) unstable", "  * Refresh fix for CVE-2024-0001 again, fix CVE-2024-0002"),
            ("foo (2.0-2) unstable", "  * Fix CVE-2024-0001"),
            ("foo (2.0-1) unstable", "  * Nothing"),
        ];
        assert_eq!(
            fixed(&entries),
            [("CVE-2024-0001".into(), Some("2.0-2".into())), ("CVE-2024-0002".into(), Some("2.0-3".into()))]
        );
        let fix = &fixes(changelog(&entries).as_bytes(), "foo")[0];
        assert_eq!(fix.published.as_deref(), Some("2024-10-27T12:00:00Z"));
        assert_eq!(fix.summary, "Fix CVE-2024-0001");
    }

    /// As `less` and `libxml2` in bookworm: what unstable fixed is in the release under a lower version.
    #[test]
    fn a_rebuild_for_the_release_lowers_the_version() {
        let entries = [
            ("foo (590-2.1~deb12u2) bookworm-security", "  * CVE-2024-0002"),
            ("foo (590-2.1~deb12u1) bookworm-security", "  * Rebuild for bookworm"),
            ("foo (590-2.1) unstable", "  * Fix CVE-2024-0001"),
            ("foo (590-2) unstable", "  * Fix CVE-2023-0001"),
        ];
        assert_eq!(
            fixed(&entries),
            [
                ("CVE-2023-0001".into(), Some("590-2".into())),
                ("CVE-2024-0001".into(), Some("590-2.1~deb12u1".into())),
                ("CVE-2024-0002".into(), Some("590-2.1~deb12u2".into())),
            ]
        );
    }

    #[test]
    fn a_fix_taken_back_counts_again_from_its_return() {
        let revert = ("foo (2.0-3) unstable", "  * Revert the fix for CVE-2024-0001");
        let fix = ("foo (2.0-2) unstable", "  * Fix CVE-2024-0001");
        let again = ("foo (2.0-4) unstable", "  * Fix CVE-2024-0001 properly");
        assert_eq!(fixed(&[revert, fix]), [("CVE-2024-0001".into(), None)]);
        assert_eq!(fixed(&[again, revert, fix]), [("CVE-2024-0001".into(), Some("2.0-4".into()))]);
        assert_eq!(fixed(&[revert]), [], "there was nothing to take back");
    }

    #[test]
    fn what_was_fixed_under_another_name_is_fixed_in_every_version() {
        let entries = [
            ("foo (13.1-1) unstable", "  * Refresh. Mend CVE-2024-0001, fix CVE-2024-0002"),
            ("foo-old (99.0-1) unstable", "  * Fix CVE-2024-0001"),
        ];
        assert_eq!(fixed(&entries), [("CVE-2024-0002".into(), Some("13.1-1".into()))]);
        assert_eq!(fixes(changelog(&entries).as_bytes(), "bar"), []);
    }

    #[test]
    fn mentions_without_a_fix_make_no_row() {
        assert_eq!(fixed(&[("foo (1.0-1) unstable", "  * CVE-2024-0001: not affected")]), []);
    }

    #[test]
    fn summaries_are_one_line_with_the_id() {
        let long = format!("  * {} CVE-2024-0001 {}", "word ".repeat(60), "more ".repeat(60));
        let body = format!(
            "  * Security fixes:\n    - CVE-2024-0002\n    - Overflow\n      (CVE-2024-0003)\n{long}"
        );
        let all = fixes(changelog(&[("foo (1.0-1) unstable", &body)]).as_bytes(), "foo");
        assert!(all[0].summary.starts_with("word word"), "{}", all[0].summary);
        assert!(all[0].summary.contains("word… CVE-2024-0001 more more"), "{}", all[0].summary);
        assert!(all[0].summary.chars().count() <= MOST_SUMMARY);
        assert_eq!(all[1].summary, "Security fixes: CVE-2024-0002");
        assert_eq!(all[2].summary, "Overflow (CVE-2024-0003)");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(fixes(&bytes, "foo").is_empty());
        }

        #[test]
        fn fixes_come_from_the_changelog(
            versions in proptest::collection::vec("[1-3]\\.[0-9](~deb12u1)?", 1..6),
            bodies in proptest::collection::vec("  \\* (Fix|Revert|drop) CVE-2024-000[1-3]( and CVE-2024-0004)?( not affected)?", 6),
        ) {
            let headings: Vec<String> = versions.iter().map(|version| format!("foo ({version}) x")).collect();
            let entries: Vec<(&str, &str)> =
                headings.iter().map(String::as_str).zip(bodies.iter().map(String::as_str)).collect();
            for (_, fixed) in fixed(&entries) {
                prop_assert!(fixed.is_none_or(|fixed| versions.contains(&fixed)));
            }
        }
    }
}
