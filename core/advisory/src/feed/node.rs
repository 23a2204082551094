//! Advisories of the Node.js security working group (<https://github.com/nodejs/security-wg>, `vuln/`): one JSON file
//! each, of packages of npm (to 2018) or of Node.js itself, which programs of that name are held against.

use lazaret_model::{Ecosystem, Limits};
use lazaret_version::Scheme;
use serde::Deserialize;

use super::intervals::{NoStretch, Stretch, any_of_npm, outside};
use super::languages::{self, Entry};
use super::parsed::{FeedError, Parsed, check_size, document_of};
use super::words;

pub const FEED: &str = "nodejs-security-wg";

const EXPECTED: &str = "an advisory of the Node.js security working group";

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Document {
    Package(Package),
    Core(Core),
    /// Reasons why a vulnerability of what Node.js is built from does not matter to it.
    Dependency {
        #[serde(rename = "reason")]
        _reason: String,
    },
}

#[derive(Debug, Deserialize)]
struct Package {
    id: u64,
    module_name: String,
    vulnerable_versions: Option<String>,
    title: Option<String>,
    #[serde(default)]
    cves: Vec<String>,
    publish_date: Option<String>,
    cvss_vector: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Core {
    cve: Vec<String>,
    vulnerable: String,
    patched: Option<String>,
    overview: Option<String>,
    description: Option<String>,
    severity: Option<String>,
    publish_date: Option<String>,
}

pub fn parse(bytes: &[u8], name: &str, limits: &Limits) -> Result<Parsed, FeedError> {
    check_size(bytes, limits)?;
    let document: Document =
        serde_json::from_slice(bytes).map_err(|error| FeedError::not(EXPECTED, &error))?;
    let mut parsed = Parsed::new(FEED);
    parsed.documents = 1;
    let id = match &document {
        Document::Package(package) => {
            let own = format!("NSWG-{}", package.id);
            languages::add(
                &mut parsed,
                Ecosystem::Npm,
                &package_entry(package, &own),
                package_versions(package),
            );
            own
        }
        Document::Core(core) => {
            languages::add(&mut parsed, Ecosystem::Generic, &core_entry(core, name), core_versions(core));
            format!("core {}", document_of(name))
        }
        Document::Dependency { .. } => {
            parsed.pass_over("dependencies of Node.js that do not make it vulnerable");
            document_of(name)
        }
    };
    Ok(parsed.finish(id))
}

fn package_entry(package: &Package, own: &str) -> Entry {
    let ids = package.cves.iter().cloned().chain([own.to_owned()]).collect();
    Entry {
        ids,
        package: package.module_name.clone(),
        summary: package.title.clone().unwrap_or_default(),
        published: package.publish_date.as_deref().and_then(words::timestamp),
        cvss: package.cvss_vector.clone(),
        ..Entry::default()
    }
}

fn package_versions(package: &Package) -> Result<Vec<Stretch>, NoStretch> {
    any_of_npm(package.vulnerable_versions.as_deref().ok_or(NoStretch::Version)?)
}

fn core_entry(core: &Core, name: &str) -> Entry {
    let file = name.rsplit('/').next().unwrap_or_default().trim_end_matches(".json");
    let ids: Vec<String> = core.cve.iter().filter(|id| words::is_cve(id)).cloned().collect();
    Entry {
        ids: if ids.is_empty() { vec![format!("NODEJS-{file}")] } else { ids },
        package: "node".to_owned(),
        summary: core.overview.clone().or(core.description.clone()).unwrap_or_default(),
        published: core.publish_date.as_deref().and_then(words::timestamp),
        severity: core.severity.as_deref().map(words::severity),
        ..Entry::default()
    }
}

/// What is vulnerable names whole lines (`10.x`); where each was patched ends them.
fn core_versions(core: &Core) -> Result<Vec<Stretch>, NoStretch> {
    let mut safe = outside(Scheme::Npm, any_of_npm(&core.vulnerable)?);
    if let Some(patched) = core.patched.as_deref().filter(|text| !text.trim().is_empty()) {
        safe.extend(any_of_npm(patched)?);
    }
    Ok(outside(Scheme::Npm, safe))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PACKAGE: &str = r#"{"id": 410, "title": "T", "publish_date": "2018-04-09", "module_name": "merge-options",
        "cves": ["CVE-2018-0001"], "vulnerable_versions": "<=1.0.0 || >=2.0.0 <2.0.3", "patched_versions": null,
        "cvss_vector": "CVSS:3.0/AV:N/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:L", "author": {"name": "x"}}"#;
    const CORE: &str = r#"{"cve": ["CVE-2020-8265"], "vulnerable": "10.x || 12.x", "patched": "^10.23.1 || ^12.20.1",
        "overview": "O", "affectedEnvironments": ["all"], "severity": "high"}"#;

    fn rows(parsed: &Parsed) -> Vec<String> {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let say = |row: &lazaret_model::Advisory| {
            let end =
                row.last_affected.as_ref().map_or_else(|| text(&row.fixed) + ")", |last| format!("{last}]"));
            format!("{} {} [{},{end} {}", row.id, row.package, text(&row.introduced), row.severity.name())
        };
        parsed.advisories.iter().map(say).collect()
    }

    #[test]
    fn packages_have_alternatives() {
        let parsed = parse(PACKAGE.as_bytes(), "vuln/npm/410.json", &Limits::default()).unwrap();
        let expected =
            ["CVE-2018-0001 merge-options [,1.0.0] low", "CVE-2018-0001 merge-options [2.0.0,2.0.3) low"];
        assert_eq!(rows(&parsed), expected);
        assert_eq!(parsed.advisories[0].aliases, ["NSWG-410"]);
        let without = PACKAGE.replace("\"CVE-2018-0001\"", "");
        let parsed = parse(without.as_bytes(), "410.json", &Limits::default()).unwrap();
        assert_eq!(parsed.advisories[0].id, "NSWG-410");
    }

    #[test]
    fn lines_of_node_end_where_they_were_patched() {
        let parsed = parse(CORE.as_bytes(), "vuln/core/70.json", &Limits::default()).unwrap();
        let expected =
            ["CVE-2020-8265 node [10.0.0,10.23.1) high", "CVE-2020-8265 node [12.0.0,12.20.1) high"];
        assert_eq!(rows(&parsed), expected);
        assert!(parse(b"{}", "x", &Limits::default()).is_err());
        let other = parse(br#"{"cve": [], "reason": "not_reachable"}"#, "x", &Limits::default()).unwrap();
        assert_eq!((other.advisories.len(), other.passed_over.len()), (0, 1));
    }

    proptest! {
        #[test]
        fn any_advisory_is_refused_or_read(bytes: Vec<u8>, at in any::<proptest::sample::Index>(), with in "[\\[\\]{}\",:0-9a-z|<=x.^]{0,4}") {
            let _ = parse(&bytes, "x", &Limits::default());
            for text in [PACKAGE, CORE] {
                let mut text = text.to_owned();
                let at = at.index(text.len());
                text.replace_range(at..=at, &with);
                let _ = parse(text.as_bytes(), "x", &Limits::default());
            }
        }
    }
}
