use anstyle::{AnsiColor, Style};
use lazaret_model::{Finding, Image, Outcome, Reason, Severity};

use super::ScanReport;
use super::group::{SourceGroup, by_severity, groups, worst_first};
use super::text::{Page, Word, plain, word, words};

/// No terminal is taken to be narrower, in columns.
pub const NARROWEST: usize = 40;

/// Upgrades told at the top; all of them stand with their findings below.
const MOST_UPGRADES: usize = 10;
/// A hostile image can have any number of problems; JSON has them all.
const MOST_PROBLEMS: usize = 20;

const STRONG: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const WORSE: Style = AnsiColor::Yellow.on_default();

/// The report for people: what to do, then why, by source package.
///
/// No line is wider than `width` columns, or than [`NARROWEST`] if that is more. `color` adds to the text
/// and never carries a meaning of its own.
pub fn table(report: &ScanReport<'_>, width: usize, color: bool) -> String {
    let mut page = Page::new(width.max(NARROWEST), color);
    let groups = groups(report);
    head(&mut page, report, &groups);
    verdict(&mut page, report);
    upgrades(&mut page, &groups);
    for group in &groups {
        page.blank();
        findings(&mut page, group, report.image);
    }
    problems(&mut page, report);
    page.finish()
}

fn head(page: &mut Page, report: &ScanReport<'_>, groups: &[SourceGroup<'_>]) {
    let image = report.image;
    let mut line = words(report.target, STRONG);
    line.extend(plain(&format!("({}, {})", image.config.short(), image.platform)));
    page.paragraph(0, 2, line);
    let system = report.distribution.map_or("no known distribution".to_owned(), ToString::to_string);
    let layers = count(image.layers.len(), "layer", "layers");
    page.paragraph(
        0,
        2,
        plain(&format!("{system}, {} in {layers}", count(report.packages.len(), "package", "packages"))),
    );
    let Some(database) = report.database else { return };
    let ids = worst_first(report.findings);
    let mut line = if ids.is_empty() {
        words("no known vulnerability,", GOOD)
    } else {
        let mut line = words(&count(ids.len(), "vulnerability", "vulnerabilities"), STRONG);
        line.extend(plain(&format!("in {}:", count(groups.len(), "source package", "source packages"))));
        line.extend(severities(&ids, ","));
        line
    };
    line.extend(plain(&format!(
        "by {} of {}",
        count_u64(database.advisories, "advisory", "advisories"),
        database.built
    )));
    page.paragraph(0, 2, line);
}

fn verdict(page: &mut Page, report: &ScanReport<'_>) {
    let Some(verdict) = report.verdict else { return };
    page.blank();
    let mut line = match verdict.outcome {
        Outcome::Pass => word("PASSED", GOOD),
        Outcome::Refuse => word("REFUSED", BAD),
    };
    line.extend(plain(&format!("by the policy {}", verdict.policy.short())));
    page.paragraph(0, 2, line);
    let mut tell = |reason: &Reason, prefix: &str| {
        page.paragraph(2, 4, plain(&format!("{prefix}{}: {}", reason.rule, reason.message)));
        if !reason.remedy.is_empty() {
            page.paragraph(4, 6, plain(&format!("→ {}", reason.remedy)));
        }
    };
    verdict.reasons.iter().for_each(|reason| tell(reason, ""));
    verdict.excepted.iter().for_each(|reason| tell(reason, "excepted by "));
}

fn upgrades(page: &mut Page, groups: &[SourceGroup<'_>]) {
    let useful: Vec<_> = groups.iter().filter_map(|group| Some((group, group.upgrade?))).collect();
    if useful.is_empty() {
        return;
    }
    page.blank();
    page.paragraph(0, 2, word("What to do", STRONG));
    for (at, (group, to)) in useful.iter().take(MOST_UPGRADES).enumerate() {
        let mut line = plain(&format!("{:>2}. upgrade", at + 1));
        line.extend(words(group.source, STRONG));
        line.extend(plain(&format!(
            "to {to}: removes {}",
            count(group.fixed.len(), "vulnerability", "vulnerabilities")
        )));
        let rated: Vec<_> =
            group.fixed.iter().copied().filter(|finding| finding.severity > Severity::None).collect();
        if !rated.is_empty() {
            line.extend(plain("with"));
            line.extend(severities(&rated, ""));
        }
        page.paragraph(2, 6, line);
    }
    if useful.len() > MOST_UPGRADES {
        page.paragraph(2, 6, plain(&format!("and {} more, below", useful.len() - MOST_UPGRADES)));
    }
}

fn findings(page: &mut Page, group: &SourceGroup<'_>, image: &Image) {
    let mut line = words(group.source, STRONG);
    line.extend(plain(&group.installed.join(" and ")));
    if let Some(upgrade) = group.upgrade {
        line.extend(plain("→"));
        line.extend(words(upgrade, GOOD));
    }
    page.paragraph(0, 4, line);
    page.paragraph(2, 4, plain(&format!("in {}", group.packages.join(", "))));
    for layer in &group.layers {
        let known = usize::try_from(*layer).ok().and_then(|at| image.layers.get(at));
        let origin = known.map_or(String::new(), |layer| {
            format!("{} {}", layer.diff_id.short(), first_words(&layer.created_by))
        });
        page.paragraph(2, 4, words(&format!("layer {layer} {origin}"), FAINT));
    }
    ids(page, "fixed:", &group.fixed);
    ids(page, "no fix yet:", &group.open);
}

fn ids(page: &mut Page, title: &str, findings: &[&Finding]) {
    if findings.is_empty() {
        return;
    }
    let mut line = plain(title);
    for finding in findings {
        match finding.severity {
            Severity::Unknown => line.extend(plain(&finding.id)),
            severity => line.extend(words(&format!("{} ({severity})", finding.id), style(severity))),
        }
    }
    page.paragraph(2, 4, line);
}

fn problems(page: &mut Page, report: &ScanReport<'_>) {
    if report.problems.is_empty() {
        return;
    }
    page.blank();
    let title = format!(
        "The scan is incomplete: {} could not be read",
        count(report.problems.len(), "thing", "things")
    );
    page.paragraph(0, 2, words(&title, WORSE));
    for problem in report.problems.iter().take(MOST_PROBLEMS) {
        page.paragraph(2, 4, plain(&problem.to_string()));
    }
    if report.problems.len() > MOST_PROBLEMS {
        page.paragraph(2, 4, plain(&format!("and {} more", report.problems.len() - MOST_PROBLEMS)));
    }
}

/// `2 critical, 1 low` and then `end`.
fn severities(findings: &[&Finding], end: &str) -> Vec<Word> {
    let counts: Vec<_> = by_severity(findings).into_iter().filter(|(_, count)| *count > 0).collect();
    let last = counts.len().saturating_sub(1);
    let each = counts.into_iter().enumerate().flat_map(|(at, (severity, count))| {
        words(&format!("{count} {severity}{}", if at == last { end } else { "," }), style(severity))
    });
    each.collect()
}

fn style(severity: Severity) -> Style {
    match severity {
        Severity::Critical | Severity::High => BAD,
        Severity::Medium => WORSE,
        Severity::Low | Severity::None | Severity::Unknown => Style::new(),
    }
}

/// Histories hold whole scripts: enough of one to know it again.
fn first_words(created_by: &str) -> String {
    let mut short: String = created_by.chars().take(60).collect();
    if created_by.chars().nth(60).is_some() {
        short.push('…');
    }
    short
}

fn count(number: usize, one: &str, many: &str) -> String {
    count_u64(number as u64, one, many)
}

fn count_u64(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{Sample, finding, package, sample};
    use super::super::text::width;
    use super::*;

    #[test]
    fn tells_what_to_do_first() {
        let expected = "\
127.0.0.1:5055/shop:v1 (cccccccccccc, linux/amd64)
Debian GNU/Linux 12 (bookworm), 4 packages in 2 layers
4 vulnerabilities in 2 source packages: 1 critical, 1 high, 1 low, 1 unknown, by
  1234 advisories of 2026-11-01T00:00:00Z

REFUSED by the policy bbbbbbbbbbbb
  fixable: 3 vulnerabilities have been fixed for more than 7 days
    → upgrade openssl and nginx

What to do
  1. upgrade openssl to 3.0.9-10: removes 2 vulnerabilities with 1 high
  2. upgrade nginx to 1.22.1-9+deb12u1: removes 1 vulnerability with 1 low

openssl 3.0.9-1 → 3.0.9-10
  in libssl3, openssl
  layer 0 010101010101
  layer 1 020202020202 /bin/sh -c apt-get install -y nginx openssl
  fixed: CVE-2026-1 (high) CVE-2026-10

nginx 1.22.1-9 → 1.22.1-9+deb12u1
  in nginx
  layer 1 020202020202 /bin/sh -c apt-get install -y nginx openssl
  fixed: CVE-2026-3 (low)
  no fix yet: CVE-2026-2 (critical)

The scan is incomplete: 1 thing could not be read
  usr/share/big: larger than 64 MiB (limit)
";
        let text = table(&sample().report(), 80, false);
        assert_eq!(text, expected, "if this is meant, the new page is:\n{text}");
    }

    #[test]
    fn a_clean_image_is_said_to_be_clean() {
        let mut clean = Sample { findings: vec![], problems: vec![], ..sample() };
        let verdict = clean.verdict.as_mut().unwrap();
        (verdict.outcome, verdict.reasons) = (Outcome::Pass, vec![]);
        let text = table(&clean.report(), 80, false);
        assert!(text.contains("no known vulnerability, by 1234 advisories"), "{text}");
        assert!(text.ends_with("PASSED by the policy bbbbbbbbbbbb\n"), "{text}");
    }

    #[test]
    fn a_list_of_packages_claims_nothing_about_vulnerabilities() {
        let sample = Sample { findings: vec![], verdict: None, ..sample() };
        let mut report = sample.report();
        report.database = None;
        assert!(!table(&report, 80, false).contains("vulnerabilit"));
    }

    #[test]
    fn colour_adds_nothing_but_colour() {
        let sample = sample();
        let colored = table(&sample.report(), 80, true);
        let mut plain = String::new();
        let mut rest = colored.as_str();
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            plain.push_str(before);
            rest = after.split_once('m').unwrap().1;
        }
        plain.push_str(rest);
        assert_ne!(colored, plain);
        assert_eq!(plain, table(&sample.report(), 80, false));
    }

    #[test]
    fn long_lists_are_cut_and_said_to_be() {
        let mut sample = sample();
        sample.findings = (10..30)
            .map(|n| {
                finding(
                    &format!("CVE-2026-{n}"),
                    &package("p", "1", &format!("source{n}"), 0),
                    Some("2"),
                    Severity::Low,
                )
            })
            .collect();
        sample.problems = vec![sample.problems[0].clone(); 25];
        let text = table(&sample.report(), 80, false);
        assert!(
            text.contains("  10. upgrade")
                && text.contains("and 10 more, below\n")
                && text.contains("  and 5 more\n"),
            "{text}"
        );
        assert!(!text.contains("11. upgrade"));
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_terminal(
            width_of_page in 0usize..130, source in "\\PC{0,60}", version in "[ -~]{0,60}", id in "\\PC{0,50}", text in "(?s).{0,120}",
            color in any::<bool>(),
        ) {
            let mut sample = sample();
            sample.findings.push(finding(&id, &package(&text, &version, &source, 7), Some(&version), Severity::Medium));
            sample.findings.push(finding(&text, &package(&text, &version, &source, 1), None, Severity::Critical));
            sample.image.layers[1].created_by.clone_from(&text);
            let verdict = sample.verdict.as_mut().unwrap();
            verdict.reasons[0].message.clone_from(&text);
            let page = table(&sample.report(), width_of_page, false);
            for line in page.lines() {
                prop_assert!(width(line) <= width_of_page.max(NARROWEST), "{line}");
            }
            prop_assert!(!page.contains(|c: char| c.is_control() && c != '\n'));
            let _ = table(&sample.report(), width_of_page, color);
        }
    }
}
