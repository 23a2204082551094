//! Markdown for comments on pull requests: what to do, in a table that stays readable as text.

use std::fmt::Write as _;

use lazaret_model::{Finding, Outcome};

use crate::escape::markdown as safe;
use crate::report::{ScanReport, SourceGroup, by_severity, groups, worst_first};
use crate::words;

/// Comments have a bound of 65,536 characters; what is cut is said to be.
const MOST_ROWS: usize = 100;
const MOST_IDS: usize = 10;

pub fn write(report: &ScanReport<'_>) -> String {
    let groups = groups(report);
    let ids = worst_first(report.findings);
    let mut text = format!("## {}\n\n", safe(report.target));
    if let Some(verdict) = report.verdict {
        let word = if verdict.outcome == Outcome::Pass { "Passed" } else { "**Refused**" };
        paragraph(&mut text, format_args!("{word} by the policy {}.", verdict.policy.short()));
        for reason in &verdict.reasons {
            writeln!(text, "- {}: {}", safe(&reason.rule), safe(&reason.message))
                .expect("a string takes everything");
        }
        if !verdict.reasons.is_empty() {
            text.push('\n');
        }
    }
    if let Some(warning) = report.coverage_warning {
        paragraph(&mut text, format_args!("**Warning:** {}", safe(warning)));
    }
    if report.database.is_some() {
        let packages = words::count(report.packages.len(), "package", "packages");
        let found = words::count(ids.len(), "vulnerability", "vulnerabilities");
        let vulnerable = groups.len();
        match ids.is_empty() {
            true => paragraph(&mut text, format_args!("{found} in {packages}.")),
            false => paragraph(
                &mut text,
                format_args!("{found} in {vulnerable} of {packages}: {}.", severities(&ids)),
            ),
        }
    }
    let (fixable, open): (Vec<_>, Vec<_>) = groups.iter().partition(|group| group.upgrade.is_some());
    if !fixable.is_empty() {
        text.push_str("| package | installed | upgrade to | vulnerabilities |\n|---|---|---|---|\n");
        fixable.iter().take(MOST_ROWS).for_each(|group| row(&mut text, group));
        text.push('\n');
        more(&mut text, fixable.len());
    }
    // Nothing can be done about them here: they don't take the room of what can be.
    if !open.is_empty() {
        let packages = words::count(open.len(), "package", "packages");
        paragraph(&mut text, format_args!("<details><summary>{packages} without a fix</summary>"));
        text.push_str("| package | installed | vulnerabilities |\n|---|---|---|\n");
        open.iter().take(MOST_ROWS).for_each(|group| open_row(&mut text, group));
        text.push('\n');
        more(&mut text, open.len());
        paragraph(&mut text, format_args!("</details>"));
    }
    if !report.suppressed.is_empty() {
        let many = words::count(report.suppressed.len(), "finding does", "findings do");
        paragraph(&mut text, format_args!("{many} not count:"));
        for entry in report.suppressed.iter().take(MOST_ROWS) {
            let (finding, by) = (&entry.finding, entry.by.sentence());
            let line = format!("{} in {}: {by}", finding.id, finding.package.name);
            writeln!(text, "- {}", safe(&line)).expect("a string takes everything");
        }
        text.push('\n');
    }
    if !report.problems.is_empty() {
        let things = words::count(report.problems.len(), "thing", "things");
        paragraph(&mut text, format_args!("The scan is incomplete: {things} could not be read."));
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

/// `1 exploited, 2 critical, 3 low`.
fn severities(findings: &[&Finding]) -> String {
    let exploited = findings.iter().filter(|finding| finding.exploited.is_some()).count();
    let first = (exploited > 0).then(|| format!("**{exploited} known to be exploited**"));
    let rated = by_severity(findings).into_iter().filter(|(_, count)| *count > 0);
    let rated = rated.map(|(severity, count)| format!("{count} {}", words::severity(severity)));
    Vec::from_iter(first.into_iter().chain(rated)).join(", ")
}

fn more(text: &mut String, packages: usize) {
    if let Some(left @ 1..) = packages.checked_sub(MOST_ROWS) {
        paragraph(text, format_args!("And {} more.", words::count(left, "package", "packages")));
    }
}

fn row(text: &mut String, group: &SourceGroup<'_>) {
    let (name, installed) = named(group);
    let upgrade = group.upgrade.map(safe).unwrap_or_default();
    writeln!(text, "| {name} | {installed} | {upgrade} | {} |", ids(group))
        .expect("a string takes everything");
}

fn open_row(text: &mut String, group: &SourceGroup<'_>) {
    let (name, installed) = named(group);
    writeln!(text, "| {name} | {installed} | {} |", ids(group)).expect("a string takes everything");
}

fn named(group: &SourceGroup<'_>) -> (String, String) {
    (format!("{} ({})", safe(group.source), group.ecosystem), safe(&group.installed.join(", ")))
}

fn ids(group: &SourceGroup<'_>) -> String {
    let all: Vec<&Finding> = group.fixed.iter().chain(&group.open).copied().collect();
    let mut ids: Vec<String> = all.iter().take(MOST_IDS).map(|finding| id(finding)).collect();
    if all.len() > MOST_IDS {
        ids.push(format!("and {} more", all.len() - MOST_IDS));
    }
    ids.join(", ")
}

fn id(finding: &Finding) -> String {
    let exploited = if finding.exploited.is_some() { ", **exploited**" } else { "" };
    format!("{} ({}{exploited})", safe(&finding.id), words::severity(finding.severity))
}

fn paragraph(text: &mut String, line: std::fmt::Arguments<'_>) {
    write!(text, "{line}\n\n").expect("a string takes everything");
}
