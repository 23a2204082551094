//! `environment.yml`: what an environment of conda is made from (docs.conda.io, "Managing environments"). Only those
//! packages count whose version it states: as `name=version`, `name==version`, `name=version=build`, or with spaces.

use std::borrow::Cow;
use std::fmt;

use lazaret_model::{Ecosystem, Package, PackageEvidence};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use super::requirements::pinned;
use super::wanted;
use crate::documents::yaml;
use crate::files::File;
use crate::lenient::{List, Table, Text};
use crate::reading::Reading;

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Environment<'a> {
    #[serde(borrow)]
    dependencies: List<Dependency<'a>>,
}

enum Dependency<'a> {
    Conda(Cow<'a, str>),
    Pip(List<Text<'a>>),
    Unclear,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Pip<'a> {
    #[serde(borrow)]
    pip: List<Text<'a>>,
}

pub(super) fn read(file: &File<'_>, reading: &mut Reading<'_>) {
    // Others call files so too, and put something else in them.
    let documents = yaml::<Table<Environment<'_>>>(file, reading).unwrap_or_default();
    let environments = documents.iter().filter_map(|document| document.0.as_ref());
    for dependency in environments.flat_map(|environment| &environment.dependencies.0) {
        match dependency {
            Dependency::Conda(text) => {
                let Some((name, version)) = stated(text) else { continue };
                reading.package(Package {
                    evidence: PackageEvidence::Declared,
                    layer: file.layer,
                    location: file.location(),
                    ..Package::new(Ecosystem::Conda, name, version)
                });
            }
            Dependency::Pip(list) => {
                for (name, version) in list.0.iter().filter_map(|text| pinned(text.trimmed()?)) {
                    reading.package(wanted(file, name, version));
                }
            }
            Dependency::Unclear => {
                reading.problems.malformed(file.location(), "a dependency that is neither text nor a table");
            }
        }
    }
}

/// Name and version of `channel::name=version=build`, if the version is one and not a range.
fn stated(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let text = text.rsplit_once("::").map_or(text, |(_, text)| text);
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let rest = rest.trim_start();
    let rest = rest.strip_prefix("==").or_else(|| rest.strip_prefix('=')).unwrap_or(rest).trim_start();
    let version = rest.split(['=', ' ']).next().unwrap_or_default();
    let is_one = version.starts_with(|c: char| c.is_ascii_alphanumeric())
        && version.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+!".contains(c));
    (!name.is_empty() && is_one).then_some((name, version))
}

impl<'de: 'a, 'a> Deserialize<'de> for Dependency<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DependencyVisitor)
    }
}

struct DependencyVisitor;

impl<'de> Visitor<'de> for DependencyVisitor {
    type Value = Dependency<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a dependency")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Dependency::Conda(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Dependency::Conda(Cow::Owned(text.to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Pip::deserialize(MapAccessDeserializer::new(map)).map(|it| Dependency::Pip(it.pip))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Dependency::Unclear)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Dependency::Unclear)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Dependency::Unclear)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Dependency::Unclear)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Dependency::Unclear)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::in_tests::{packages, withstands};

    fn environment(bytes: &[u8]) -> (Vec<String>, usize) {
        let (packages, problems) = packages(read, "environment.yml", 0, bytes);
        let lines =
            packages.iter().map(|it| format!("{} {} {}", it.ecosystem, it.name, it.version)).collect();
        (lines, problems)
    }

    const REAL: &str = "name: x\nchannels: [conda-forge]\ndependencies:\n  - blas=1.0=openblas\n  - _libgcc_mutex==0.1\n  \
- conda-forge::r-base 4.1.3 h1_2\n  - python=3.9.*\n  - zlib>=1\n  - ca-certificates\n  - 1\n  - pip:\n      - Django==5.0.6\n      - x>=1\n";

    #[test]
    fn reads_stated_versions() {
        let (lines, problems) = environment(REAL.as_bytes());
        assert_eq!(
            lines,
            ["conda blas 1.0", "conda _libgcc_mutex 0.1", "conda r-base 4.1.3", "pypi django 5.0.6"]
        );
        assert_eq!(problems, 1);
        assert_eq!(environment(b"dependencies: no\n"), (vec![], 0));
        assert_eq!(environment(b"- a\n- b=1\n"), (vec![], 0));
        assert_eq!(environment(b"dependencies: [\n").1, 1);
        for range in ["=", "==", "a", "a=", "a>1", "a=1.*", "a 1|2", "a =>1,<2", "=1"] {
            assert_eq!(stated(range), None, "{range}");
        }
    }

    withstands!(environment, REAL);
}
