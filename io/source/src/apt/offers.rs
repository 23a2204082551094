//! What the package lists offer of each source.

use std::collections::{BTreeMap, BTreeSet};

use lazaret_advisory::feed::apt::{BinaryPackage, packages};
use lazaret_model::{Problem, ProblemKind};
use lazaret_version::deb;

use super::error::AptError;
use super::targets::Target;

/// Release and name of a source package.
pub(super) type SourceKey = (String, String);
pub(super) type Offers = BTreeMap<SourceKey, SourceOffer>;

/// The newest version of a source over all lists of its release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SourceOffer {
    pub(super) version: String,
    /// Whether it came after the release.
    pub(super) is_changed: bool,
    /// The binary packages of that version, cheapest first.
    pub(super) candidates: Vec<Candidate>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    pub(super) size: u64,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) architecture: String,
}

/// Longest list that is read. The longest one of Debian has 60 MB.
const MOST_BYTES: u64 = 1 << 30;
/// Damaged paragraphs that are named one by one.
const MOST_NAMED: usize = 5;

/// Reads all lists. With `names`, only those sources are kept.
pub(super) fn read(
    targets: &[Target],
    names: Option<&BTreeSet<SourceKey>>,
    problems: &mut Vec<Problem>,
) -> Result<Offers, AptError> {
    let mut offers = Offers::new();
    for target in targets {
        let file = &target.file;
        let length = std::fs::metadata(file).map_err(AptError::file(file))?.len();
        if length > MOST_BYTES {
            let reason = format!("it has {length} bytes, and at most {MOST_BYTES} are read");
            problems.push(Problem::new(ProblemKind::Limit, file.display().to_string(), reason));
            continue;
        }
        let list = std::fs::read(file).map_err(AptError::file(file))?;
        let wanted: Option<BTreeSet<&str>> = names.map(|names| {
            names
                .iter()
                .filter(|(release, _)| *release == target.release)
                .map(|(_, name)| name.as_str())
                .collect()
        });
        let mut damaged = 0;
        for package in packages(&list) {
            match package {
                Ok(package) if wanted.as_ref().is_none_or(|wanted| wanted.contains(package.source)) => {
                    add(&mut offers, target, &package);
                }
                Ok(_) => {}
                Err(error) => {
                    damaged += 1;
                    if damaged <= MOST_NAMED {
                        problems.push(Problem::new(
                            ProblemKind::Malformed,
                            file.display().to_string(),
                            error.to_string(),
                        ));
                    }
                }
            }
        }
        if damaged > MOST_NAMED {
            let reason = format!("{damaged} paragraphs are damaged");
            problems.push(Problem::new(ProblemKind::Malformed, file.display().to_string(), reason));
        }
    }
    for offer in offers.values_mut() {
        offer.candidates.sort();
        offer.candidates.dedup();
    }
    Ok(offers)
}

fn add(offers: &mut Offers, target: &Target, package: &BinaryPackage<'_>) {
    let key = (target.release.clone(), package.source.to_owned());
    let new = || SourceOffer {
        version: package.source_version.to_owned(),
        is_changed: is_stable_update(package.source_version),
        candidates: Vec::new(),
    };
    let offer = offers.entry(key).or_insert_with(new);
    match deb::compare(package.source_version, &offer.version) {
        std::cmp::Ordering::Less => return,
        std::cmp::Ordering::Greater => *offer = new(),
        std::cmp::Ordering::Equal => {}
    }
    offer.is_changed |= target.is_update;
    offer.candidates.push(Candidate {
        size: package.size,
        name: package.name.to_owned(),
        version: package.version.to_owned(),
        architecture: package.architecture.to_owned(),
    });
}

/// `+deb12u3` and `~deb12u1` mark uploads to a release that is out (Debian Developer's Reference 5.5.1).
fn is_stable_update(version: &str) -> bool {
    version.split(['+', '~']).filter_map(|part| part.strip_prefix("deb")).any(|part| {
        let after = part.trim_start_matches(|c: char| c.is_ascii_digit());
        after.len() < part.len() && after.starts_with('u')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paragraph(name: &str, source: &str, version: &str, size: u64) -> String {
        format!("Package: {name}\nSource: {source}\nVersion: {version}\nArchitecture: all\nSize: {size}\n\n")
    }

    #[test]
    fn the_newest_version_over_all_lists_counts() {
        let folder = tempfile::tempdir().unwrap();
        let target = |name: &str, text: String, is_update| {
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            Target { release: "debian:12".into(), file, is_update }
        };
        let base = paragraph("libfoo1", "foo (1.0-1)", "1.0-1+b1", 900)
            + &paragraph("bar", "bar", "2.0-1", 100)
            + "Package: broken\n\n";
        let security = paragraph("libfoo1", "foo", "1.0-1+deb12u1", 900)
            + &paragraph("foo", "foo", "1.0-1+deb12u1", 300)
            + &paragraph("baz", "baz", "1", 1);
        let targets = [target("base", base, false), target("security", security, true)];
        let mut problems = Vec::new();
        let offers = read(&targets, None, &mut problems).unwrap();
        assert_eq!(problems.len(), 1);
        let foo = &offers[&("debian:12".to_owned(), "foo".to_owned())];
        assert_eq!((foo.version.as_str(), foo.is_changed), ("1.0-1+deb12u1", true));
        assert_eq!(
            foo.candidates.iter().map(|candidate| candidate.name.as_str()).collect::<Vec<_>>(),
            ["foo", "libfoo1"]
        );
        assert!(!offers[&("debian:12".to_owned(), "bar".to_owned())].is_changed);
        let only = BTreeSet::from([("debian:12".to_owned(), "bar".to_owned())]);
        assert_eq!(read(&targets, Some(&only), &mut problems).unwrap().len(), 1);
    }

    #[test]
    fn updates_of_a_release_are_known_by_their_version() {
        for version in ["1.0-1+deb12u3", "115.0-1~deb12u1", "1:2+deb10u1+b2"] {
            assert!(is_stable_update(version), "{version}");
        }
        for version in ["1.0-1", "1.0+debian-1", "1.0~deb-1", "debug1-u1"] {
            assert!(!is_stable_update(version), "{version}");
        }
    }
}
