//! Modules that a Go project wants (Go Modules Reference, "go.mod files" and "go.sum files").
//!
//! Since Go 1.17 `go.mod` names every module of the build. Before, the rest is in `go.sum`, which also has versions that
//! were only considered: of several the highest was chosen, which is the last, for Go sorts the file.

use std::collections::BTreeMap;

use lazaret_model::{Ecosystem, PackageEvidence};

use crate::files::{File, Files};
use crate::pattern::{Name, Pattern, Place, split};
use crate::reading::Reading;
use crate::stated;

pub(super) const PATTERNS: &[Pattern] = &[
    Pattern::content(Place::Anywhere, Name::Exactly("go.mod")),
    Pattern::content(Place::Anywhere, Name::Exactly("go.sum")),
];

pub(super) fn read(files: &Files, reading: &mut Reading<'_>) {
    for (path, kept) in files.iter().filter(|(path, _)| split(path).1 == b"go.mod") {
        let Some(bytes) = kept.content.as_deref() else { continue };
        let file = File { path, layer: kept.layer, bytes };
        let Some(text) = stated::text(&file, reading) else { continue };
        let module = Module::parse(text);
        let sums = [&path[..path.len() - "go.mod".len()], b"go.sum"].concat();
        let sums = if module.is_whole() {
            None
        } else {
            files.content(&sums).and_then(|sums| str::from_utf8(sums).ok())
        };
        for (name, version) in module.packages(sums) {
            let package = stated::package(&file, Ecosystem::Go, PackageEvidence::Declared, name, version);
            if !reading.package(package) {
                return;
            }
        }
    }
}

/// What a `go.mod` says.
#[derive(Debug, Default)]
struct Module<'a> {
    name: &'a str,
    go: &'a str,
    toolchain: &'a str,
    /// Name, version, whether only others want it.
    required: Vec<(&'a str, &'a str, bool)>,
    /// Name and version, which may be empty; and by what.
    replaced: BTreeMap<(&'a str, &'a str), (&'a str, &'a str)>,
}

impl<'a> Module<'a> {
    fn parse(text: &'a str) -> Self {
        let mut module = Self::default();
        let mut block = "";
        for line in text.lines() {
            let (code, comment) = line.split_once("//").unwrap_or((line, ""));
            let mut words = code.split_whitespace().map(|word| word.trim_matches(['"', '`']));
            let words: [&str; 6] = std::array::from_fn(|_| words.next().unwrap_or_default());
            match words {
                [")", ..] => block = "",
                [directive, "(", ..] => block = directive,
                words if !block.is_empty() => module.take(block, &words, comment),
                [directive, rest @ ..] => module.take(directive, &rest, comment),
            }
        }
        module
    }

    fn take(&mut self, directive: &str, words: &[&'a str], comment: &str) {
        match (directive, words) {
            ("module", [name, ..]) => self.name = name,
            ("go", [version, ..]) => self.go = version,
            ("toolchain", [version, ..]) => self.toolchain = version,
            ("require", [name, version, ..]) if !version.is_empty() => {
                self.required.push((name, version, comment.trim_start().starts_with("indirect")));
            }
            ("replace", [old, "=>", new, version, ..]) => {
                self.replaced.insert((old, ""), (new, version));
            }
            ("replace", [old, at, "=>", new, ..]) => {
                let version = words.get(4).copied().unwrap_or_default();
                self.replaced.insert((old, at), (new, version));
            }
            _ => {}
        }
    }

    /// Whether it names every module of the build.
    fn is_whole(&self) -> bool {
        let mut parts = self.go.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= (1, 17)
    }

    /// Names and versions; the module's own version is empty, for only the repository knows it.
    fn packages(&self, sums: Option<&'a str>) -> BTreeMap<String, String> {
        let mut packages = BTreeMap::new();
        for (name, version) in sums.into_iter().flat_map(str::lines).filter_map(sum) {
            packages.insert(name.to_owned(), version.to_owned());
        }
        for (name, version, _) in self.required.iter().filter(|(.., indirect)| sums.is_none() || !indirect) {
            let by = self.replaced.get(&(*name, *version)).or_else(|| self.replaced.get(&(*name, "")));
            match by {
                // What lies beside the project is no module of others.
                Some((path, "")) if path.starts_with(['.', '/']) => {
                    packages.remove(*name);
                }
                Some((new, version)) => {
                    packages.insert((*new).to_owned(), (*version).to_owned());
                }
                None => {
                    packages.insert((*name).to_owned(), (*version).to_owned());
                }
            }
        }
        if !self.name.is_empty() {
            packages.insert(self.name.to_owned(), String::new());
        }
        let toolchain = self.toolchain.strip_prefix("go").unwrap_or_default();
        let go = Some(self.go).filter(|go| go.split('.').count() == 3).unwrap_or_default();
        if let Some(version) = [toolchain, go].into_iter().find(|version| !version.is_empty()) {
            packages.insert("stdlib".to_owned(), format!("v{version}"));
        }
        packages
    }
}

/// `name version hash` or `name version/go.mod hash`.
fn sum(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split_whitespace();
    let (name, version, _) = (words.next()?, words.next()?, words.next()?);
    Some((name, version.strip_suffix("/go.mod").unwrap_or(version)))
}

#[cfg(test)]
mod tests {
    use lazaret_model::Limits;
    use proptest::prelude::*;

    use super::*;

    fn read_all(module: &[u8], sums: Option<&[u8]>) -> Vec<String> {
        let mut files = Files::default();
        files.add(b"a/go.mod", 0, Some(module.to_vec()));
        if let Some(sums) = sums {
            files.add(b"a/go.sum", 0, Some(sums.to_vec()));
        }
        let limits = Limits::default();
        let mut reading = Reading::new(&limits);
        read(&files, &mut reading);
        reading.packages().iter().map(|it| format!("{} {}", it.name, it.version)).collect()
    }

    const MODULE: &str = "module example.org/m // comment\n\ngo 1.22.1\n\nrequire a.org/a v1.0.0\nrequire (\n\tb.org/b v1.1.0 // indirect\n\t\"c.org/c\" v2.0.0+incompatible\n\td.org/d v1.0.0\n)\n\
        replace b.org/b => e.org/b v1.2.0\nreplace (\n\tc.org/c v2.0.0+incompatible => ../c\n\td.org/d v9.9.9 => x.org/d v1\n)\nexclude a.org/a v0.9.0\n";

    #[test]
    fn reads_requirements_and_replacements() {
        let found =
            ["a.org/a v1.0.0", "d.org/d v1.0.0", "e.org/b v1.2.0", "example.org/m ", "stdlib v1.22.1"];
        assert_eq!(read_all(MODULE.as_bytes(), Some(b"z.org/z v1.0.0 h1:x\n")), found);
    }

    #[test]
    fn old_projects_need_their_sums() {
        let module = b"module m\ngo 1.16\nrequire a.org/a v1.0.0\nrequire b.org/b v1.0.0 // indirect\n";
        let sums = b"a.org/a v1.2.0/go.mod h1:x=\nb.org/b v1.9.0/go.mod h1:x=\nb.org/b v1.10.0 h1:x=\n\nc.org/c v1.0.0 h1:x=\nbad\n";
        assert_eq!(
            read_all(module, Some(sums)),
            ["a.org/a v1.0.0", "b.org/b v1.10.0", "c.org/c v1.0.0", "m "]
        );
        assert_eq!(read_all(module, None), ["a.org/a v1.0.0", "b.org/b v1.0.0", "m "]);
    }

    proptest! {
        #[test]
        fn takes_anything(module in proptest::collection::vec(any::<u8>(), 0..100), at in 0..MODULE.len(), text in "[(\n)\" =>/.]{0,6}") {
            read_all(&module, Some(&module));
            let mut mutated = MODULE.as_bytes().to_vec();
            mutated.splice(at..at, text.bytes());
            read_all(&mutated, Some(MODULE.as_bytes()));
        }
    }
}
