//! What the feeds of languages share: one advisory, one package, versions that are safe or vulnerable.

use lazaret_model::{Advisory, Ecosystem, ProblemKind, Severity, Vulnerability};

use super::intervals::{NoStretch, Stretch, all_of, outside};
use super::line::one_line;
use super::parsed::Parsed;
use super::words;

/// One advisory about one package, as far as all of these feeds have it.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// In the feed's own words, the most telling first.
    pub(super) ids: Vec<String>,
    pub(super) package: String,
    pub(super) summary: String,
    pub(super) published: Option<String>,
    pub(super) severity: Option<Severity>,
    /// A vector of CVSS.
    pub(super) cvss: Option<String>,
}

/// The versions that are in none of some safe ranges.
pub(super) fn unsafe_versions<'t>(
    ecosystem: Ecosystem,
    safe: impl IntoIterator<Item = &'t str>,
) -> Result<Vec<Stretch>, NoStretch> {
    let scheme = ecosystem.scheme();
    let mut found = Vec::new();
    for text in safe {
        found.extend(all_of(scheme, [text])?);
    }
    Ok(outside(scheme, found))
}

/// Rows for what is vulnerable; one problem, if that cannot be told.
pub(super) fn add(
    parsed: &mut Parsed,
    ecosystem: Ecosystem,
    entry: &Entry,
    versions: Result<Vec<Stretch>, NoStretch>,
) {
    let name = entry.ids.first().map_or("an advisory", String::as_str);
    let subject = format!("{name} for {}", entry.package);
    let (ids, others) = words::ids(entry.ids.iter().map(String::as_str));
    if ids.is_empty() || entry.package.is_empty() || entry.package.len() > 200 {
        return parsed.problem(ProblemKind::Malformed, &subject, "it has no id or names no package");
    }
    let versions = match versions {
        Ok(versions) => versions,
        Err(reason) => return parsed.problem(ProblemKind::Unsupported, &subject, reason.to_string()),
    };
    let rated = entry.cvss.as_deref().and_then(|vector| crate::cvss::score(vector).ok());
    for id in &ids {
        for stretch in &versions {
            let row = Advisory {
                aliases: others.iter().map(|&other| other.to_owned()).collect(),
                severity: entry
                    .severity
                    .or(rated.map(|score| words::severity_of_score(f64::from(score.tenths) / 10.0)))
                    .unwrap_or(Severity::Unknown),
                summary: one_line(&entry.summary, 240),
                published: entry.published.clone(),
                ..Advisory::new(*id, ecosystem, "", &entry.package)
            };
            parsed.row(stretch.clone().put_into(row));
        }
        if let (Some(vector), Some(_)) = (&entry.cvss, &rated) {
            let cvss = vec![(parsed.format.to_owned(), vector.clone())];
            parsed.vulnerability(Vulnerability { cvss, ..Vulnerability::new(*id) });
        }
    }
}
