//! The lower parts of the page: each package with its findings, and what does not count.

use lazaret_model::{Finding, FixState, Image, Severity};

use super::super::group::SourceGroup;
use super::super::text::{Page, Word, plain, word, words};
use super::{FAINT, GOOD, STRONG, ScanReport, WORSE, say, style};

/// A hostile image can have any number of these; JSON has them all.
const MOST_PROBLEMS: usize = 20;
const MOST_SUPPRESSED: usize = 20;
const MOST_LOCATIONS: usize = 5;

pub(super) fn findings(page: &mut Page, group: &SourceGroup<'_>, image: &Image) {
    let mut line = words(group.source, STRONG);
    line.extend(plain(&group.installed.join(" and ")));
    if let Some(upgrade) = group.upgrade {
        line.extend(plain("→"));
        line.extend(words(upgrade, GOOD));
    }
    page.paragraph(0, 4, line);
    if group.ecosystem.is_of_distribution() {
        page.paragraph(2, 4, plain(&format!("in {}", group.packages.join(", "))));
    } else {
        locations(page, group);
    }
    if group.inferred {
        let text = "inferred from what a program contains: the version may be that of another build";
        page.paragraph(2, 4, words(text, WORSE));
    }
    // What is no image has no layers.
    for layer in group.layers.iter().filter(|_| !image.layers.is_empty()) {
        let known = usize::try_from(*layer).ok().and_then(|at| image.layers.get(at));
        let origin = known.map_or(String::new(), |layer| {
            format!("{} {}", layer.diff_id.short(), first_words(&say::recipe(layer)))
        });
        page.paragraph(2, 4, words(&format!("layer {} {origin}", u64::from(*layer) + 1), FAINT));
    }
    ids(page, "fixed:", &group.fixed);
    for (fix, title) in &OPEN {
        ids(page, &format!("{title}:"), &open(group, fix));
    }
}

const OPEN: [(FixState, &str); 3] = [
    (FixState::NotFixed, "no fix yet"),
    (FixState::WillNotFix, "will not be fixed"),
    (FixState::EndOfLife, "no fixes any more, the release is at its end"),
];

fn open<'a>(group: &SourceGroup<'a>, fix: &FixState) -> Vec<&'a Finding> {
    group.open.iter().copied().filter(|finding| finding.fix == *fix).collect()
}

/// Packages for which nothing can be done but to wait, to configure or to do without: a paragraph for each.
pub(super) fn without_fix(page: &mut Page, groups: &[&SourceGroup<'_>], image: &Image) {
    for (fix, title) in &OPEN {
        let mut groups = groups.iter().filter(|group| group.open.iter().any(|it| it.fix == *fix)).peekable();
        if groups.peek().is_none() {
            continue;
        }
        page.blank();
        let title = format!("{}{}", title[..1].to_uppercase(), &title[1..]);
        page.paragraph(0, 2, words(&title, STRONG));
        for group in groups {
            let mut line = words(group.source, STRONG);
            line.extend(plain(&format!("{}{}:", group.installed.join(" and "), origin(group, image))));
            line.extend(marked(&open(group, fix)));
            page.paragraph(2, 6, line);
        }
    }
}

/// ` (npm, app/package-lock.json, layer 2)`.
fn origin(group: &SourceGroup<'_>, image: &Image) -> String {
    let mut parts = Vec::new();
    if !group.ecosystem.is_of_distribution() {
        parts.push(group.ecosystem.to_string());
        parts.extend(group.locations.iter().take(MOST_LOCATIONS).map(|location| say::short_path(location)));
        let more = group.locations.len().saturating_sub(MOST_LOCATIONS);
        parts.extend((more > 0).then(|| say::count(more, "other place", "other places")));
        parts.extend(group.owners.first().map(|owner| format!("part of the distribution's {owner}")));
    }
    if group.inferred {
        parts.push("inferred".to_owned());
    }
    let layers = if image.layers.is_empty() { &[] } else { group.layers.as_slice() };
    parts.extend(layers.iter().map(|layer| format!("layer {}", u64::from(*layer) + 1)));
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

/// Packages of languages have no one manager to ask: say which files they are in.
fn locations(page: &mut Page, group: &SourceGroup<'_>) {
    for location in group.locations.iter().take(MOST_LOCATIONS) {
        page.paragraph(2, 4, plain(&format!("in {location} ({})", group.ecosystem)));
    }
    if group.locations.len() > MOST_LOCATIONS {
        let more = say::count(group.locations.len() - MOST_LOCATIONS, "other place", "other places");
        page.paragraph(2, 4, plain(&format!("and in {more}")));
    }
    if !group.owners.is_empty() {
        let text = format!("part of the distribution's {}", group.owners.join(", "));
        page.paragraph(2, 4, plain(&text));
    }
}

fn ids(page: &mut Page, title: &str, findings: &[&Finding]) {
    if findings.is_empty() {
        return;
    }
    let mut line = plain(title);
    line.extend(marked(findings));
    page.paragraph(2, 4, line);
}

/// Ids, each in one piece with what is to be known of it.
fn marked(findings: &[&Finding]) -> Vec<Word> {
    let text = |finding: &Finding| match marks(finding) {
        marks if marks.is_empty() => finding.id.clone(),
        marks => format!("{} ({marks})", finding.id),
    };
    findings.iter().flat_map(|finding| word(&text(finding), style(finding.severity))).collect()
}

/// `high, exploited, EPSS 12.3 %, disputed`; small probabilities tell nobody what to do.
fn marks(finding: &Finding) -> String {
    const TOLD: u32 = 100_000;
    let mut marks = Vec::new();
    if finding.severity != Severity::Unknown {
        marks.push(finding.severity.name().to_owned());
    }
    if finding.exploited.is_some() {
        marks.push("exploited".to_owned());
    }
    if let Some(probability) = finding.epss.filter(|probability| *probability >= TOLD) {
        marks.push(format!("EPSS {}", say::percent(probability)));
    }
    if finding.disputed {
        marks.push("disputed".to_owned());
    }
    marks.join(", ")
}

pub(super) fn suppressed(page: &mut Page, report: &ScanReport<'_>) {
    if report.suppressed.is_empty() {
        return;
    }
    page.blank();
    let title = format!("Not counted: {}", say::count(report.suppressed.len(), "finding", "findings"));
    page.paragraph(0, 2, words(&title, STRONG));
    for entry in report.suppressed.iter().take(MOST_SUPPRESSED) {
        let package = &entry.finding.package;
        let text =
            format!("{} in {} {}: {}", entry.finding.id, package.name, package.version, entry.by.sentence());
        page.paragraph(2, 4, plain(&text));
    }
    if report.suppressed.len() > MOST_SUPPRESSED {
        page.paragraph(2, 4, plain(&format!("and {} more", report.suppressed.len() - MOST_SUPPRESSED)));
    }
}

pub(super) fn problems(page: &mut Page, report: &ScanReport<'_>) {
    if report.problems.is_empty() {
        return;
    }
    page.blank();
    let things = say::count(report.problems.len(), "thing", "things");
    page.paragraph(0, 2, words(&format!("The scan is incomplete: {things} could not be read"), WORSE));
    for problem in report.problems.iter().take(MOST_PROBLEMS) {
        page.paragraph(2, 4, plain(&problem.to_string()));
    }
    if report.problems.len() > MOST_PROBLEMS {
        page.paragraph(2, 4, plain(&format!("and {} more", report.problems.len() - MOST_PROBLEMS)));
    }
}

/// Histories hold whole scripts: enough of one to know it again.
pub(super) fn first_words(created_by: &str) -> String {
    let mut short: String = created_by.chars().take(60).collect();
    if created_by.chars().nth(60).is_some() {
        short.push('…');
    }
    short
}
