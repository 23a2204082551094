//! From a document to rows.

use jiff::Timestamp;
use lazaret_model::{Advisory, Problem, ProblemKind, Severity, Vulnerability};

use super::OsvFeed;
use super::document::{Affected, Document};
use super::ecosystems::{Place, package as named, place};
use super::names::Names;
use super::range::{End, Interval, checked, intervals, last_known};
use super::specific::Specific;
use crate::feed::line::one_line;
use crate::feed::words;

const MOST_SUMMARY: usize = 240;
/// Single versions that one package may list.
const MOST_VERSIONS: usize = 20_000;
/// Before this year there were no advisories: dates that say so are placeholders.
const FIRST_YEAR: i16 = 1990;

/// Adds what a document says to the feed.
pub(super) fn add(document: &Document<'_>, feed: &mut OsvFeed) {
    if document.withdrawn.is_some() {
        feed.withdrawn.push(document.id.to_string());
        return;
    }
    let all = document.affected.iter().flatten();
    let places: Vec<Option<Place>> =
        all.clone().map(|affected| place(&affected.package.as_ref()?.ecosystem)).collect();
    let is_of_distribution = places.iter().flatten().any(|place| place.ecosystem.is_of_distribution());
    let Some(names) = Names::of(document, is_of_distribution) else {
        feed.no_security += 1;
        return;
    };
    let adding = Adding { document, names, summary: summary(document), published: published(document) };
    for (affected, place) in all.zip(&places) {
        match place {
            Some(place) => adding.affected(affected, place, feed),
            None => {
                let Some(package) = &affected.package else { continue };
                let ecosystem = one_line(&package.ecosystem, 60);
                // Names are foreign: do not let them fill the memory.
                if feed.unknown_ecosystems.len() < 1000 || feed.unknown_ecosystems.contains_key(&ecosystem) {
                    *feed.unknown_ecosystems.entry(ecosystem).or_default() += 1;
                }
            }
        }
    }
    if places.iter().any(Option::is_some) {
        adding.vulnerability(feed);
    }
}

struct Adding<'a> {
    document: &'a Document<'a>,
    names: Names,
    summary: String,
    published: Option<String>,
}

impl Adding<'_> {
    fn affected(&self, affected: &Affected<'_>, place: &Place, feed: &mut OsvFeed) {
        let Some(package) = &affected.package else { return };
        let release = if place.release.is_empty() { place.ecosystem.name() } else { &place.release };
        let subject = || format!("{} for {} of {release}", &*self.document.id, one_line(&package.name, 80));
        let problem = |kind, reason: &str| Problem::new(kind, subject(), reason);
        let name = named(&package.ecosystem, &package.name);
        if name.is_empty() || name.len() > 300 || name.contains(char::is_control) {
            feed.problems.push(problem(ProblemKind::Malformed, "the name is not that of a package"));
            return;
        }
        let mut is_ranged = false;
        let mut stretches = Vec::new();
        for range in affected.ranges.iter().flatten() {
            // Of packages; without a type it is one of versions too.
            if range.kind.as_ref().is_some_and(|kind| !matches!(&**kind, "ECOSYSTEM" | "SEMVER")) {
                continue;
            }
            is_ranged = true;
            match intervals(place.ecosystem, &range.events) {
                Ok(found) => stretches.extend(found),
                Err(reason) => feed.problems.push(problem(ProblemKind::Malformed, reason)),
            }
        }
        if let [.., last] = &mut stretches[..]
            && last.end == End::Open
            && let Some(end) =
                affected.database_specific.as_ref().and_then(|specific| specific.last_known.as_ref())
            && let Some(end) = last_known(end)
        {
            last.end = end;
        }
        let versions = affected.versions.as_deref().unwrap_or_default();
        // Of a distribution the versions only list what the range already says.
        if !place.ecosystem.is_of_distribution() || !is_ranged {
            for version in versions.iter().take(MOST_VERSIONS) {
                match checked(place.ecosystem, version) {
                    Ok(version) if stretches.iter().any(|known| known.contains(place.ecosystem, version)) => {
                    }
                    Ok(version) => stretches.push(Interval::single(version)),
                    Err(reason) => {
                        feed.problems.push(problem(ProblemKind::Malformed, reason));
                        break;
                    }
                }
            }
            if versions.len() > MOST_VERSIONS {
                let reason =
                    format!("it lists {} single versions, and {MOST_VERSIONS} are read", versions.len());
                feed.problems.push(problem(ProblemKind::Limit, &reason));
            }
        }
        if stretches.is_empty()
            && !is_ranged
            && affected.ranges.as_ref().is_some_and(|ranges| !ranges.is_empty())
        {
            let reason = "it has only ranges of commits, which are not versions of a package";
            feed.problems.push(problem(ProblemKind::Unsupported, reason));
        }
        let severity = severity(affected, self.document);
        for stretch in stretches {
            self.rows(name, place, &stretch, severity, feed);
        }
    }

    /// A row for each vulnerability.
    fn rows(&self, package: &str, place: &Place, of: &Interval<'_>, severity: Severity, feed: &mut OsvFeed) {
        let (fixed, last_affected) = match of.end {
            End::Fixed(version) => (Some(version.to_owned()), None),
            End::LastAffected(version) => (None, Some(version.to_owned())),
            End::Open => (None, None),
        };
        for id in &self.names.ids {
            feed.advisories.push(Advisory {
                aliases: self.names.aliases.clone(),
                names: place.names,
                introduced: of.introduced.map(str::to_owned),
                fixed: fixed.clone(),
                last_affected: last_affected.clone(),
                severity,
                summary: self.summary.clone(),
                published: self.published.clone(),
                feed: feed.name.clone(),
                ..Advisory::new(id, place.ecosystem, &place.release, package)
            });
        }
    }

    /// What the document says of the vulnerability itself: its vectors. Where it covers several vulnerabilities,
    /// nothing tells whose they are.
    fn vulnerability(&self, feed: &mut OsvFeed) {
        let [id] = &self.names.ids[..] else { return };
        let publisher = self.document.id.split('-').next().unwrap_or_default().to_ascii_lowercase();
        let of_packages =
            self.document.affected.iter().flatten().flat_map(|affected| affected.severity.iter().flatten());
        let mut cvss: Vec<(String, String)> = self
            .document
            .severity
            .iter()
            .flatten()
            .chain(of_packages)
            .filter(|rating| rating.kind.starts_with("CVSS_") && rating.score.len() <= 400)
            .map(|rating| (publisher.clone(), rating.score.to_string()))
            .collect();
        cvss.sort_unstable();
        cvss.dedup();
        if !cvss.is_empty() {
            feed.vulnerabilities.push(Vulnerability { cvss, ..Vulnerability::new(id) });
        }
    }
}

fn published(document: &Document<'_>) -> Option<String> {
    [&document.published, &document.modified]
        .into_iter()
        .flatten()
        .filter_map(|date| date.parse::<Timestamp>().ok())
        .find(|date| date.to_zoned(jiff::tz::TimeZone::UTC).year() >= FIRST_YEAR)
        .map(|date| date.to_string())
}

fn summary(document: &Document<'_>) -> String {
    [&document.summary, &document.details]
        .into_iter()
        .flatten()
        .map(|text| one_line(text, MOST_SUMMARY))
        .find(|text| !text.is_empty())
        .unwrap_or_default()
}

/// The rating in words that a publisher gave, nearest to the package first.
fn severity(affected: &Affected<'_>, document: &Document<'_>) -> Severity {
    let word = |specific: &Option<Specific<'_>>| severity_word(specific.as_ref()?.severity.as_ref()?);
    let rated = [&affected.severity, &document.severity].into_iter().flatten().flatten();
    word(&affected.ecosystem_specific)
        .or_else(|| word(&affected.database_specific))
        .or_else(|| word(&document.database_specific))
        .or_else(|| {
            rated
                .filter(|rating| !rating.kind.starts_with("CVSS_"))
                .find_map(|rating| severity_word(&rating.score))
        })
        .unwrap_or(Severity::Unknown)
}

fn severity_word(word: &str) -> Option<Severity> {
    Some(words::severity(word)).filter(|severity| *severity != Severity::Unknown)
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
        assert_eq!(ids, ["CVE-2021-0001", "CVE-2021-0002", "CVE-2021-0001", "CVE-2021-0002"]);
        let row = &feed.advisories[0];
        assert_eq!(row.aliases, ["DSA-5000-1"]);
        assert_eq!((row.release.as_str(), row.package.as_str()), ("debian:11", "foo"));
        assert_eq!((row.introduced.clone(), row.fixed.as_deref()), (None, Some("1.2-3+deb11u1")));
        assert_eq!((row.severity, row.summary.as_str()), (Severity::Medium, "foo - security update"));
        assert_eq!(row.published.as_deref(), Some("2021-10-01T10:00:00Z"));
        let unknown: Vec<_> = feed.unknown_ecosystems.into_iter().collect();
        assert_eq!(unknown, [("Debian".to_owned(), 1)]);
        let python = &feed.advisories[2];
        assert_eq!((python.introduced.as_deref(), python.last_affected.as_deref()), (Some("1"), Some("1")));
        assert_eq!(feed.problems, []);
    }

    #[test]
    fn a_cve_is_preferred_as_the_id_and_others_stay_aliases() {
        let text = DSA
            .replace("DSA-5000-1", "GHSA-x")
            .replace(r#""aliases":[]"#, r#""aliases":["CVE-2021-9999","X-1"]"#);
        let feed = read(&text);
        assert_eq!(feed.advisories.len(), 2, "what is related is another vulnerability");
        assert_eq!(feed.advisories[0].id, "CVE-2021-9999");
        assert_eq!(feed.advisories[0].aliases, ["GHSA-x", "X-1"]);
        let own = read(&DSA.replace("related", "references"));
        assert_eq!(own.advisories[0].id, "DSA-5000-1");
    }

    #[test]
    fn withdrawn_documents_are_dropped_and_counted() {
        let feed = read(&DSA.replace(r#""aliases":[]"#, r#""withdrawn":"2022-01-01T00:00:00Z""#));
        assert_eq!((feed.advisories.len(), feed.withdrawn), (0, vec!["DSA-5000-1".to_owned()]));
    }

    #[test]
    fn what_cannot_be_told_is_a_problem() {
        let feed = read(&DSA.replace("1.2-3+deb11u1", "not a version"));
        assert!(feed.advisories.iter().all(|row| row.release.is_empty()));
        assert_eq!(feed.problems[0].subject, "DSA-5000-1 for foo of debian:11");
        let feed = read(&DSA.replace("\"ECOSYSTEM\"", "\"GIT\"").replace(r#""versions":["1.2-3"],"#, ""));
        assert_eq!(feed.problems[0].kind, ProblemKind::Unsupported);
    }

    const GHSA: &str = r#"{"id":"GHSA-x","aliases":["CVE-2021-9999"],"modified":"0001-01-01T00:00:00Z",
        "severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        "affected":[{"package":{"ecosystem":"PyPI","name":"Foo_Bar"},
           "ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"1.0"}]},{"type":"GIT","events":[{"introduced":"abc"}]}],
           "versions":["1.0","1.4","0.9"],
           "database_specific":{"last_known_affected_version_range":"<= 1.5","source":{"severity":3}}}],
        "database_specific":{"severity":"HIGH","cwe_ids":["CWE-1"]}}"#;

    #[test]
    fn documents_of_languages_give_ranges_versions_and_vectors() {
        let feed = read(GHSA);
        let stretches: Vec<_> = feed
            .advisories
            .iter()
            .map(|row| (row.introduced.as_deref(), row.last_affected.as_deref(), row.fixed.as_deref()))
            .collect();
        assert_eq!(stretches, [(Some("1.0"), Some("1.5"), None), (Some("0.9"), Some("0.9"), None)]);
        let row = &feed.advisories[0];
        assert_eq!((row.severity, row.published.as_deref()), (Severity::High, None));
        assert_eq!((row.package.as_str(), row.release.as_str()), ("Foo_Bar", ""));
        assert_eq!(feed.vulnerabilities.len(), 1);
        assert_eq!(feed.vulnerabilities[0].id, "CVE-2021-9999");
        assert_eq!(feed.vulnerabilities[0].cvss[0].0, "ghsa");
        assert_eq!(feed.problems, []);
    }

    #[test]
    fn advisories_that_repair_errors_are_none() {
        let feed = read(&DSA.replace("DSA-5000-1", "ALBA-2021:1"));
        assert!(!feed.advisories.is_empty(), "it names vulnerabilities");
        let feed = read(&DSA.replace("DSA-5000-1", "ALBA-2021:1").replace("related", "references"));
        assert_eq!((feed.advisories.len(), feed.no_security), (0, 1));
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
