//! What a policy says of an image that was scanned.

use jiff::Timestamp;
use lazaret_model::{
    DatabaseSnapshot, Distribution, Finding, Image, Outcome, Package, Problem, Reason, Verdict,
};

use crate::age;
use crate::exception;
use crate::pattern::Pattern;
use crate::policy::{Condition, Policy, ScanRule};
use crate::sentence::{and, counted, some_of};
use crate::vulnerability;

/// Everything that a scan found.
#[derive(Debug, Clone, Copy)]
pub struct ScanFacts<'a> {
    pub image: &'a Image,
    pub distribution: Option<&'a Distribution>,
    pub packages: &'a [Package],
    pub findings: &'a [Finding],
    pub problems: &'a [Problem],
    pub database: &'a DatabaseSnapshot,
}

/// Holds every rule of `scan:` against what a scan found: one reason for each rule that is not met.
pub fn judge(policy: &Policy, facts: &ScanFacts<'_>, now: Timestamp) -> Verdict {
    let (open, excepted) = exception::take_out(&policy.exceptions, facts.findings, now);
    let reasons: Vec<Reason> = match &policy.scan {
        Some(rules) => rules.iter().filter_map(|rule| refusal(rule, facts, &open, now)).collect(),
        None => vec![Reason {
            rule: "scan".to_owned(),
            message: "the policy says nothing about scans, so no image passes".to_owned(),
            remedy: "add a section `scan:` to the policy; `scan: []` lets every image pass".to_owned(),
        }],
    };
    Verdict {
        outcome: if reasons.is_empty() { Outcome::Pass } else { Outcome::Refuse },
        reasons,
        excepted,
        policy: policy.digest,
        database: facts.database.clone(),
        at: now.to_string(),
    }
}

fn refusal(rule: &ScanRule, facts: &ScanFacts<'_>, open: &[&Finding], now: Timestamp) -> Option<Reason> {
    let (message, remedy) = match &rule.condition {
        Condition::Vulnerability(wanted) => vulnerability::refusal(wanted, open, now)?,
        Condition::PackageForbidden(patterns) => forbidden_packages(patterns, facts.packages)?,
        Condition::Incomplete => incomplete(facts.problems)?,
        Condition::RootUser => root_user(&facts.image.configuration.user)?,
        Condition::DatabaseOlderThan(limit) => old_database(&facts.database.built, *limit, now)?,
        Condition::DistributionOnly(patterns) => distribution(patterns, facts.distribution)?,
    };
    Some(Reason { rule: rule.id.clone(), message, remedy })
}

type Sentences = (String, String);

fn forbidden_packages(patterns: &[Pattern], packages: &[Package]) -> Option<Sentences> {
    let is_forbidden = |package: &&Package| patterns.iter().any(|pattern| names(pattern, package));
    let mut found: Vec<&Package> = packages.iter().filter(is_forbidden).collect();
    if found.is_empty() {
        return None;
    }
    found.sort_by_key(|package| &package.name);
    let shown: Vec<String> =
        found.iter().map(|package| format!("{} {}", package.name, package.version)).collect();
    let mut names: Vec<String> = found.iter().map(|package| package.name.clone()).collect();
    names.dedup();
    let message =
        format!("{} must not be there: {}", counted(found.len(), "package", "packages"), some_of(&shown, 10));
    Some((message, format!("leave {} out of the image", some_of(&names, 20))))
}

/// Whether the pattern means the package, by its own name or by its source's.
pub(crate) fn names(pattern: &Pattern, package: &Package) -> bool {
    pattern.matches(&package.name) || pattern.matches(&package.source.name)
}

fn incomplete(problems: &[Problem]) -> Option<Sentences> {
    if problems.is_empty() {
        return None;
    }
    let shown: Vec<String> =
        problems.iter().map(|problem| crate::mistake::shorten(&problem.to_string())).collect();
    let message = format!(
        "the scan could not read {}: {}",
        counted(problems.len(), "thing", "things"),
        some_of(&shown, 5)
    );
    Some((
        message,
        "mend what could not be read and scan again; what was not read may hide anything".to_owned(),
    ))
}

fn root_user(user: &str) -> Option<Sentences> {
    crate::run::is_root(user).then(|| {
        let said =
            if user.is_empty() { "says no user".to_owned() } else { format!("says the user `{user}`") };
        (format!("the image {said}, so it runs as root"), "add `USER name` to the image".to_owned())
    })
}

fn old_database(built: &str, limit: jiff::SignedDuration, now: Timestamp) -> Option<Sentences> {
    let message = match built.parse::<Timestamp>() {
        Ok(built) => {
            let old = now.duration_since(built);
            if old <= limit {
                return None;
            }
            format!("the advisory database is {} old, older than {}", age::words(old), age::words(limit))
        }
        Err(_) => "the advisory database does not say when it was built".to_owned(),
    };
    Some((message, "bring it up to date with `lazaret db update` and scan again".to_owned()))
}

fn distribution(patterns: &[Pattern], found: Option<&Distribution>) -> Option<Sentences> {
    let wanted: Vec<String> = patterns.iter().map(ToString::to_string).collect();
    let remedy = format!("base the image on {}", and(&wanted, "or"));
    match found {
        Some(found) if patterns.iter().any(|pattern| pattern.matches(&found.key())) => None,
        Some(found) => Some((format!("the image is made of {found} ({})", found.key()), remedy)),
        None => Some(("the image is made of no distribution that is known".to_owned(), remedy)),
    }
}
