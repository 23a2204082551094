use std::collections::HashMap;

use jiff::Timestamp;
use lazaret_model::Finding;

use super::product::{Candidate, Names};
use super::{Statement, Status, Subject, Vex};
use crate::report::{Suppressed, Suppression, SuppressionKind};

/// Whether the statement speaks of this vulnerability in this package of this image.
pub fn applies(statement: &Statement, finding: &Finding, subject: &Subject<'_>) -> bool {
    let is_meant = |id: &String| names(finding).any(|name| name.eq_ignore_ascii_case(id));
    let names = Names::new(&finding.package, subject);
    statement.ids.iter().any(is_meant) && covers(statement, &names.candidate(), subject)
}

fn covers(statement: &Statement, package: &Candidate<'_>, subject: &Subject<'_>) -> bool {
    statement.products.iter().any(|product| product.covers(package, subject))
}

fn names(finding: &Finding) -> impl Iterator<Item = &String> {
    std::iter::once(&finding.id).chain(&finding.aliases)
}

/// Splits findings into those that count, and those that the newest statement about them takes out.
///
/// Of several statements about one finding the latest holds, of those of one time (or of none) the last given:
/// `affected` after `not_affected` puts a finding back. Both lists keep the order of the findings.
pub fn apply(
    findings: Vec<Finding>,
    documents: &[Vex],
    subject: &Subject<'_>,
) -> (Vec<Finding>, Vec<Suppressed>) {
    let mut by_id: HashMap<String, Vec<&Statement>> = HashMap::new();
    for statement in documents.iter().flat_map(|document| &document.statements) {
        for id in &statement.ids {
            by_id.entry(id.to_ascii_uppercase()).or_default().push(statement);
        }
    }
    let (mut open, mut suppressed) = (Vec::with_capacity(findings.len()), Vec::new());
    for finding in findings {
        let told = names(&finding).filter_map(|name| by_id.get(&name.to_ascii_uppercase())).flatten();
        let purls = Names::new(&finding.package, subject);
        let package = purls.candidate();
        let newest = told
            .filter(|statement| covers(statement, &package, subject))
            .max_by_key(|statement| statement.at.as_deref().and_then(|at| at.parse::<Timestamp>().ok()));
        match newest.and_then(|statement| suppression(statement)) {
            Some(by) => suppressed.push(Suppressed { finding, by }),
            None => open.push(finding),
        }
    }
    (open, suppressed)
}

fn suppression(statement: &Statement) -> Option<Suppression> {
    let kind = match statement.status {
        Status::NotAffected => SuppressionKind::NotAffected,
        Status::Fixed => SuppressionKind::Fixed,
        Status::Affected | Status::UnderInvestigation => return None,
    };
    Some(Suppression {
        kind,
        justification: statement.justification.clone(),
        reason: statement.text.clone(),
        author: statement.author.clone(),
        at: statement.at.clone(),
        expires: None,
        origin: statement.origin.clone(),
    })
}

#[cfg(test)]
mod tests {
    use lazaret_model::{Ecosystem, Package};

    use super::super::Product;
    use super::*;

    fn statement(status: Status, product: &str, at: Option<&str>) -> Statement {
        Statement {
            ids: vec!["cve-2026-1".to_owned()],
            products: vec![Product::named(product)],
            status,
            justification: None,
            text: "not built in".to_owned(),
            author: "Maker".to_owned(),
            at: at.map(str::to_owned),
            origin: "vex.json".to_owned(),
        }
    }

    fn subject() -> Subject<'static> {
        Subject { target: "shop", reference: None, manifest: None, distribution: None }
    }

    fn split(statements: Vec<Statement>) -> (usize, usize) {
        let package = |version: &str| Package::new(Ecosystem::Npm, "lodash", version);
        let mut alias = Finding::new("GHSA-1", package("4.17.4"));
        alias.aliases = vec!["CVE-2026-1".to_owned()];
        let findings = vec![
            alias,
            Finding::new("CVE-2026-1", package("3.0.0")),
            Finding::new("CVE-2026-2", package("4.17.4")),
        ];
        let documents = [Vex { id: String::new(), statements, problems: vec![] }];
        let (open, out) = apply(findings, &documents, &subject());
        (open.len(), out.len())
    }

    #[test]
    fn takes_out_what_is_named_and_nothing_else() {
        assert_eq!(split(vec![]), (3, 0));
        assert_eq!(split(vec![statement(Status::NotAffected, "pkg:npm/lodash@4.17.4", None)]), (2, 1));
        assert_eq!(split(vec![statement(Status::Fixed, "pkg:npm/lodash", None)]), (1, 2));
        assert_eq!(split(vec![statement(Status::Affected, "pkg:npm/lodash", None)]), (3, 0));
        assert_eq!(split(vec![statement(Status::NotAffected, "pkg:npm/other", None)]), (3, 0));
        assert_eq!(
            split(vec![Statement { products: vec![], ..statement(Status::NotAffected, "", None) }]),
            (3, 0)
        );
    }

    #[test]
    fn the_latest_word_holds() {
        let early = statement(Status::NotAffected, "pkg:npm/lodash", Some("2026-01-01T00:00:00Z"));
        let late = statement(Status::Affected, "pkg:npm/lodash", Some("2026-01-01T00:00:01Z"));
        assert_eq!(split(vec![late.clone(), early.clone()]), (3, 0));
        assert_eq!(split(vec![early.clone(), statement(Status::Affected, "pkg:npm/lodash", None)]), (1, 2));
        let same = Statement { at: late.at.clone(), ..early };
        assert_eq!(split(vec![late, same]), (1, 2));
    }

    #[test]
    fn asks_for_one_finding() {
        let finding = Finding::new("CVE-2026-1", Package::new(Ecosystem::Npm, "lodash", "4.17.4"));
        assert!(applies(&statement(Status::Affected, "pkg:npm/lodash", None), &finding, &subject()));
        let other = Finding { id: "CVE-2026-3".to_owned(), ..finding };
        assert!(!applies(&statement(Status::Affected, "pkg:npm/lodash", None), &other, &subject()));
    }
}
