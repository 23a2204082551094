//! Echo's advisories (`https://advisory.echohq.com/data.json`): one object of packages, in each an object of ids, and
//! the version that repaired each, if there is one. Its packages are Debian's, rebuilt.

use std::collections::BTreeMap;

use lazaret_model::{Advisory, AdvisoryStatus, Ecosystem, Limits, ProblemKind};
use serde::Deserialize;

use super::json::{self, Lenient};
use super::parsed::{FeedError, Parsed, check_size};
use super::{releases, words};

pub const FEED: &str = "echo";

const EXPECTED: &str = "Echo's advisories";

#[derive(Debug, Deserialize)]
struct Fix {
    fixed_version: Option<String>,
}

pub fn parse(bytes: &[u8], _: &str, limits: &Limits) -> Result<Parsed, FeedError> {
    check_size(bytes, limits)?;
    let mut parsed = Parsed::new(FEED);
    json::each(bytes, |package, issues: Lenient<BTreeMap<String, Lenient<Fix>>>| {
        parsed.documents += 1;
        let Lenient::Right(issues) = issues else {
            return parsed.problem(ProblemKind::Malformed, &package, "its issues are no object");
        };
        for (id, fix) in issues {
            let Lenient::Right(fix) = fix else {
                parsed.problem(ProblemKind::Malformed, &format!("{id} of {package}"), "its fix is no object");
                continue;
            };
            if !words::is_id(&id) || package.is_empty() || package.len() > 200 {
                parsed.problem(ProblemKind::Malformed, &format!("{id} of {package}"), "this is no id");
                continue;
            }
            let row = Advisory::new(&id, Ecosystem::Deb, releases::rolling("echo"), &package);
            let fixed = fix.fixed_version.filter(|version| !version.is_empty());
            parsed.row(match fixed.as_deref() {
                Some("0") => Advisory { status: AdvisoryStatus::NotAffected, ..row },
                _ => Advisory { fixed, ..row },
            });
        }
    })
    .map_err(|error| FeedError::not(EXPECTED, &error))?;
    if parsed.advisories.is_empty() {
        return Err(FeedError::not(EXPECTED, &"it has none"));
    }
    Ok(parsed.finish("all"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DATA: &str = r#"{"nginx": {"CVE-2021-3618": {"fixed_version": "1.21.0"}, "CVE-2023-44487": {"fixed_version": "0"}},
        "python": {"CVE-2009-2940": {}, "CVE-2009-2941": [], "??": {}}, "x": 1}"#;

    #[test]
    fn packages_have_fixes_by_id() {
        let parsed = parse(DATA.as_bytes(), "data.json", &Limits::default()).unwrap();
        let rows: Vec<_> = parsed
            .advisories
            .iter()
            .map(|row| (row.id.as_str(), row.status.name(), row.fixed.as_deref()))
            .collect();
        assert_eq!(
            rows,
            [
                ("CVE-2021-3618", "affected", Some("1.21.0")),
                ("CVE-2023-44487", "not-affected", None),
                ("CVE-2009-2940", "affected", None),
            ]
        );
        assert_eq!((parsed.advisories[0].release.as_str(), parsed.problems.len()), ("echo", 3));
    }

    proptest! {
        #[test]
        fn any_data_is_refused_or_read(bytes: Vec<u8>, at in any::<proptest::sample::Index>(), with in "[\\[\\]{}\",:0-9a-z]{0,4}") {
            let _ = parse(&bytes, "x", &Limits::default());
            let mut text = DATA.to_owned();
            let at = at.index(text.len());
            text.replace_range(at..=at, &with);
            let _ = parse(text.as_bytes(), "x", &Limits::default());
        }
    }
}
