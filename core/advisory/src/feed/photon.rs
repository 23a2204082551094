//! Photon OS: the metadata of its CVEs, `https://packages.vmware.com/photon/photon_cve_metadata/cve_data_photon5.0.json`,
//! an array of statements about source packages (<https://github.com/vmware/photon/wiki/Security-Advisories>). Mirrors
//! also keep one statement a file, with the release in it.
//!
//! `NA` stands for no version: where none is affected, the package is not vulnerable.

use lazaret_model::{Advisory, AdvisoryStatus, Ecosystem, Limits, ProblemKind, Severity};
use serde::Deserialize;

use super::json::{self, Lenient};
use super::line::one_line;
use super::parsed::{FeedError, Parsed, check_size};
use super::{releases, words};

pub const FEED: &str = "photon";

const EXPECTED: &str = "Photon's metadata of CVEs";

#[derive(Debug, Deserialize)]
struct Statement {
    os_version: Option<String>,
    cve_id: String,
    pkg: String,
    cve_score: Option<f64>,
    aff_ver: Option<String>,
    res_ver: Option<String>,
    status: Option<String>,
}

pub fn parse(bytes: &[u8], name: &str, limits: &Limits) -> Result<Parsed, FeedError> {
    check_size(bytes, limits)?;
    let mut parsed = Parsed::new(FEED);
    let file = release_of_file(name);
    let mut document = None;
    let mut take = |statement: Lenient<Statement>| {
        parsed.documents += 1;
        match statement {
            Lenient::Right(statement) => {
                let row = row(&statement, file);
                let release = row.as_ref().ok().map(|row| row.release.clone());
                document = document.take().or(release.map(|release| (release, statement.cve_id.clone())));
                match row {
                    Ok(row) => parsed.row(row),
                    Err(reason) => {
                        let subject = format!("{} of {}", statement.cve_id, statement.pkg);
                        parsed.problem(ProblemKind::Malformed, &subject, reason);
                    }
                }
            }
            Lenient::Wrong => {
                parsed.problem(ProblemKind::Malformed, "a statement", "it has not the fields of one");
            }
        }
    };
    let is_array = bytes.trim_ascii_start().first() == Some(&b'[');
    if is_array {
        json::each_of_array(bytes, take).map_err(|error| FeedError::not(EXPECTED, &error))?;
    } else {
        let one: Statement =
            serde_json::from_slice(bytes).map_err(|error| FeedError::not(EXPECTED, &error))?;
        take(Lenient::Right(one));
    }
    if parsed.documents == 0 {
        return Err(FeedError::not(EXPECTED, &"it has no statements"));
    }
    let (release, id) = document.unwrap_or_default();
    Ok(parsed.finish(match is_array {
        true => one_line(&release, 60),
        false => {
            format!("{} {}", one_line(&release, 60), super::parsed::document_of(&format!("{id} {name}")))
        }
    }))
}

/// `5.0` of `cve_data_photon5.0.json`.
fn release_of_file(name: &str) -> Option<&str> {
    let file = name.rsplit('/').next()?.strip_suffix(".json")?;
    file.strip_prefix("cve_data_photon")
}

fn row(statement: &Statement, of_file: Option<&str>) -> Result<Advisory, &'static str> {
    let is_version = |version: &&str| !matches!(*version, "" | "NA" | "N/A");
    let fixed = statement.res_ver.as_deref().map(str::trim).filter(is_version);
    // `7.88.1-4.ph4` tells, where nothing else does.
    let tagged = || fixed?.rsplit_once(".ph").map(|(_, number)| number);
    let version =
        statement.os_version.as_deref().or(of_file).or_else(tagged).ok_or("nothing tells its release")?;
    let is_number =
        |part: &str| (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    if !version.split('.').all(is_number) {
        return Err("its release is no number");
    }
    if !words::is_id(&statement.cve_id) || statement.pkg.is_empty() || statement.pkg.len() > 200 {
        return Err("it has no id or names no package");
    }
    let none_affected =
        statement.aff_ver.as_deref().map(str::trim).is_some_and(|version| !is_version(&version));
    let status = match statement.status.as_deref().map(str::trim) {
        Some("Not Affected") => AdvisoryStatus::NotAffected,
        Some("Under Investigation") => AdvisoryStatus::UnderInvestigation,
        Some("Will not Fix" | "Will Not Fix") => AdvisoryStatus::WillNotFix,
        _ if fixed.is_none() && none_affected => AdvisoryStatus::NotAffected,
        _ => AdvisoryStatus::Affected,
    };
    let is_fixed = status == AdvisoryStatus::Affected;
    Ok(Advisory {
        fixed: fixed.filter(|_| is_fixed).map(|version| one_line(version, 200)),
        status,
        severity: statement.cve_score.map_or(Severity::Unknown, words::severity_of_score),
        ..Advisory::new(&statement.cve_id, Ecosystem::Rpm, releases::key("photon", version), &statement.pkg)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STATEMENTS: &str = r#"[{"cve_id": "CVE-2023-38545", "pkg": "curl", "cve_score": 9.8,
         "aff_ver": "all versions before 7.88.1-4.ph4 are vulnerable", "res_ver": "7.88.1-4.ph4", "status": "Fixed"},
        {"cve_id": "CVE-2023-44487", "pkg": "httpd", "cve_score": 7.5, "aff_ver": "", "res_ver": "NA", "status": "Not Affected"},
        {"cve_id": "CVE-2025-0725", "pkg": "curl", "cve_score": 7.3, "aff_ver": "NA", "res_ver": "NA"},
        {"cve_id": "CVE-2025-0001", "pkg": "vim", "aff_ver": "all versions are vulnerable", "res_ver": "NA"},
        {"cve_id": "CVE-2025-0002"}, {"cve_id": "?", "pkg": "vim"}]"#;

    #[test]
    fn statements_become_rows() {
        let name = "photon/cve_data_photon4.0.json";
        let parsed = parse(STATEMENTS.as_bytes(), name, &Limits::default()).unwrap();
        let rows: Vec<_> = parsed
            .advisories
            .iter()
            .map(|row| (row.release.as_str(), row.package.as_str(), row.status.name(), row.fixed.as_deref()))
            .collect();
        assert_eq!(
            rows,
            [
                ("photon:4.0", "curl", "affected", Some("7.88.1-4.ph4")),
                ("photon:4.0", "httpd", "not-affected", None),
                ("photon:4.0", "curl", "not-affected", None),
                ("photon:4.0", "vim", "affected", None),
            ]
        );
        assert_eq!((parsed.advisories[0].severity, parsed.documents), (Severity::Critical, 6));
        assert_eq!(parsed.problems.len(), 2);
    }

    #[test]
    fn the_release_stands_in_the_file_or_its_name_or_the_version() {
        let one = r#"{"os_version": "3.0", "cve_id": "CVE-2019-0199", "pkg": "tomcat", "cve_score": 7.5,
            "aff_ver": "all versions before 8.5.40-1.ph3 are vulnerable", "res_ver": "8.5.40-1.ph3"}"#;
        let release = |text: &str| {
            parse(text.as_bytes(), "x.json", &Limits::default()).unwrap().advisories[0].release.clone()
        };
        assert_eq!(release(one), "photon:3.0");
        assert_eq!(release(&one.replace("\"os_version\": \"3.0\",", "")), "photon:3.0");
        assert_eq!(release(STATEMENTS), "photon:4.0");
        assert!(parse(b"[]", "x", &Limits::default()).is_err());
    }

    proptest! {
        #[test]
        fn any_statements_are_refused_or_read(bytes: Vec<u8>, at in any::<proptest::sample::Index>(), with in "[\\[\\]{}\",:0-9a-z]{0,4}") {
            let _ = parse(&bytes, "x", &Limits::default());
            let mut text = STATEMENTS.to_owned();
            let at = at.index(text.len());
            text.replace_range(at..=at, &with);
            let _ = parse(text.as_bytes(), "x", &Limits::default());
        }
    }
}
