//! JavaScript and Python: how Trivy's cases are run, and this machine's own packages.

use std::process::Command;

use lazaret_catalog::{Options, catalog};
use lazaret_model::Limits;

use crate::corpora::skipped;
use crate::lockfiles::{Exception, Parser, Side, same, say};
use crate::memory::Memory;

pub(crate) const PARSERS: &[Parser] = &[
    Parser { name: "nodejs/npm", place: |_| "app/package-lock.json".to_owned(), spelled: same },
    Parser { name: "nodejs/yarn", place: |_| "app/yarn.lock".to_owned(), spelled: same },
    Parser { name: "nodejs/pnpm", place: |_| "app/pnpm-lock.yaml".to_owned(), spelled: same },
    Parser { name: "nodejs/bun", place: |_| "app/bun.lock".to_owned(), spelled: same },
    Parser { name: "python/packaging", place: metadata, spelled: normalised },
    Parser { name: "python/pip", place: |_| "app/requirements.txt".to_owned(), spelled: normalised },
    Parser { name: "python/pipenv", place: |_| "app/Pipfile.lock".to_owned(), spelled: normalised },
    Parser { name: "python/poetry", place: |_| "app/poetry.lock".to_owned(), spelled: normalised },
    Parser { name: "python/uv", place: |_| "app/uv.lock".to_owned(), spelled: normalised },
    Parser { name: "python/pylock", place: |_| "app/pylock.toml".to_owned(), spelled: normalised },
    Parser { name: "conda/meta", place: |name| format!("opt/conda/conda-meta/{name}"), spelled: same },
];

const OWN: &str = "a member of the project itself: nobody registered its name, or somebody else did, and advisories mean theirs";
const MINIMUM: &str = "not pinned: Trivy was asked to take the least version that would do";

pub(crate) const EXCEPTIONS: &[Exception] = &[
    only_trivy("nodejs/bun", "bun_multiple_ws.lock", &["my-app 1.0.0", "my-lib 1.0.0"], OWN),
    only_trivy("nodejs/npm", "_with_workspace.json", &["function1 ", "nested_func 1.0.0"], OWN),
    only_trivy("nodejs/npm", "_with_workspace_as_object.json", &["testapp 1.0.0"], OWN),
    only_trivy("nodejs/npm", "_without_root_deps_field.json", &["func1 1.0.0"], OWN),
    only_trivy("nodejs/pnpm", "pnpm-lock_archives.yaml", &["package1 1.0.0"], OWN),
    only_trivy("nodejs/pnpm", "pnpm-lock_v9.yaml", &["package1 "], OWN),
    only_trivy("python/uv", "uv_normal.lock", &["normal 0.1.0"], OWN),
    only_trivy(
        "python/pip",
        "requirements_compatible.txt",
        &["eventlet 0.18.2", "keyring 4.1.1", "mopidy-dirble 1.1", "pyjwt 1.2", "python-gitlab 2.0.0"],
        MINIMUM,
    ),
    only_us(
        "nodejs/yarn",
        "yarn_v2_happy.lock",
        &["fsevents 2.1.3"],
        "patched by yarn, but that version of that package",
    ),
    only_us(
        "nodejs/yarn",
        "yarn_with_local.lock",
        &["local-package 0.0.1"],
        "an archive in the project is a package",
    ),
    only_us("nodejs/yarn", "yarn_with_bad_protocol.lock", &["asap 2.0.6"], "locked, whatever brings it"),
];

const fn only_trivy(
    parser: &'static str,
    file: &'static str,
    packages: &'static [&'static str],
    reason: &'static str,
) -> Exception {
    Exception { parser, file, side: Side::OnlyTrivy, packages, reason }
}

const fn only_us(
    parser: &'static str,
    file: &'static str,
    packages: &'static [&'static str],
    reason: &'static str,
) -> Exception {
    Exception { parser, file, side: Side::OnlyUs, packages, reason }
}

/// `x.METADATA` and `x.PKG-INFO` stand for files in directories.
fn metadata(name: &str) -> String {
    match name.rsplit_once('.') {
        Some((distribution, "METADATA")) => format!("lib/{distribution}.dist-info/METADATA"),
        Some((distribution, "PKG-INFO")) => format!("lib/{distribution}.egg-info/PKG-INFO"),
        _ => format!("lib/{name}"),
    }
}

/// The oracle's own normalisation: PyPA's, by its regular expression's words.
fn normalised(name: &str) -> String {
    let parts: Vec<&str> = name.split(['-', '_', '.']).filter(|part| !part.is_empty()).collect();
    parts.join("-").to_lowercase()
}

/// What Python itself says of the distributions that it finds.
#[test]
fn agrees_with_python_on_this_machine() {
    const SCRIPT: &str = r"
import importlib.metadata, re
for it in importlib.metadata.distributions():
    path = it._path
    for name in ('METADATA', 'PKG-INFO', ''):
        file = path / name if name else path
        if file.is_file():
            print(file, re.sub(r'[-_.]+', '-', it.metadata['Name']).lower(), it.version, sep='\t')
            break
";
    let mut compared = 0;
    for python in ["/usr/bin/python3", "python3"] {
        let output = match Command::new(python).args(["-c", SCRIPT]).output() {
            Ok(output) if output.status.success() => String::from_utf8(output.stdout).unwrap(),
            _ => {
                skipped(&format!("{python} does not run here"));
                continue;
            }
        };
        let mut tree = Memory::default();
        let mut expected: Vec<String> = output.lines().map(str::to_owned).collect();
        for line in &expected {
            let path = line.split('\t').next().unwrap();
            tree = tree.file(path.trim_start_matches('/'), 0, std::fs::read(path).unwrap());
        }
        let found = catalog(&mut tree, &Limits::default(), Options::default());
        let lines = found.packages.iter().map(|it| format!("/{}\t{}\t{}", it.location, it.name, it.version));
        let mut lines: Vec<String> = lines.collect();
        expected.sort();
        expected.dedup();
        lines.sort();
        assert_eq!(lines, expected, "{python}");
        assert_eq!(found.problems, []);
        compared += lines.len();
    }
    say(&format!("{compared} distributions as importlib.metadata tells them"));
}

/// What node reads out of every manifest in its directories.
#[test]
fn agrees_with_node_on_this_machine() {
    const SCRIPT: &str = r"
const fs = require('fs'), path = require('path');
const walk = (directory) => {
  for (const it of fs.readdirSync(directory, {withFileTypes: true})) {
    const file = path.join(directory, it.name);
    if (it.isDirectory()) walk(file);
    if (!it.isFile() || it.name !== 'package.json') continue;
    let {name, version} = {};
    try { ({name, version} = JSON.parse(fs.readFileSync(file, 'utf8'))); } catch {}
    console.log([file, name || '', version || ''].join('\t'));
  }
};
process.argv.slice(1).filter(fs.existsSync).forEach(walk);
";
    let directories = ["/usr/lib/node_modules", "/usr/local/lib/node_modules", "/usr/share/nodejs"];
    let output = match Command::new("node").args(["-e", SCRIPT, "--"]).args(directories).output() {
        Ok(output) if output.status.success() => String::from_utf8(output.stdout).unwrap(),
        _ => return skipped("node does not run here"),
    };
    let mut tree = Memory::default();
    let mut expected = Vec::new();
    for line in output.lines() {
        let path = line.split('\t').next().unwrap();
        tree = tree.file(path.trim_start_matches('/'), 0, std::fs::read(path).unwrap());
        if line.split('\t').all(|field| !field.is_empty()) {
            expected.push(line.to_owned());
        }
    }
    let found = catalog(&mut tree, &Limits::default(), Options::default());
    let lines = found.packages.iter().map(|it| format!("/{}\t{}\t{}", it.location, it.name, it.version));
    let mut lines: Vec<String> = lines.collect();
    expected.sort();
    lines.sort();
    assert_eq!(lines, expected);
    assert_eq!(found.problems, []);
    say(&format!("{} packages as node reads them", lines.len()));
}
