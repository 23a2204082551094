//! The report as one HTML file: no script, nothing loaded, readable printed and in the dark.

use std::fmt::Write as _;

use lazaret_model::{Finding, FixState, Outcome};

use crate::escape::markup as safe;
use crate::report::{ScanReport, SourceGroup, groups, layers, worst_first};
use crate::words;

const STYLE: &str = include_str!("style.css");

pub fn write(report: &ScanReport<'_>) -> String {
    let mut page = Page::default();
    let title = safe(report.target);
    // Nothing foreign runs even where an escape were missing.
    page.line(format_args!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}: scan report</title>\n<style>\n{STYLE}</style>\n</head>\n<body>"
    ));
    let groups = groups(report);
    head(&mut page, report, &groups);
    verdict(&mut page, report);
    upgrades(&mut page, &groups);
    origins(&mut page, report);
    if !groups.is_empty() {
        page.line(format_args!("<h2>Packages with findings</h2>"));
        groups.iter().for_each(|group| package(&mut page, group));
    }
    suppressed(&mut page, report);
    problems(&mut page, report);
    inventory(&mut page, report);
    page.line(format_args!("</body>\n</html>"));
    page.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{text}").expect("a string takes everything");
    }

    fn table(&mut self, heads: &[&str], rows: impl FnOnce(&mut Self)) {
        self.line(format_args!("<table>\n<thead><tr>"));
        heads.iter().for_each(|head| self.line(format_args!("<th>{head}</th>")));
        self.line(format_args!("</tr></thead>\n<tbody>"));
        rows(self);
        self.line(format_args!("</tbody>\n</table>"));
    }
}

fn head(page: &mut Page, report: &ScanReport<'_>, groups: &[SourceGroup<'_>]) {
    let image = report.image;
    page.line(format_args!("<h1>{}</h1>", safe(report.target)));
    let system = report.distribution.map_or("no known distribution".to_owned(), ToString::to_string);
    let packages = words::count(report.packages.len(), "package", "packages");
    let layers = words::count(image.layers.len(), "layer", "layers");
    page.line(format_args!(
        "<p class=\"faint\">{}, {packages} in {layers}, {}, <code>{}</code></p>",
        safe(&system),
        safe(&image.platform.to_string()),
        image.config
    ));
    if let Some(warning) = report.coverage_warning {
        page.line(format_args!("<p class=\"panel warning\">Warning: {}</p>", safe(warning)));
    }
    let Some(database) = report.database else { return };
    let ids = worst_first(report.findings);
    let found = words::count(ids.len(), "vulnerability", "vulnerabilities");
    let sources = words::count(groups.len(), "package", "packages");
    page.line(format_args!(
        "<p><strong>{found}</strong> in {sources}, by {} advisories of {}</p>",
        database.advisories,
        safe(&database.built)
    ));
    let exploited = ids.iter().filter(|finding| finding.exploited.is_some()).count();
    if exploited > 0 {
        page.line(format_args!("<p class=\"critical\">{exploited} of them known to be exploited</p>"));
    }
}

fn verdict(page: &mut Page, report: &ScanReport<'_>) {
    let Some(verdict) = report.verdict else { return };
    let (class, word) = match verdict.outcome {
        Outcome::Pass => ("passed", "Passed"),
        Outcome::Refuse => ("refused", "Refused"),
    };
    let policy = verdict.policy.short();
    page.line(format_args!("<div class=\"panel\"><p><span class=\"{class}\">{word}</span> by the policy <code>{policy}</code></p>"));
    for (prefix, reasons) in [("", &verdict.reasons), ("excepted by ", &verdict.excepted)] {
        for reason in reasons {
            page.line(format_args!("<p>{prefix}{}: {}</p>", safe(&reason.rule), safe(&reason.message)));
            if !reason.remedy.is_empty() {
                page.line(format_args!("<p class=\"faint\">→ {}</p>", safe(&reason.remedy)));
            }
        }
    }
    page.line(format_args!("</div>"));
}

fn upgrades(page: &mut Page, groups: &[SourceGroup<'_>]) {
    if groups.iter().all(|group| group.upgrade.is_none()) {
        return;
    }
    page.line(format_args!("<h2>What to do</h2>"));
    page.table(&["upgrade", "from", "to", "removes"], |page| {
        for group in groups {
            let Some(to) = group.upgrade else { continue };
            let removes = words::count(group.fixed.len(), "vulnerability", "vulnerabilities");
            page.line(format_args!(
                "<tr><td>{} <span class=\"faint\">{}</span></td><td class=\"version\">{}</td><td class=\"version upgrade\">{}</td><td>{removes}</td></tr>",
                safe(group.source),
                group.ecosystem,
                safe(&group.installed.join(", ")),
                safe(to)
            ));
        }
    });
}

fn origins(page: &mut Page, report: &ScanReport<'_>) {
    let shares = layers(report);
    if report.image.layers.len() < 2 || shares.is_empty() {
        return;
    }
    page.line(format_args!("<h2>Where it comes from</h2>"));
    page.table(&["layer", "vulnerabilities", "with a fix", "brought by"], |page| {
        for share in &shares {
            let recipe = share.layer.map(words::recipe).unwrap_or_default();
            page.line(format_args!(
                "<tr><td>{}</td><td>{}</td><td>{}</td><td><code>{}</code></td></tr>",
                u64::from(share.index) + 1,
                share.vulnerabilities.len(),
                share.fixable,
                safe(&recipe)
            ));
        }
    });
}

fn package(page: &mut Page, group: &SourceGroup<'_>) {
    let count = words::count(group.fixed.len() + group.open.len(), "vulnerability", "vulnerabilities");
    let worst = group.fixed.iter().chain(&group.open).map(|finding| finding.severity).max();
    let worst = worst.map(words::severity).unwrap_or_default();
    page.line(format_args!(
        "<details><summary><strong>{}</strong> <code>{}</code> <span class=\"faint\">{}</span>: {count}, <span class=\"{worst}\">{worst}</span></summary>",
        safe(group.source),
        safe(&group.installed.join(", ")),
        group.ecosystem
    ));
    page.line(format_args!("<p>Installed as {}</p>", safe(&group.packages.join(", "))));
    for location in &group.locations {
        page.line(format_args!("<p class=\"faint\">in <code>{}</code></p>", safe(location)));
    }
    if !group.owners.is_empty() {
        page.line(format_args!(
            "<p class=\"faint\">part of the distribution's {}</p>",
            safe(&group.owners.join(", "))
        ));
    }
    if group.inferred {
        page.line(format_args!("<p class=\"warning\">inferred from what a program contains: the version may be that of another build</p>"));
    }
    page.table(&["id", "severity", "CVSS", "EPSS", "fix", "about"], |page| {
        group.fixed.iter().chain(&group.open).for_each(|finding| row(page, finding));
    });
    page.line(format_args!("</details>"));
}

fn row(page: &mut Page, finding: &Finding) {
    let id = match words::link(&finding.id) {
        Some(link) => format!("<a href=\"{}\">{}</a>", safe(&link), safe(&finding.id)),
        None => safe(&finding.id).into_owned(),
    };
    let severity = words::severity(finding.severity);
    let mut marks = String::new();
    if let Some(since) = &finding.exploited {
        marks.push_str(&format!(" <span class=\"critical\">exploited since {}</span>", safe(since)));
    }
    if finding.disputed {
        marks.push_str(" <span class=\"faint\">disputed</span>");
    }
    let score = finding.cvss_score.map(|score| format!("{:.1}", words::score(score))).unwrap_or_default();
    let chance = finding.epss.map(words::percent).unwrap_or_default();
    let fix = match &finding.fix {
        FixState::Fixed { version } => format!("<code>{}</code>", safe(version)),
        FixState::NotFixed => "not yet".to_owned(),
        FixState::WillNotFix => "won't be".to_owned(),
        FixState::EndOfLife => "end of life".to_owned(),
    };
    page.line(format_args!(
        "<tr><td>{id}{marks}</td><td class=\"{severity}\">{severity}</td><td>{score}</td><td>{}</td><td>{fix}</td><td>{}</td></tr>",
        safe(&chance),
        safe(&finding.summary)
    ));
}

fn suppressed(page: &mut Page, report: &ScanReport<'_>) {
    if report.suppressed.is_empty() {
        return;
    }
    page.line(format_args!("<h2>Not counted</h2>"));
    page.table(&["id", "package", "why", "said in"], |page| {
        for entry in report.suppressed {
            let package = &entry.finding.package;
            page.line(format_args!(
                "<tr><td>{}</td><td>{} <code>{}</code></td><td>{}</td><td>{}</td></tr>",
                safe(&entry.finding.id),
                safe(&package.name),
                safe(&package.version),
                safe(&entry.by.sentence()),
                safe(&entry.by.origin)
            ));
        }
    });
}

fn problems(page: &mut Page, report: &ScanReport<'_>) {
    if report.problems.is_empty() {
        return;
    }
    page.line(format_args!("<h2 class=\"warning\">What could not be read</h2>\n<ul>"));
    for problem in report.problems {
        page.line(format_args!("<li>{}</li>", safe(&problem.to_string())));
    }
    page.line(format_args!("</ul>"));
}

fn inventory(page: &mut Page, report: &ScanReport<'_>) {
    let packages = words::count(report.packages.len(), "package", "packages");
    page.line(format_args!("<h2>Inventory</h2>\n<details><summary>{packages}</summary>"));
    page.table(&["package", "version", "kind", "where", "layer", "licences"], |page| {
        for package in report.packages {
            page.line(format_args!(
                "<tr><td>{}</td><td class=\"version\">{}</td><td>{}, {}</td><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
                safe(&package.name),
                safe(&package.version),
                package.ecosystem,
                package.evidence.name(),
                safe(&package.location),
                words::layer(report.image, package).map_or(String::new(), |(number, _)| number.to_string()),
                safe(&package.licences.join(", "))
            ));
        }
    });
    page.line(format_args!("</details>"));
}
