//! `package.json` of installed packages (docs.npmjs.com, package.json).

use std::fmt;

use lazaret_model::{Ecosystem, Extracted, Limits, Package, RandomAccess};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::licence::Licences;
use crate::documents::{json, unmarked};
use crate::files::File;
use crate::lenient::Text;
use crate::pattern::Extractor;
use crate::reading::Reading;
use crate::zipped;

pub(super) fn read(file: &File<'_>, reading: &mut Reading<'_>) {
    let place = if file.path.ends_with(b".zip") { Some(Place::Zipped) } else { Place::of(file.path) };
    let (manifest, place) = match place {
        None => return,
        Some(Place::Zipped) if file.bytes.is_empty() => return,
        Some(Place::Zipped) => (json::<Manifest<'_>>(file, reading), Place::Root),
        Some(Place::Root) => (json::<Manifest<'_>>(file, reading), Place::Root),
        // Packages carry broken manifests along to test with: there is no package that could be missed.
        Some(Place::Within) => (serde_json::from_slice(unmarked(file.bytes)).ok(), Place::Within),
    };
    let Some(Manifest { name, version, licences }) = manifest else { return };
    let (Some(name), Some(version)) = (name.trimmed(), version.trimmed()) else { return };
    if is_name(name) {
        reading.package(Package {
            layer: file.layer,
            location: file.location(),
            licences: licences.sorted(),
            ..Package::new(Ecosystem::Npm, name, version)
        });
    } else if place == Place::Root {
        reading.problems.malformed(file.location(), "the name in the manifest is none that npm knows");
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Where package managers put the manifest of a package.
    Root,
    /// Below that: packages bundled without `node_modules`, entry points, test data.
    Within,
    /// In an archive of yarn's.
    Zipped,
}

/// The archives that yarn (since version 2) keeps packages in, and runs them from: `.yarn/cache` of a project, and
/// `.yarn/berry/cache` of a user. Each holds one package, as `node_modules/NAME`.
pub(super) const YARN: Extractor = Extractor { whole: yarn, passing: None, alike: None };

fn yarn(file: &mut dyn RandomAccess, path: &[u8], limits: &Limits) -> Extracted {
    let directory = path.rsplitn(2, |&byte| byte == b'/').nth(1).unwrap_or_default();
    if ![&b".yarn/cache"[..], b".yarn/berry/cache"].iter().any(|end| directory.ends_with(end)) {
        return Extracted::default();
    }
    zipped::document(file, path, limits, |name| {
        name.starts_with(b"node_modules/") && Place::of(name) == Some(Place::Root)
    })
}

impl Place {
    /// None: the manifest of a project, not of a package that was installed.
    fn of(path: &[u8]) -> Option<Self> {
        let directory = path.strip_suffix(b"/package.json")?;
        let mut components = directory.rsplit(|&byte| byte == b'/');
        let last = components.next().unwrap_or_default();
        if last == b"node_modules" {
            return Some(Self::Within);
        }
        // The official images of Node unpack yarn so.
        if last.starts_with(b"yarn-v") {
            return Some(Self::Root);
        }
        let scope = components.next().unwrap_or_default();
        if scope == b"node_modules" {
            return Some(Self::Root);
        }
        if let Some(position) = components.position(|component| component == b"node_modules") {
            return Some(if position == 0 && scope.starts_with(b"@") { Self::Root } else { Self::Within });
        }
        // Where Debian's node looks.
        let debian = [&b"usr/share/nodejs/"[..], b"usr/lib/nodejs/"];
        let name = debian.iter().find_map(|start| directory.strip_prefix(*start))?;
        Some(match name.iter().filter(|&&byte| byte == b'/').count() {
            0 => Self::Root,
            1 if name.starts_with(b"@") => Self::Root,
            _ => Self::Within,
        })
    }
}

/// `name` or `@scope/name`. The registry allows less, but what is installed need not come from there.
fn is_name(name: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty() && !part.contains(|c: char| c == '/' || c.is_whitespace() || c.is_control())
    };
    match name.strip_prefix('@') {
        Some(scoped) => scoped.split_once('/').is_some_and(|(scope, name)| plain(scope) && plain(name)),
        None => plain(name),
    }
}

#[derive(Debug, Default)]
struct Manifest<'a> {
    name: Text<'a>,
    version: Text<'a>,
    licences: Licences,
}

/// By hand: people write fields twice, and the last one counts.
impl<'de: 'a, 'a> Deserialize<'de> for Manifest<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ManifestVisitor)
    }
}

#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Field {
    Name,
    Version,
    License,
    Licenses,
    #[serde(other)]
    Other,
}

struct ManifestVisitor;

impl<'de> Visitor<'de> for ManifestVisitor {
    type Value = Manifest<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a manifest")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Manifest<'de>, A::Error> {
        let mut manifest = Manifest::default();
        while let Some(field) = map.next_key()? {
            match field {
                Field::Name => manifest.name = map.next_value()?,
                Field::Version => manifest.version = map.next_value()?,
                Field::License | Field::Licenses => {
                    manifest.licences.0.extend(map.next_value::<Licences>()?.0)
                }
                Field::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(manifest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::in_tests::packages;

    fn at(path: &str, bytes: &[u8]) -> (Vec<Package>, usize) {
        packages(read, path, 2, bytes)
    }

    const REAL: &str = r#"{
  "name": "@scope/JSONStream", "version": " 1.2.3 ", "private": true,
  "dependencies": {"name": "other", "version": "9"}, "bin": [{"name": "x"}],
  "license": {"type": "MIT"}, "licenses": ["ISC"], "description": "\u00e9\n"
}"#;

    #[test]
    fn reads_a_package() {
        let (packages, problems) = at("app/node_modules/@scope/JSONStream/package.json", REAL.as_bytes());
        let package = &packages[0];
        assert_eq!((package.name.as_str(), package.version.as_str()), ("@scope/JSONStream", "1.2.3"));
        assert_eq!(package.licences, ["ISC", "MIT"]);
        assert_eq!((package.layer, problems), (2, 0));
        assert_eq!(package.location, "app/node_modules/@scope/JSONStream/package.json");
    }

    #[test]
    fn knows_where_packages_are_installed() {
        use Place::{Root, Within};
        for (path, place) in [
            ("node_modules/a/package.json", Some(Root)),
            ("usr/lib/node_modules/npm/package.json", Some(Root)),
            ("usr/lib/node_modules/npm/node_modules/a/package.json", Some(Root)),
            ("x/node_modules/.pnpm/a@1/node_modules/@s/a/package.json", Some(Root)),
            ("x/node_modules/a/esm/package.json", Some(Within)),
            ("x/node_modules/@s/a/test/package.json", Some(Within)),
            ("x/node_modules/package.json", Some(Within)),
            ("usr/share/nodejs/a/package.json", Some(Root)),
            ("usr/share/nodejs/@s/a/package.json", Some(Root)),
            ("usr/share/nodejs/a/b/package.json", Some(Within)),
            ("usr/lib/nodejs/a/package.json", Some(Root)),
            ("opt/yarn-v1.22.22/package.json", Some(Root)),
            ("app/package.json", None),
            ("package.json", None),
            ("node_modules_old/a/package.json", None),
        ] {
            assert_eq!(Place::of(path.as_bytes()), place, "{path}");
        }
    }

    #[test]
    fn what_is_no_package() {
        const ROOT: &str = "node_modules/a/package.json";
        for (path, text, packages, problems) in [
            (ROOT, r#"{"name": "a"}"#, 0, 0),
            (ROOT, r#"{"type": "module"}"#, 0, 0),
            (ROOT, r#"{"name": "a", "version": ""}"#, 0, 0),
            (ROOT, r#"{"name": "a", "version": 1}"#, 0, 0),
            (ROOT, r#"{"name": "a b", "version": "1"}"#, 0, 1),
            (ROOT, r#"{"name": "@a/b/", "version": "1"}"#, 0, 1),
            (ROOT, "", 0, 1),
            (ROOT, "[]", 0, 1),
            (ROOT, "{", 0, 1),
            ("node_modules/a/test/package.json", "{", 0, 0),
            ("app/package.json", r#"{"name": "a", "version": "1"}"#, 0, 0),
            (ROOT, "\u{feff}{\"name\": \"a\", \"version\": \"1\"}", 1, 0),
            (ROOT, r#"{"name": "b", "version": "0", "name": "a", "version": "1"}"#, 1, 0),
        ] {
            let (found, wrong) = at(path, text.as_bytes());
            assert_eq!((found.len(), wrong), (packages, problems), "{path} {text}");
            assert!(found.iter().all(|package| package.name == "a" && package.version == "1"));
        }
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            at("node_modules/a/package.json", &bytes);
        }

        #[test]
        fn takes_spoiled_manifests(place in 0..REAL.len(), byte: u8) {
            let mut bytes = REAL.as_bytes().to_vec();
            bytes[place] = byte;
            let (packages, problems) = at("node_modules/a/package.json", &bytes);
            prop_assert!(packages.len() <= 1 && problems <= 1);
        }
    }
}
