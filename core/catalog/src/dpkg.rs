//! The database of dpkg: `var/lib/dpkg/status`, or one file a package in `status.d` (images without dpkg).
//!
//! Fields: deb-control(5) and dpkg-query(1), "package states".

use lazaret_model::{Ecosystem, Entry, Package, Problem, ProblemKind, SourcePackage};

use crate::catalog::Findings;
use crate::deb822::{self, Field};

const STATUS: &[u8] = b"var/lib/dpkg/status";
const STATUS_D: &[u8] = b"var/lib/dpkg/status.d/";
const INFO: &[u8] = b"var/lib/dpkg/info/";

/// Names and versions are at most a file name long; what is longer is no package.
const MAX_TEXT: usize = 255;

pub(crate) fn wants(path: &[u8]) -> bool {
    path == STATUS
        || path
            .strip_prefix(STATUS_D)
            .is_some_and(|name| !name.ends_with(b".md5sums") && !name.contains(&b'/'))
}

pub(crate) fn visit(entry: &Entry<'_>, content: Option<&[u8]>, findings: &mut Findings) {
    if let Some(list) = entry.path.strip_prefix(INFO) {
        remember_list(list, entry.layer, findings);
    } else if let Some(bytes) = content
        && wants(entry.path)
    {
        status(entry, bytes, findings);
    }
}

/// dpkg writes a package's file list when it unpacks the package and then leaves it alone, while each
/// installation of anything rewrites the status file: the list's layer is the one that brought the package.
fn remember_list(list: &[u8], layer: u32, findings: &mut Findings) {
    let name = list.strip_suffix(b".list").or_else(|| list.strip_suffix(b".md5sums"));
    if let Some(name) = name.and_then(text) {
        let newest = findings.dpkg_lists.entry(name).or_insert(layer);
        *newest = (*newest).max(layer);
    }
}

/// Gives each package the layer of its file list; without one the layer of the status file stays.
pub(crate) fn attribute_layers(findings: &mut Findings) {
    let lists = std::mem::take(&mut findings.dpkg_lists);
    for package in findings.packages.iter_mut().filter(|package| package.location.as_bytes() == STATUS) {
        let architecture = package.architecture.as_deref().unwrap_or_default();
        let with_architecture = lists.get(&format!("{}:{architecture}", package.name));
        if let Some(&layer) = with_architecture.or_else(|| lists.get(&package.name)) {
            package.layer = layer;
        }
    }
}

fn status(entry: &Entry<'_>, bytes: &[u8], findings: &mut Findings) {
    let location = String::from_utf8_lossy(entry.path).into_owned();
    let mut malformed = 0u64;
    for paragraph in deb822::paragraphs(bytes) {
        if !is_present(&paragraph) {
            continue;
        }
        match package(&paragraph, &location, entry.layer) {
            Some(package) => findings.package(package),
            None => malformed += 1,
        }
    }
    if malformed > 0 {
        let detail = format!("{malformed} records have no usable name and version");
        findings.problem(Problem::new(ProblemKind::Malformed, location, detail));
    }
}

/// Whether files of the package are in the tree. `Status` is three words: what the administrator wants,
/// an error flag, and the state. Removed packages whose configuration is left are not present.
fn is_present(paragraph: &[Field<'_>]) -> bool {
    let Some(status) = deb822::value(paragraph, "Status") else { return true };
    !matches!(
        status.rsplit(|byte| byte.is_ascii_whitespace()).next(),
        Some(b"not-installed" | b"config-files")
    )
}

fn package(paragraph: &[Field<'_>], location: &str, layer: u32) -> Option<Package> {
    let name = text(deb822::value(paragraph, "Package")?)?;
    let version = text(deb822::value(paragraph, "Version")?)?;
    let source = match deb822::value(paragraph, "Source") {
        Some(source) => source_package(source, &version)?,
        None => SourcePackage { name: name.clone(), version: version.clone() },
    };
    Some(Package {
        ecosystem: Ecosystem::Deb,
        name,
        version,
        architecture: deb822::value(paragraph, "Architecture").and_then(text),
        source,
        location: location.to_owned(),
        layer,
    })
}

/// `name`, or `name (version)` where the version differs from the binary package's.
fn source_package(value: &[u8], binary_version: &str) -> Option<SourcePackage> {
    let split = value.iter().position(|&byte| byte == b'(');
    let (name, version) = match split {
        Some(open) => {
            let version = value[open + 1..].strip_suffix(b")")?;
            (value[..open].trim_ascii(), text(version.trim_ascii())?)
        }
        None => (value, binary_version.to_owned()),
    };
    Some(SourcePackage { name: text(name)?, version })
}

/// A name, version or architecture: printable ASCII without white space, as Debian's policy allows.
fn text(bytes: &[u8]) -> Option<String> {
    let valid = !bytes.is_empty() && bytes.len() <= MAX_TEXT && bytes.iter().all(u8::is_ascii_graphic);
    if valid { String::from_utf8(bytes.to_vec()).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use lazaret_model::{EntryKind, Limits};
    use proptest::prelude::*;

    use super::*;

    fn read(path: &str, content: &[u8]) -> Findings {
        let mut findings = Findings::new(&Limits::default());
        let entry = Entry {
            path: path.as_bytes(),
            kind: EntryKind::File,
            mode: 0o644,
            uid: 0,
            gid: 0,
            size: content.len() as u64,
            layer: 3,
        };
        visit(&entry, Some(content), &mut findings);
        attribute_layers(&mut findings);
        findings
    }

    fn names(findings: &Findings) -> Vec<&str> {
        findings.packages.iter().map(|package| package.name.as_str()).collect()
    }

    #[test]
    fn reads_source_epoch_and_architecture() {
        let found = read(
            "var/lib/dpkg/status",
            b"Package: libc6\nStatus: install ok installed\nPriority: optional\nMaintainer: X\nArchitecture: amd64\n\
              Multi-Arch: same\nSource: glibc (2.36-9)\nVersion: 2.36-9+b1\nDescription: lib\n more: text\n .\n\n\
              Package: perl-base\nStatus: install ok installed\nSource: perl\nVersion: 1:5.36.0-7\n",
        );
        let libc = &found.packages[0];
        assert_eq!((libc.source.name.as_str(), libc.source.version.as_str()), ("glibc", "2.36-9"));
        assert_eq!(libc.version, "2.36-9+b1");
        assert_eq!(libc.architecture.as_deref(), Some("amd64"));
        assert_eq!(libc.layer, 3, "without a file list, the layer of the status file");
        assert_eq!(found.packages[1].source.version, "1:5.36.0-7");
        assert!(found.problems.is_empty());
    }

    #[test]
    fn only_packages_with_files_count() {
        let states = [
            ("install ok installed", true),
            ("hold ok installed", true),
            ("install ok unpacked", true),
            ("install reinstreq half-installed", true),
            ("install ok half-configured", true),
            ("install ok triggers-awaited", true),
            ("deinstall ok config-files", false),
            ("purge ok not-installed", false),
        ];
        for (state, present) in states {
            let text = format!("Package: a\nStatus: {state}\nVersion: 1\n");
            assert_eq!(!read("var/lib/dpkg/status", text.as_bytes()).packages.is_empty(), present, "{state}");
        }
    }

    #[test]
    fn reads_one_file_a_package_without_status() {
        let found = read("var/lib/dpkg/status.d/tzdata", b"Package: tzdata\nVersion: 2024a-0\n");
        assert_eq!(names(&found), ["tzdata"]);
        assert!(
            read("var/lib/dpkg/status.d/tzdata.md5sums", b"Package: x\nVersion: 1\n").packages.is_empty()
        );
        assert!(read("var/lib/dpkg/status-old", b"Package: x\nVersion: 1\n").packages.is_empty());
    }

    #[test]
    fn malformed_records_are_counted_and_the_rest_is_read() {
        let found = read(
            "var/lib/dpkg/status",
            b"Package: a b\nVersion: 1\n\nVersion: 2\n\nPackage: c\n\nPackage: d\nVersion: 4\nSource: s (5\n\nPackage: e\nVersion: 6\n",
        );
        assert_eq!(names(&found), ["e"]);
        assert!(found.problems[0].detail.starts_with("4 records"), "{}", found.problems[0]);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            read("var/lib/dpkg/status", &bytes);
        }

        #[test]
        fn never_panics_on_fields(text in "((Package|Version|Source|Status|Architecture):? ?[ -~]{0,12}\n|\n){0,20}") {
            read("var/lib/dpkg/status", text.as_bytes());
        }
    }
}
