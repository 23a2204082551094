//! CSAF 2.0 (<https://docs.oasis-open.org/csaf/csaf/v2.0/csaf-v2.0.html>), profiles "security advisory" and "VEX", as
//! distributions publish them: Red Hat a document for each CVE, SUSE one for each announcement.
//!
//! Only what is a package of a release becomes a row: a component (told by its purl) in a platform (told by its CPE).

mod document;
mod products;

use lazaret_model::{Advisory, AdvisoryStatus, Limits, NamedPackage, ProblemKind, Severity, Vulnerability};

use super::line::one_line;
use super::parsed::{FeedError, Parsed, check_size};
use super::words;
use document::{Document, Subject};
use products::{Component, Products};

pub const FEED: &str = "csaf";

const EXPECTED: &str = "a CSAF document";

pub fn parse(bytes: &[u8], _: &str, limits: &Limits) -> Result<Parsed, FeedError> {
    check_size(bytes, limits)?;
    let document: Document =
        serde_json::from_slice(bytes).map_err(|error| FeedError::not(EXPECTED, &error))?;
    let mut parsed = Parsed::new(FEED);
    parsed.documents = 1;
    let products = Products::read(&document.product_tree);
    let id = one_line(&document.document.tracking.id, 100);
    for subject in &document.vulnerabilities {
        add(&mut parsed, &document, subject, &products);
    }
    Ok(parsed.finish(id))
}

fn add(parsed: &mut Parsed, document: &Document, subject: &Subject, products: &Products<'_>) {
    let own = document.document.tracking.id.as_str();
    let all = subject.cve.as_deref().into_iter().chain(subject.ids.iter().map(|id| id.text.as_str()));
    let (ids, others) = words::ids(all);
    let Some(&id) = ids.first() else {
        return parsed.problem(ProblemKind::Malformed, own, "a vulnerability has no id");
    };
    let title = subject.title.as_deref().unwrap_or(&document.document.title);
    let summary = one_line(title, 240);
    let vectors = subject.scores.iter().filter_map(|score| Some(score.cvss_v3.as_ref()?.vector.clone()));
    let mut cvss: Vec<(String, String)> = vectors.map(|vector| ("vendor".to_owned(), vector)).collect();
    cvss.sort_unstable();
    cvss.dedup();
    if !cvss.is_empty() && words::is_cve(id) {
        parsed.vulnerability(Vulnerability { cvss, ..Vulnerability::new(id) });
    }
    let status = &subject.product_status;
    let groups = [
        (&status.fixed, AdvisoryStatus::Affected),
        (&status.known_affected, AdvisoryStatus::Affected),
        (&status.known_not_affected, AdvisoryStatus::NotAffected),
        (&status.under_investigation, AdvisoryStatus::UnderInvestigation),
    ];
    let (fixes, ratings) = (subject.remedies(), subject.ratings());
    let mut seen = std::collections::HashSet::new();
    for (place, (group, said)) in groups.into_iter().enumerate() {
        for product in group {
            if parsed.is_full() {
                return;
            }
            let component = match products.find(product) {
                Ok(component) => component,
                Err(other) => {
                    parsed.pass_over(other);
                    continue;
                }
            };
            let is_fix = place == 0;
            let Some(row) = row(component, is_fix, said, id) else {
                // Fixed in a version that is not told.
                parsed.pass_over("components without a version");
                continue;
            };
            let remedy = fixes.get(product.as_str());
            let status = match (row.status, remedy.and_then(|remedy| remedy.status)) {
                (AdvisoryStatus::Affected, Some(status)) if !is_fix => status,
                (status, _) => status,
            };
            let announced = remedy.and_then(|remedy| remedy.announcement.clone());
            let is_own = words::is_id(own) && !words::is_cve(own);
            let mut aliases: Vec<String> =
                others.iter().filter(|other| is_advisory(other)).map(ToString::to_string).collect();
            aliases.extend(announced.or_else(|| is_own.then(|| own.to_owned())));
            let row = Advisory {
                aliases,
                status,
                severity: ratings.get(product.as_str()).copied().unwrap_or(Severity::Unknown),
                summary: summary.clone(),
                published: subject.release_date.as_deref().and_then(words::timestamp),
                ..row
            };
            // Architectures differ in nothing that rows say.
            if seen.insert((
                row.release.clone(),
                row.package.clone(),
                row.fixed.clone(),
                row.module.clone(),
                place,
                row.names,
            )) {
                parsed.row(row);
            }
        }
    }
}

/// Bug trackers' numbers are no ids of vulnerabilities.
fn is_advisory(id: &str) -> bool {
    id.contains('-')
}

fn row(component: &Component<'_>, is_fix: bool, status: AdvisoryStatus, id: &str) -> Option<Advisory> {
    let fixed = if is_fix { Some(component.version.clone()?) } else { None };
    Some(Advisory {
        names: if component.is_source { NamedPackage::Source } else { NamedPackage::Binary },
        fixed,
        module: component.module.clone(),
        status,
        ..Advisory::new(id, lazaret_model::Ecosystem::Rpm, component.release.clone(), component.name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const VEX: &str = r#"{"document": {"title": "t", "csaf_version": "2.0", "tracking": {"id": "CVE-2024-0001"}},
      "product_tree": {"branches": [{"category": "vendor", "name": "Red Hat", "branches": [
        {"category": "product_name", "name": "Red Hat Enterprise Linux 8", "product": {"name": "Red Hat Enterprise Linux 8",
          "product_id": "rhel8", "product_identification_helper": {"cpe": "cpe:/o:redhat:enterprise_linux:8"}}},
        {"category": "product_name", "name": "AppStream", "product": {"name": "AppStream", "product_id": "AppStream-8.9",
          "product_identification_helper": {"cpe": "cpe:/a:redhat:enterprise_linux:8::appstream"}}},
        {"category": "product_name", "name": "EUS", "product": {"name": "EUS", "product_id": "eus",
          "product_identification_helper": {"cpe": "cpe:/a:redhat:rhel_eus:8.6::appstream"}}},
        {"category": "product_version", "name": "x", "product": {"name": "x", "product_id": "a-1.x86",
          "product_identification_helper": {"purl": "pkg:rpm/redhat/a@1.0-2.el8?arch=x86_64&epoch=1"}}},
        {"category": "product_version", "name": "x", "product": {"name": "x", "product_id": "a-1.arm",
          "product_identification_helper": {"purl": "pkg:rpm/redhat/a@1.0-2.el8?arch=aarch64&epoch=1"}}},
        {"category": "product_version", "name": "m", "product": {"name": "m", "product_id": "nodejs:18",
          "product_identification_helper": {"purl": "pkg:rpmmod/redhat/nodejs@18:8090?arch=x86_64"}}},
        {"category": "product_version", "name": "b", "product": {"name": "b", "product_id": "b",
          "product_identification_helper": {"purl": "pkg:rpm/redhat/b?arch=src"}}}]}],
       "relationships": [
        {"category": "default_component_of", "product_reference": "a-1.x86", "relates_to_product_reference": "AppStream-8.9", "full_product_name": {"name": "n", "product_id": "A:a.x86"}},
        {"category": "default_component_of", "product_reference": "a-1.arm", "relates_to_product_reference": "AppStream-8.9", "full_product_name": {"name": "n", "product_id": "A:a.arm"}},
        {"category": "default_component_of", "product_reference": "nodejs:18", "relates_to_product_reference": "AppStream-8.9", "full_product_name": {"name": "n", "product_id": "A:node"}},
        {"category": "default_component_of", "product_reference": "a-1.x86", "relates_to_product_reference": "A:node", "full_product_name": {"name": "n", "product_id": "A:node:a"}},
        {"category": "default_component_of", "product_reference": "a-1.x86", "relates_to_product_reference": "eus", "full_product_name": {"name": "n", "product_id": "E:a"}},
        {"category": "default_component_of", "product_reference": "b", "relates_to_product_reference": "rhel8", "full_product_name": {"name": "n", "product_id": "rhel8:b"}}]},
      "vulnerabilities": [{"cve": "CVE-2024-0001", "ids": [{"system_name": "Bugzilla", "text": "123"}],
        "product_status": {"fixed": ["A:a.x86", "A:a.arm", "A:node:a", "E:a"], "known_affected": ["rhel8:b"], "known_not_affected": ["nowhere"]},
        "remediations": [{"category": "vendor_fix", "product_ids": ["A:a.x86"], "url": "https://access.redhat.com/errata/RHSA-2024:0001"},
          {"category": "no_fix_planned", "details": "Will not fix", "product_ids": ["rhel8:b"]}],
        "scores": [{"cvss_v3": {"vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}, "products": []}],
        "threats": [{"category": "impact", "details": "Important", "product_ids": ["A:a.x86"]}]}]}"#;

    #[test]
    fn components_of_releases_become_rows() {
        let parsed = parse(VEX.as_bytes(), "", &Limits::default()).unwrap();
        let rows: Vec<_> = parsed
            .advisories
            .iter()
            .map(|row| {
                let fixed = row.fixed.as_deref().unwrap_or_default();
                let module = row.module.as_deref().unwrap_or_default();
                format!(
                    "{} {} {} [{fixed}] {module} {}",
                    row.release,
                    row.names.name(),
                    row.package,
                    row.status.name()
                )
            })
            .collect();
        assert_eq!(
            rows,
            [
                "rhel:8 binary a [1:1.0-2.el8]  affected",
                "rhel:8 binary a [1:1.0-2.el8] nodejs:18 affected",
                "rhel:8 source b []  will-not-fix",
            ]
        );
        assert_eq!(parsed.advisories[0].aliases, ["RHSA-2024:0001"]);
        assert_eq!(parsed.advisories[0].severity, Severity::High);
        assert_eq!(parsed.passed_over.values().sum::<u64>(), 2);
        assert_eq!(parsed.vulnerabilities.len(), 1);
    }

    #[test]
    fn products_that_hold_themselves_end() {
        let text = VEX.replace(r#""relates_to_product_reference": "AppStream-8.9", "full_product_name": {"name": "n", "product_id": "A:node"}"#,
            r#""relates_to_product_reference": "A:node", "full_product_name": {"name": "n", "product_id": "A:node"}"#);
        assert_eq!(parse(text.as_bytes(), "", &Limits::default()).unwrap().advisories.len(), 2);
    }
}
