mod details;

use anstyle::{AnsiColor, Style};
use lazaret_model::{Finding, Outcome, Reason, Severity, SubjectKind};

use super::ScanReport;
use super::base::{LayerShare, layers};
use super::group::{SourceGroup, by_severity, groups, worst_first};
use super::text::{Page, Word, plain, word, words};
use crate::words as say;

/// No terminal is taken to be narrower, in columns.
pub const NARROWEST: usize = 40;

/// Upgrades told at the top; all of them stand with their findings below.
const MOST_UPGRADES: usize = 10;
/// Layers told: images have tens, and those below brought little.
const MOST_LAYERS: usize = 5;

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
    origins(&mut page, report);
    let (fixable, open): (Vec<_>, Vec<_>) = groups.iter().partition(|group| group.upgrade.is_some());
    for group in fixable {
        page.blank();
        details::findings(&mut page, group, report.image);
    }
    details::without_fix(&mut page, &open, report.image);
    details::suppressed(&mut page, report);
    details::problems(&mut page, report);
    page.finish()
}

fn head(page: &mut Page, report: &ScanReport<'_>, groups: &[SourceGroup<'_>]) {
    let image = report.image;
    let mut line = words(report.target, STRONG);
    line.extend(plain(&match report.kind {
        SubjectKind::Image => format!("({}, {})", image.config.short(), image.platform),
        SubjectKind::Directory => "(a directory)".to_owned(),
        SubjectKind::RootFileSystem => "(a root file system)".to_owned(),
        SubjectKind::BillOfMaterial => "(a bill of material)".to_owned(),
    }));
    page.paragraph(0, 2, line);
    let system = report.distribution.map_or("no known distribution".to_owned(), ToString::to_string);
    let packages = say::count(report.packages.len(), "package", "packages");
    let layers = match image.layers.len() {
        0 => String::new(),
        layers => format!(" in {}", say::count(layers, "layer", "layers")),
    };
    page.paragraph(0, 2, plain(&format!("{system}, {packages}{layers}")));
    if let Some(warning) = report.coverage_warning {
        page.paragraph(0, 2, words(&format!("Warning: {warning}"), WORSE));
    }
    let Some(database) = report.database else { return };
    let ids = worst_first(report.findings);
    let mut line = if ids.is_empty() {
        words("no known vulnerability,", if report.coverage_warning.is_none() { GOOD } else { WORSE })
    } else {
        let mut line = words(&say::count(ids.len(), "vulnerability", "vulnerabilities"), STRONG);
        line.extend(plain(&format!("in {}:", say::count(groups.len(), "package", "packages"))));
        line.extend(severities(&ids, ","));
        line
    };
    let advisories = if database.advisories == 1 { "advisory" } else { "advisories" };
    line.extend(plain(&format!("by {} {advisories} of {}", database.advisories, database.built)));
    page.paragraph(0, 2, line);
    let exploited = ids.iter().filter(|finding| finding.exploited.is_some()).count();
    if exploited > 0 {
        let text = format!("{exploited} of them known to be exploited");
        page.paragraph(0, 2, words(&text, BAD));
    }
    if !report.suppressed.is_empty() {
        let text = say::count(report.suppressed.len(), "finding does", "findings do");
        page.paragraph(0, 2, plain(&format!("{text} not count, by statements that stand below")));
    }
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
        let removed = say::count(group.fixed.len(), "vulnerability", "vulnerabilities");
        let place = place(group).map(|place| format!(" {place}")).unwrap_or_default();
        line.extend(plain(&format!("to {to}{place}: removes {removed}")));
        line.extend(rated(&group.fixed));
        page.paragraph(2, 6, line);
    }
    if useful.len() > MOST_UPGRADES {
        page.paragraph(2, 6, plain(&format!("and {} more, below", useful.len() - MOST_UPGRADES)));
    }
}

/// Where an upgrade is to be made: what a distribution's tools upgrade needs no place.
fn place(group: &SourceGroup<'_>) -> Option<String> {
    if group.ecosystem.is_of_distribution() {
        return None;
    }
    if let [owner, others @ ..] = group.owners.as_slice() {
        let more = if others.is_empty() { "" } else { " and others" };
        return Some(format!("({}, part of the distribution's {owner}{more})", group.ecosystem));
    }
    Some(match group.locations.as_slice() {
        [] => format!("({})", group.ecosystem),
        [one] => format!("({}, {})", group.ecosystem, say::short_path(one)),
        [one, others @ ..] => {
            let others = say::count(others.len(), "other", "others");
            format!("({}, {} and {others})", group.ecosystem, say::short_path(one))
        }
    })
}

/// Which layer brought them: a newer base image, or another line of the recipe, is the next thing to try.
fn origins(page: &mut Page, report: &ScanReport<'_>) {
    let shares = layers(report);
    if report.image.layers.len() < 2 || shares.is_empty() {
        return;
    }
    page.blank();
    page.paragraph(0, 2, words("Where it comes from", STRONG));
    for LayerShare { index, layer, vulnerabilities, fixable, .. } in shares.iter().take(MOST_LAYERS) {
        let mut line = plain(&format!("layer {}:", u64::from(*index) + 1));
        line.extend(plain(&say::count(vulnerabilities.len(), "vulnerability", "vulnerabilities")));
        line.extend(rated(vulnerabilities));
        line.extend(plain(&format!("({fixable} with a fix)")));
        let recipe = layer.map(|layer| details::first_words(&say::recipe(layer))).unwrap_or_default();
        page.paragraph(2, 6, line);
        if !recipe.is_empty() {
            page.paragraph(6, 8, words(&recipe, FAINT));
        }
    }
    if shares.len() > MOST_LAYERS {
        let more = say::count(shares.len() - MOST_LAYERS, "other layer", "other layers");
        page.paragraph(2, 6, plain(&format!("and less from {more}")));
    }
}

/// `with 1 exploited, 1 high`; nothing where nothing is rated.
fn rated(findings: &[&Finding]) -> Vec<Word> {
    let rated: Vec<_> =
        findings.iter().copied().filter(|finding| finding.severity > Severity::None).collect();
    let exploited = findings.iter().filter(|finding| finding.exploited.is_some()).count();
    if rated.is_empty() && exploited == 0 {
        return Vec::new();
    }
    let mut line = plain("with");
    if exploited > 0 {
        let end = if rated.is_empty() { "" } else { "," };
        line.extend(words(&format!("{exploited} exploited{end}"), BAD));
    }
    line.extend(severities(&rated, ""));
    line
}

/// `2 critical, 1 low` and then `end`.
fn severities(findings: &[&Finding], end: &str) -> Vec<Word> {
    let counts: Vec<_> = by_severity(findings).into_iter().filter(|(_, count)| *count > 0).collect();
    let last = counts.len().saturating_sub(1);
    let each = counts.into_iter().enumerate().flat_map(|(at, (severity, count))| {
        let end = if at == last { end } else { "," };
        words(&format!("{count} {}{end}", say::severity(severity)), style(severity))
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

#[cfg(test)]
mod tests {
    use lazaret_model::{Ecosystem, FixState, Package, PackageEvidence};
    use proptest::prelude::*;

    use super::super::tests::{Sample, finding, package, sample};
    use super::super::text::width;
    use super::super::{Suppressed, Suppression, SuppressionKind};
    use super::*;

    #[test]
    fn tells_what_to_do_first() {
        let expected = "\
127.0.0.1:5055/shop:v1 (cccccccccccc, linux/amd64)
Debian GNU/Linux 12 (bookworm), 4 packages in 2 layers
4 vulnerabilities in 2 packages: 1 critical, 1 high, 1 low, 1 unrated, by 1234
  advisories of 2026-11-01T00:00:00Z

REFUSED by the policy bbbbbbbbbbbb
  fixable: 3 vulnerabilities have been fixed for more than 7 days
    → upgrade openssl and nginx

What to do
  1. upgrade openssl to 3.0.9-10: removes 2 vulnerabilities with 1 high
  2. upgrade nginx to 1.22.1-9+deb12u1: removes 1 vulnerability with 1 low

Where it comes from
  layer 2: 3 vulnerabilities with 1 critical, 1 high, 1 low (2 with a fix)
      RUN apt-get install -y nginx openssl
  layer 1: 2 vulnerabilities with 1 high (2 with a fix)

openssl 3.0.9-1 → 3.0.9-10
  in libssl3, openssl
  layer 1 010101010101
  layer 2 020202020202 RUN apt-get install -y nginx openssl
  fixed: CVE-2026-1 (high) CVE-2026-10

nginx 1.22.1-9 → 1.22.1-9+deb12u1
  in nginx
  layer 2 020202020202 RUN apt-get install -y nginx openssl
  fixed: CVE-2026-3 (low)
  no fix yet: CVE-2026-2 (critical)

The scan is incomplete: 1 thing could not be read
  usr/share/big: larger than 64 MiB (limit)
";
        let text = table(&sample().report(), 80, false);
        assert_eq!(text, expected, "if this is meant, the new page is:\n{text}");
    }

    #[test]
    fn says_what_it_knows_of_each_finding() {
        let mut sample = sample();
        let lodash = Package {
            location: "app/package-lock.json".to_owned(),
            evidence: PackageEvidence::Inferred,
            ..Package::new(Ecosystem::Npm, "lodash", "4.17.4")
        };
        let mut exploited = finding("CVE-2026-1", &lodash, Some("4.17.21"), Severity::High);
        (exploited.exploited, exploited.epss) = (Some("2026-10-01".to_owned()), Some(123_456));
        let mut disputed = finding("CVE-2026-2", &lodash, None, Severity::Unknown);
        (disputed.disputed, disputed.fix) = (true, FixState::WillNotFix);
        let owned = Package { owner: Some("node-ws".to_owned()), ..Package::new(Ecosystem::Npm, "ws", "1") };
        let end = Finding { fix: FixState::EndOfLife, ..finding("CVE-2026-3", &owned, None, Severity::Low) };
        let fixed = finding("CVE-2026-5", &owned, Some("2"), Severity::Low);
        let taken_out = finding("CVE-2026-4", &lodash, None, Severity::Low);
        sample.findings = vec![exploited, disputed, end, fixed];
        sample.suppressed = vec![Suppressed {
            finding: taken_out,
            by: Suppression {
                kind: SuppressionKind::Accepted,
                justification: None,
                reason: "not reachable".to_owned(),
                author: "shop team".to_owned(),
                at: None,
                expires: Some("2027-01-31".to_owned()),
                origin: "ignore.yaml".to_owned(),
            },
        }];
        let mut report = sample.report();
        report.coverage_warning = Some("the database has no advisories for this distribution");
        let text = table(&report, 100, false);
        for line in [
            "Warning: the database has no advisories for this distribution",
            "1 of them known to be exploited",
            "1 finding does not count, by statements that stand below",
            "  1. upgrade lodash to 4.17.21 (npm, app/package-lock.json): removes 1 vulnerability with 1",
            "      exploited, 1 high",
            "  2. upgrade ws to 2 (npm, part of the distribution's node-ws): removes 1 vulnerability with 1 low",
            "  in app/package-lock.json (npm)",
            "  inferred from what a program contains: the version may be that of another build",
            "  fixed: CVE-2026-1 (high, exploited, EPSS 12.3 %)",
            "  will not be fixed: CVE-2026-2 (disputed)",
            "  no fixes any more, the release is at its end: CVE-2026-3 (low)",
            "Not counted: 1 finding",
            "  CVE-2026-4 in lodash 4.17.4: accepted, says shop team: not reachable (until 2027-01-31)",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
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
