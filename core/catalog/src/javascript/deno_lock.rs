//! `deno.lock` of Deno (docs.deno.com, "Lock file"; the format is that of the crate `deno_lockfile`), versions 3 to 5:
//! packages of npm and of JSR by `name@version`. Version 3 keeps both below `packages`.
//!
//! Modules of JSR get the name that its registry for npm gives them, `@jsr/scope__name`: npm's rules hold for both, and
//! advisories know no other. Modules by URL have no version that anybody speaks of.

use serde::de::IgnoredAny;

use super::{split_reference, wanted};
use crate::documents::json;
use crate::files::File;
use crate::lenient::{Pairs, Table};
use crate::reading::Reading;

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Lock<'a> {
    #[serde(borrow)]
    packages: Table<Packages<'a>>,
    #[serde(borrow, flatten)]
    here: Packages<'a>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Packages<'a> {
    #[serde(borrow)]
    npm: Pairs<'a, IgnoredAny>,
    #[serde(borrow)]
    jsr: Pairs<'a, IgnoredAny>,
}

pub(super) fn read(file: &File<'_>, reading: &mut Reading<'_>) {
    let Some(lock) = json::<Lock<'_>>(file, reading) else { return };
    for packages in [Some(&lock.here), lock.packages.0.as_ref()].into_iter().flatten() {
        let npm = packages.npm.0.iter().map(|(key, _)| (&**key, false));
        let jsr = packages.jsr.0.iter().map(|(key, _)| (&**key, true));
        for (key, is_jsr) in npm.chain(jsr) {
            let Some((name, version)) = split_reference(key).filter(|(_, version)| !version.is_empty())
            else {
                reading.problems.malformed(file.location(), "a package without a version");
                continue;
            };
            // Which peers it found follows: `react-dom@18.2.0_react@18.2.0`.
            let version = version.split('_').next().unwrap_or(version);
            let package =
                match name.strip_prefix('@').and_then(|rest| rest.split_once('/')).filter(|_| is_jsr) {
                    Some((scope, name)) => wanted(file, &format!("@jsr/{scope}__{name}"), version),
                    None => wanted(file, name, version),
                };
            if !reading.package(package) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::in_tests::{lines, withstands};

    fn lock(bytes: &[u8]) -> (Vec<String>, usize) {
        lines(read, "deno.lock", bytes)
    }

    const FOUR: &str = r#"{"version": "4", "specifiers": {"npm:chalk@5": "5.3.0"},
        "jsr": {"@std/assert@1.0.6": {"integrity": "a", "dependencies": ["jsr:@std/internal"]}},
        "npm": {"chalk@5.3.0": {"integrity": "b"}, "@types/node@18.16.19": {},
                "react-dom@18.2.0_react@18.2.0": {"dependencies": ["react"]}},
        "remote": {"https://r.example/std@0.200.0/x.ts": "c"}}"#;
    const THREE: &str = r#"{"version": "3", "packages": {"specifiers": {"npm:chalk@5": "npm:chalk@5.3.0"},
        "jsr": {"@std/path@1.0.0": {"integrity": "a"}}, "npm": {"chalk@5.3.0": {"dependencies": {}}}}, "remote": {}}"#;

    #[test]
    fn reads_all_versions() {
        let four = ["chalk 5.3.0", "@types/node 18.16.19", "react-dom 18.2.0", "@jsr/std__assert 1.0.6"];
        assert_eq!(lock(FOUR.as_bytes()), (four.map(str::to_owned).to_vec(), 0));
        assert_eq!(
            lock(THREE.as_bytes()),
            (["chalk 5.3.0", "@jsr/std__path 1.0.0"].map(str::to_owned).to_vec(), 0)
        );
        assert_eq!(
            lock(br#"{"npm": {"nameless": {}, "a@": {}, "b@1": 7}, "jsr": []}"#),
            (vec!["b 1".to_owned()], 2)
        );
        assert_eq!(lock(b"{").1, 1);
    }

    withstands!(lock, FOUR, THREE);
}
