//! JavaScript and Python: syft's test data.

use std::path::Path;

use lazaret_catalog::{Catalog, Options, catalog};
use lazaret_model::{Limits, PackageEvidence};

use proptest::prelude::*;

use crate::corpora::whole;
use crate::memory::Memory;

/// Files of syft's test data, the place that they are put in, and what is in them by their own text: `name version`
/// and licences.
const SYFT: &[(&str, &str, &[&str])] = &[
    (
        "javascript/testdata/pkg-json/package.json",
        "node_modules/npm/package.json",
        &["npm 6.14.6 Artistic-2.0"],
    ),
    (
        "javascript/testdata/pkg-json/package-license-object.json",
        "node_modules/npm/package.json",
        &["npm 6.14.6 ISC"],
    ),
    (
        "javascript/testdata/pkg-json/package-license-objects.json",
        "node_modules/npm/package.json",
        &["npm 6.14.6 Apache-2.0,MIT"],
    ),
    (
        "javascript/testdata/pkg-json/package-malformed-license.json",
        "node_modules/npm/package.json",
        &["npm 6.14.6 MIT"],
    ),
    (
        "javascript/testdata/pkg-json/package-no-license.json",
        "node_modules/npm/package.json",
        &["npm 6.14.6 "],
    ),
    (
        "javascript/testdata/pkg-json/package-nested-author.json",
        "node_modules/npm/package.json",
        &["npm 6.14.6 Artistic-2.0"],
    ),
    ("javascript/testdata/pkg-json/package-partial.json", "node_modules/npm/package.json", &[]),
    (
        "javascript/testdata/pkg-json/package-private.json",
        "node_modules/npm/package.json",
        &["npm 6.14.6 Artistic-2.0"],
    ),
    (
        "javascript/testdata/pkg-json/package-repo-string.json",
        "node_modules/function-bind/package.json",
        &["function-bind 1.1.1 MIT"],
    ),
    (
        "javascript/testdata/pkg-lock/package-lock.json",
        "package-lock.json",
        &[
            "@actions/core 1.6.0 ",
            "ansi-regex 3.0.0 ",
            "cowsay 1.4.0 ",
            "get-stdin 5.0.1 ",
            "is-fullwidth-code-point 2.0.0 ",
            "minimist 0.0.10 ",
            "optimist 0.6.1 ",
            "string-width 2.1.1 ",
            "strip-ansi 4.0.0 ",
            "strip-eof 1.0.0 ",
            "wordwrap 0.0.3 ",
        ],
    ),
    (
        "javascript/testdata/pkg-lock/package-lock-2.json",
        "package-lock.json",
        &[
            "@types/prop-types 15.7.5 MIT",
            "@types/react 18.0.17 MIT",
            "@types/scheduler 0.16.2 MIT",
            "csstype 3.1.0 MIT",
        ],
    ),
    (
        "javascript/testdata/pkg-lock/package-lock-3.json",
        "package-lock.json",
        &["@types/prop-types 15.7.5 ", "@types/react 18.0.20 ", "@types/scheduler 0.16.2 ", "csstype 3.1.1 "],
    ),
    (
        "javascript/testdata/pkg-lock/alias-package-lock-1.json",
        "package-lock.json",
        &["@bundled-es-modules/chai 4.2.2 ", "case 1.6.2 ", "case 1.6.3 "],
    ),
    (
        "javascript/testdata/pkg-lock/alias-package-lock-2.json",
        "package-lock.json",
        &["@bundled-es-modules/chai 4.2.2 ", "case 1.6.2 ", "case 1.6.3 "],
    ),
    (
        "javascript/testdata/pkg-lock/nested-package-lock-1.json",
        "npm-shrinkwrap.json",
        &[
            "duplicate 1.0.0 ",
            "middle 1.0.0 ",
            "parent 1.0.0 ",
            "shared 0.5.0 ",
            "shared 1.0.0 ",
            "shared 2.0.0 ",
        ],
    ),
    (
        "javascript/testdata/pkg-lock/array-license-package-lock.json",
        "package-lock.json",
        &["pause-stream 0.0.11 Apache2,MIT", "through 2.3.8 MIT"],
    ),
    (
        "javascript/testdata/pnpm-v5-peer-suffix/pnpm-lock.yaml",
        "pnpm-lock.yaml",
        &["acorn 8.8.0 ", "acorn-jsx 5.3.2 ", "webpack-cli 4.10.0 "],
    ),
    (
        "javascript/testdata/pnpm-v6/pnpm-lock.yaml",
        "pnpm-lock.yaml",
        &[
            "@babel/core 7.21.4 ",
            "@testing-library/jest-dom 5.16.5 ",
            "@testing-library/react 13.4.0 ",
            "@testing-library/user-event 13.5.0 ",
            "@types/eslint 8.37.0 ",
            "react 18.2.0 ",
            "react-dom 18.2.0 ",
            "read-cache 1.0.0 ",
            "schema-utils 3.1.2 ",
            "web-vitals 2.1.4 ",
        ],
    ),
    (
        "javascript/testdata/pnpm-v9-snapshots/pnpm-lock.yaml",
        "pnpm-lock.yaml",
        &[
            "cross-spawn 7.0.6 ",
            "isexe 2.0.0 ",
            "path-key 3.1.1 ",
            "shebang-command 2.0.0 ",
            "shebang-regex 3.0.0 ",
            "which 2.0.2 ",
        ],
    ),
    ("javascript/testdata/pnpm-multi-doc/pnpm-lock.yaml", "pnpm-lock.yaml", &["minimist 1.2.0 "]),
    (
        "javascript/testdata/yarn-v1-deps/yarn.lock",
        "yarn.lock",
        &[
            "@babel/code-frame 7.10.4 ",
            "@types/minimatch 3.0.3 ",
            "@types/qs 6.9.4 ",
            "ajv 6.12.3 ",
            "asn1.js 4.10.1 ",
            "atob 2.1.2 ",
            "aws-sdk 2.706.0 ",
            "c0n-fab_u.laTION 7.7.7 ",
            "jhipster-core 7.3.4 ",
        ],
    ),
    (
        "javascript/testdata/yarn-dups/yarn.lock",
        "yarn.lock",
        &[
            "async 0.9.2 ",
            "async 3.2.3 ",
            "merge-objects 1.0.5 ",
            "resize-observer-polyfill 1.5.2 ",
            "should-type 1.3.0 ",
        ],
    ),
    ("javascript/testdata/yarn-berry-dups/yarn.lock", "yarn.lock", &["async 0.9.2 ", "async 3.2.6 "]),
    ("python/testdata/Python-2.7.egg-info", "lib/Python-2.7.egg-info", &["python 2.7.13 PSF license"]),
    (
        "python/testdata/site-packages/nested/dist-name/dist-info/METADATA",
        "lib/dist-info/METADATA",
        &["pygments 2.6.1 BSD License"],
    ),
    (
        "python/testdata/site-packages/uppercase/egg-name/EGG-INFO/PKG-INFO",
        "lib/EGG-INFO/PKG-INFO",
        &["requests 2.22.0 Apache Software License"],
    ),
    (
        "python/testdata/requires/requirements.txt",
        "requirements.txt",
        &[
            "argh 0.26.2 ",
            "argh 0.26.3 ",
            "celery 4.4.7 ",
            "dots-allowed 1.0.0 ",
            "flask 4.0.0 ",
            "foo 1.0.0 ",
            "friendly-bard 1.0.0 ",
            "githubsampleproject 3.7.1 ",
            "local-version 1.2.3+gcr.2 ",
            "someproject 5.4 ",
            "urllib3 1.26.20 ",
        ],
    ),
    (
        "python/testdata/uv/multiple-extras/uv.lock",
        "uv.lock",
        &[
            "anyio 4.9.0 ",
            "brotli 1.1.0 ",
            "brotlicffi 1.1.0.0 ",
            "certifi 2025.1.31 ",
            "cffi 1.17.1 ",
            "h11 0.14.0 ",
            "h2 4.2.0 ",
            "hpack 4.1.0 ",
            "httpcore 1.0.7 ",
            "httpx 0.28.1 ",
            "hyperframe 6.1.0 ",
            "idna 3.10 ",
            "pycparser 2.22 ",
            "sniffio 1.3.1 ",
            "socksio 1.0.0 ",
            "typing-extensions 4.13.0 ",
        ],
    ),
    ("python/testdata/poetry/dev-deps/poetry.lock", "poetry.lock", &[]),
    ("python/testdata/pdm-lock-extras/pdm.lock", "pdm.lock", &[]),
    (
        "conda/testdata/conda-meta-python-c-etc/conda-meta/zlib-1.2.11-h90dfc92_1014.json",
        "conda-meta/zlib-1.2.11-h90dfc92_1014.json",
        &["zlib 1.2.11 Zlib"],
    ),
];

#[test]
fn reads_the_test_data_of_syft() {
    let Some((_directory, root)) = whole("pkgdb/syft.tar.zst") else { return };
    let root = root.join("syft-catalogers/syft/pkg/cataloger");
    for (file, place, expected) in SYFT {
        let found = declared(Memory::default().file(place, 0, std::fs::read(root.join(file)).unwrap()));
        let lines: Vec<String> = found
            .packages
            .iter()
            .map(|it| format!("{} {} {}", it.name, it.version, it.licences.join(",")))
            .collect();
        assert_eq!(&lines, expected, "{file}");
        // One line of the requirements names another file.
        let problems = usize::from(file.ends_with("requires/requirements.txt"));
        assert_eq!(found.problems.len(), problems, "{file}: {:?}", found.problems);
    }
    for broken in
        ["javascript/testdata/corrupt/package-lock.json", "javascript/testdata/corrupt/pnpm-lock.yaml"]
    {
        let place = broken.rsplit('/').next().unwrap();
        let found = declared(Memory::default().file(place, 0, std::fs::read(root.join(broken)).unwrap()));
        assert_eq!((found.packages.len(), found.problems.len()), (0, 1), "{broken}");
    }
}

/// Manifests beside lock files say what is only for developers.
#[test]
fn developers_packages_are_left_out() {
    let Some((_directory, root)) = whole("pkgdb/syft.tar.zst") else { return };
    let root = root.join("syft-catalogers/syft/pkg/cataloger");
    for (directory, lock, manifest, expected) in [
        ("javascript/testdata/yarn-dev-deps", "yarn.lock", "package.json", &["prod-pkg", "shared-pkg"][..]),
        ("javascript/testdata/yarn-berry-dev-deps", "yarn.lock", "package.json", &["prod-pkg", "shared-pkg"]),
        (
            "python/testdata/poetry/simple-deps",
            "poetry.lock",
            "pyproject.toml",
            &["certifi", "charset-normalizer", "idna", "requests", "urllib3"],
        ),
    ] {
        let read = |name: &str| std::fs::read(root.join(directory).join(name)).unwrap();
        let tree = Memory::default().file(&format!("app/{lock}"), 0, read(lock)).file(
            &format!("app/{manifest}"),
            0,
            read(manifest),
        );
        let found = declared(tree);
        let names: Vec<&str> = found.packages.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, expected, "{directory}");
        assert_eq!(found.problems, [], "{directory}");
    }
}

#[test]
fn lock_files_are_not_read_unless_asked_for() {
    let tree = || {
        Memory::default().file("app/requirements.txt", 0, "a==1\n").file(
            "app/x.dist-info/METADATA",
            0,
            "Name: b\nVersion: 2\n",
        )
    };
    let installed = catalog(&mut tree(), &Limits::default(), Options::default());
    assert_eq!(
        installed.packages.iter().map(|it| it.evidence).collect::<Vec<_>>(),
        [PackageEvidence::Installed]
    );
    let both = declared(tree());
    assert_eq!(
        both.packages.iter().map(|it| it.evidence).collect::<Vec<_>>(),
        [PackageEvidence::Declared, PackageEvidence::Installed]
    );
}

fn declared(mut tree: Memory) -> Catalog {
    catalog(&mut tree, &Limits::default(), Options { declared: true, ..Options::default() })
}

/// Files of the corpora with bytes replaced, cut out and repeated: no reader may fall over them, whatever the name that
/// they come under.
#[test]
fn spoiled_files_are_read_as_far_as_they_go() {
    let Some((_directory, root)) = whole("pkgdb/syft.tar.zst") else { return };
    let root = root.join("syft-catalogers/syft/pkg/cataloger");
    let mut files = Vec::new();
    for directory in ["javascript", "python", "conda"] {
        gather(&root.join(directory), &mut files);
    }
    assert!(files.len() > 50, "{}", files.len());
    let edit = (0..3_u8, any::<prop::sample::Index>(), 1..200_usize, any::<u8>());
    let spoiled = (prop::sample::select(files), proptest::collection::vec(edit, 1..6));
    let config = ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(((name, mut bytes), edits) in spoiled)| {
        for (kind, place, length, byte) in edits {
            let start = place.index(bytes.len() + 1);
            let end = (start + length).min(bytes.len());
            match kind {
                0 => bytes.get_mut(start).into_iter().for_each(|it| *it = byte),
                1 => drop(bytes.drain(start..end)),
                _ => {
                    let again = bytes[start..end].to_vec();
                    bytes.splice(start..start, again);
                }
            }
        }
        let found = declared(Memory::default().file(&format!("app/{name}"), 0, bytes.clone()));
        prop_assert!(found.packages.iter().all(|it| !it.name.is_empty() && !it.version.is_empty()));
        declared(Memory::default().file(&format!("node_modules/x/{name}"), 0, bytes));
    });
}

/// Small files below a directory, with their names and those of the directories that matter.
fn gather(directory: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, files);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let components: Vec<&str> = path.iter().rev().take(2).map(|it| it.to_str().unwrap()).collect();
        let name = match components[0] {
            it if it.contains("package-lock") => "package-lock.json".to_owned(),
            it if it.starts_with("package") => "node_modules/x/package.json".to_owned(),
            it => format!("{}/{it}", components[1]),
        };
        if !bytes.is_empty() && bytes.len() < 50_000 {
            files.push((name, bytes));
        }
    }
}
