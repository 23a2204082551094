//! JavaScript and Python: Trivy's test data that `expected.jsonl` has no expectations for: manifests of packages, and lock
//! files beside manifests. What is expected stands in the files themselves.

use lazaret_catalog::{Options, catalog};
use lazaret_model::Limits;

use crate::lockfiles::corpus;
use crate::memory::Memory;

/// Manifests, what is in them, and how many problems they are.
const MANIFESTS: &[(&str, &[&str], usize)] = &[
    ("package.json", &["bootstrap 5.0.2 MIT"], 0),
    ("legacy_package.json", &["angular 4.1.2 ISC"], 0),
    ("legacy_array_package.json", &["tv4 1.3.0 MIT,Public Domain"], 0),
    ("mixed_array_license_package.json", &["mixed-array-license 1.0.0 MIT"], 0),
    ("empty_array_license_package.json", &["empty-array-license 1.0.0 "], 0),
    ("invalid_license_package.json", &["weird-license 1.0.0 "], 0),
    ("null_license_package.json", &["null-license 1.0.0 "], 0),
    ("unknown_license_object_package.json", &["unknown-license-object 1.0.0 "], 0),
    ("workspace_as_map_package.json", &["example 1.0.0 "], 0),
    ("without_version_package.json", &[], 0),
    ("without_name_and_version_package.json", &[], 0),
    ("invalid_name.json", &[], 1),
    ("invalid_package.json", &[], 1),
];

#[test]
fn reads_manifests() {
    let Some((_directory, root)) = corpus() else { return };
    let root = root.join("pkg/dependency/parser/nodejs/packagejson/testdata");
    for (name, expected, problems) in MANIFESTS {
        let tree =
            Memory::default().file("node_modules/x/package.json", 0, std::fs::read(root.join(name)).unwrap());
        let (lines, found) = read(tree);
        assert_eq!((lines.as_slice(), found), (strings(expected).as_slice(), *problems), "{name}");
    }
}

/// Projects: a directory, the files that matter, what ships, and how many problems there are.
const PROJECTS: &[(&str, &[&str], &[&str], usize)] = &[
    (
        "nodejs/yarn/testdata/happy",
        &["yarn.lock", "package.json"],
        &[
            "js-tokens 2.0.0 ",
            "js-tokens 4.0.0 ",
            "loose-envify 1.4.0 ",
            "object-assign 4.1.1 ",
            "scheduler 0.13.6 ",
        ],
        0,
    ),
    (
        "nodejs/yarn/testdata/alias",
        &["yarn.lock", "package.json"],
        &["debug 4.3.4 ", "ms 2.1.2 ", "ms 2.1.3 "],
        0,
    ),
    (
        "nodejs/yarn/testdata/latest-version",
        &["yarn.lock", "package.json"],
        &["debug 4.3.5 ", "ms 2.1.2 "],
        0,
    ),
    (
        "nodejs/yarn/testdata/monorepo",
        &[
            "yarn.lock",
            "package.json",
            "c/package.json",
            "packages/package1/package.json",
            "packages/package2/package.json",
            "packages/utils/util1/package.json",
        ],
        &[
            "is-number 6.0.0 ",
            "is-number 7.0.0 ",
            "is-odd 3.0.1 ",
            "js-tokens 4.0.0 ",
            "js-tokens 8.0.1 ",
            "loose-envify 1.4.0 ",
            "scheduler 0.23.0 ",
        ],
        0,
    ),
    (
        "nodejs/yarn/testdata/project-with-workspace-in-subdir/foo",
        &["yarn.lock", "package.json", "bar/generators/package.json"],
        &["hoek 6.1.3 "],
        0,
    ),
    ("nodejs/yarn/testdata/wrong-packagejson", &["yarn.lock", "package.json"], &["js-tokens 2.0.0 "], 1),
    (
        "python/poetry/testdata/with-groups",
        &["poetry.lock", "pyproject.toml"],
        &[
            "anyio 4.7.0 ",
            "certifi 2024.12.14 ",
            "charset-normalizer 3.4.0 ",
            "exceptiongroup 1.2.2 ",
            "h11 0.14.0 ",
            "httpcore 1.0.7 ",
            "httpx 0.28.1 ",
            "idna 3.10 ",
            "mypy-extensions 1.0.0 ",
            "requests 2.32.3 ",
            "sniffio 1.3.1 ",
            "socksio 1.0.0 ",
            "typing-extensions 4.12.2 ",
            "typing-inspect 0.9.0 ",
            "urllib3 2.2.3 ",
        ],
        0,
    ),
    (
        "python/poetry/testdata/happy-v2",
        &["poetry.lock", "pyproject.toml"],
        &[
            "click 8.1.8 ",
            "colorama 0.4.6 ",
            "flask 1.0.3 ",
            "itsdangerous 2.2.0 ",
            "jinja2 3.1.5 ",
            "markupsafe 3.0.2 ",
            "pluggy 0.13.1 ",
            "werkzeug 3.1.3 ",
        ],
        0,
    ),
];

#[test]
fn reads_projects() {
    let Some((_directory, root)) = corpus() else { return };
    let root = root.join("pkg/fanal/analyzer/language");
    for (directory, files, expected, problems) in PROJECTS {
        let mut tree = Memory::default();
        for name in *files {
            tree =
                tree.file(&format!("app/{name}"), 0, std::fs::read(root.join(directory).join(name)).unwrap());
        }
        let (lines, found) = read(tree);
        assert_eq!((lines.as_slice(), found), (strings(expected).as_slice(), *problems), "{directory}");
    }
}

/// Name, version and licences of the packages; the number of problems.
fn read(mut tree: Memory) -> (Vec<String>, usize) {
    let found = catalog(&mut tree, &Limits::default(), Options { declared: true, ..Options::default() });
    let lines =
        found.packages.iter().map(|it| format!("{} {} {}", it.name, it.version, it.licences.join(",")));
    (lines.collect(), found.problems.len())
}

fn strings(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|&line| line.to_owned()).collect()
}
