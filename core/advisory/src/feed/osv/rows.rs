//! From a document to rows.

use jiff::Timestamp;
use lazaret_model::{Advisory, Ecosystem, Problem, ProblemKind, Severity};
use serde_json::Value;

use super::document::{Affected, Document, is_id};
use super::range::intervals;
use super::{FEED, OsvFeed};
use crate::feed::line::one_line;

const MOST_SUMMARY: usize = 240;
/// Aliases that one document may bring along.
const MOST_ALIASES: usize = 1000;

/// Adds what a document says to the feed.
pub(super) fn add(document: Document, feed: &mut OsvFeed) {
    if document.withdrawn.is_some() {
        feed.withdrawn += 1;
        return;
    }
    let names = Names::of(&document);
    let summary = summary(&document);
    let published = [&document.published, &document.modified]
        .into_iter()
        .flatten()
        .find_map(|date| date.parse::<Timestamp>().ok())
        .map(|date| date.to_string());
    for affected in document.affected.iter().flatten() {
        let Some(package) = &affected.package else { continue };
        let Some(release) = release(&package.ecosystem) else {
            let ecosystem = one_line(&package.ecosystem, 60);
            // Names are foreign: do not let them fill the memory.
            if feed.unknown_ecosystems.len() < 1000 || feed.unknown_ecosystems.contains_key(&ecosystem) {
                *feed.unknown_ecosystems.entry(ecosystem).or_default() += 1;
            }
            continue;
        };
        let subject = || format!("{} for {} of {release}", document.id, one_line(&package.name, 80));
        if package.name.is_empty() || package.name.len() > 200 || package.name.contains(char::is_control) {
            feed.problems.push(Problem::new(
                ProblemKind::Malformed,
                subject(),
                "the name is not that of a package",
            ));
            continue;
        }
        let severity = severity(affected, &document);
        let ranges = affected.ranges.iter().flatten().filter(|range| range.kind == "ECOSYSTEM");
        let mut is_ranged = false;
        for range in ranges {
            is_ranged = true;
            let intervals = match intervals(&range.events) {
                Ok(intervals) => intervals,
                Err(reason) => {
                    feed.problems.push(Problem::new(ProblemKind::Malformed, subject(), reason));
                    continue;
                }
            };
            for interval in intervals {
                for (id, aliases) in names.rows() {
                    feed.advisories.push(Advisory {
                        aliases,
                        fixed: interval.fixed.clone(),
                        introduced: interval.introduced.clone(),
                        severity,
                        summary: summary.clone(),
                        published: published.clone(),
                        feed: FEED.to_owned(),
                        ..Advisory::new(id, Ecosystem::Deb, &release, &package.name)
                    });
                }
            }
        }
        if !is_ranged && affected.versions.as_ref().is_some_and(|versions| !versions.is_empty()) {
            let reason = "it lists single versions and no range of the ecosystem's versions";
            feed.problems.push(Problem::new(ProblemKind::Unsupported, subject(), reason));
        }
    }
}

/// What one document calls the vulnerabilities it speaks of.
struct Names {
    /// One row each: the CVE ids, or the document's own id if it names none.
    ids: Vec<String>,
    aliases: Vec<String>,
}

impl Names {
    fn of(document: &Document) -> Self {
        let is_cve = |id: &&String| id.starts_with("CVE-") && is_id(id);
        let listed = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
        let mut named = listed(&document.aliases);
        named.extend(listed(&document.upstream));
        // Debian's own advisories cover several vulnerabilities, which they called "related" for years.
        if ["DSA-", "DLA-", "DTSA-"].iter().any(|prefix| document.id.starts_with(prefix)) {
            named.extend(listed(&document.related));
        }
        named.push(document.id.clone());
        named.retain(|id| is_id(id));
        named.truncate(MOST_ALIASES);
        named.sort();
        named.dedup();
        let (cves, others): (Vec<String>, Vec<String>) = named.into_iter().partition(|id| is_cve(&id));
        if cves.is_empty() {
            let aliases = others.into_iter().filter(|id| *id != document.id).collect();
            return Self { ids: vec![document.id.clone()], aliases };
        }
        Self { ids: cves, aliases: others }
    }

    fn rows(&self) -> impl Iterator<Item = (&str, Vec<String>)> {
        self.ids.iter().map(|id| (id.as_str(), self.aliases.clone()))
    }
}

/// `Debian:12` to `debian:12`. `Debian` alone says nothing of a release.
fn release(ecosystem: &str) -> Option<String> {
    let release = ecosystem.strip_prefix("Debian:")?;
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    ((1..=20).contains(&release.len()) && release.bytes().all(plain)).then(|| format!("debian:{release}"))
}

fn summary(document: &Document) -> String {
    [&document.summary, &document.details]
        .into_iter()
        .flatten()
        .map(|text| one_line(text, MOST_SUMMARY))
        .find(|text| !text.is_empty())
        .unwrap_or_default()
}

/// The rating in words that a publisher gave, nearest to the package first. Vectors are not computed.
fn severity(affected: &Affected, document: &Document) -> Severity {
    [&affected.ecosystem_specific, &affected.database_specific, &document.database_specific]
        .into_iter()
        .flatten()
        .flat_map(|specific| ["severity", "urgency"].map(|field| specific.get(field)))
        .flatten()
        .filter_map(Value::as_str)
        .find_map(severity_word)
        .unwrap_or(Severity::Unknown)
}

fn severity_word(word: &str) -> Option<Severity> {
    if word.eq_ignore_ascii_case("moderate") {
        return Some(Severity::Medium);
    }
    // Debian's word for what has no security impact in practice.
    if word.eq_ignore_ascii_case("unimportant") {
        return Some(Severity::None);
    }
    Severity::from_name(word).filter(|severity| *severity != Severity::Unknown)
}

#[cfg(test)]
mod tests {
    use lazaret_model::Limits;

    use super::super::parse;
    use super::*;

    fn read(text: &str) -> OsvFeed {
        parse(text.as_bytes(), &Limits::default()).unwrap()
    }

    const DSA: &str = r#"{"id":"DSA-5000-1","aliases":[],"related":["CVE-2021-0001","CVE-2021-0002"],
        "published":"2021-10-01T10:00:00Z","modified":"2022-01-01T00:00:00Z","summary":"foo -\n security update",
        "affected":[
          {"package":{"ecosystem":"Debian:11","name":"foo","purl":"pkg:deb/debian/foo"},
           "ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.2-3+deb11u1"}]}],
           "versions":["1.2-3"],"ecosystem_specific":{"urgency":"not yet assigned"}},
          {"package":{"ecosystem":"PyPI","name":"foo"},"versions":["1"]},
          {"package":{"ecosystem":"Debian","name":"foo"},"ranges":[]}],
        "database_specific":{"severity":"MODERATE"}}"#;

    #[test]
    fn an_advisory_for_several_vulnerabilities_gives_a_row_each() {
        let feed = read(DSA);
        let ids: Vec<_> = feed.advisories.iter().map(|row| row.id.as_str()).collect();
        assert_eq!(ids, ["CVE-2021-0001", "CVE-2021-0002"]);
        let row = &feed.advisories[0];
        assert_eq!(row.aliases, ["DSA-5000-1"]);
        assert_eq!((row.release.as_str(), row.package.as_str()), ("debian:11", "foo"));
        assert_eq!((row.introduced.clone(), row.fixed.as_deref()), (None, Some("1.2-3+deb11u1")));
        assert_eq!((row.severity, row.summary.as_str()), (Severity::Medium, "foo - security update"));
        assert_eq!(row.published.as_deref(), Some("2021-10-01T10:00:00Z"));
        let unknown: Vec<_> = feed.unknown_ecosystems.into_iter().collect();
        assert_eq!(unknown, [("Debian".to_owned(), 1), ("PyPI".to_owned(), 1)]);
        assert_eq!(feed.problems, []);
    }

    #[test]
    fn a_cve_is_preferred_as_the_id_and_others_stay_aliases() {
        let text = DSA
            .replace("DSA-5000-1", "GHSA-x")
            .replace(r#""aliases":[]"#, r#""aliases":["CVE-2021-9999","X-1"]"#);
        let feed = read(&text);
        assert_eq!(feed.advisories.len(), 1, "what is related is another vulnerability");
        assert_eq!(feed.advisories[0].id, "CVE-2021-9999");
        assert_eq!(feed.advisories[0].aliases, ["GHSA-x", "X-1"]);
        let own = read(&DSA.replace("related", "references"));
        assert_eq!(own.advisories[0].id, "DSA-5000-1");
    }

    #[test]
    fn withdrawn_documents_are_dropped_and_counted() {
        let feed = read(&DSA.replace(r#""aliases":[]"#, r#""withdrawn":"2022-01-01T00:00:00Z""#));
        assert_eq!((feed.advisories.len(), feed.withdrawn), (0, 1));
    }

    #[test]
    fn what_cannot_be_told_is_a_problem() {
        let feed = read(&DSA.replace("1.2-3+deb11u1", "not a version"));
        assert_eq!(feed.advisories, []);
        assert_eq!(feed.problems[0].subject, "DSA-5000-1 for foo of debian:11");
        let feed = read(&DSA.replace("\"ECOSYSTEM\"", "\"GIT\""));
        assert_eq!(feed.problems[0].kind, ProblemKind::Unsupported);
    }

    #[test]
    fn severities_are_words() {
        for (word, severity) in [
            ("HIGH", Some(Severity::High)),
            ("Moderate", Some(Severity::Medium)),
            ("unimportant", Some(Severity::None)),
            ("not yet assigned", None),
            ("unknown", None),
        ] {
            assert_eq!(severity_word(word), severity, "{word}");
        }
    }
}
