//! The package mirrors that a tree is configured for: sources.list(5) and the keyrings that verify them.
//!
//! Collected as they are: the mirror feed hands them to APT, which reads them best.

use lazaret_model::{Problem, ProblemKind};

use crate::catalog::Findings;

/// Bounds for configuration: real ones have a few files of a few kilobytes.
const MAX_FILES: usize = 200;
const MAX_FILE_BYTES: usize = 1 << 20;

const KEYRINGS: [&[u8]; 3] = [b"etc/apt/trusted.gpg.d/", b"etc/apt/keyrings/", b"usr/share/keyrings/"];

pub(crate) fn wants(path: &[u8]) -> bool {
    if path == b"etc/apt/sources.list" || path == b"etc/apt/trusted.gpg" {
        return true;
    }
    let ends_with = |name: &[u8], endings: &[&[u8]]| {
        !name.contains(&b'/') && endings.iter().any(|end| name.ends_with(end))
    };
    if let Some(name) = path.strip_prefix(b"etc/apt/sources.list.d/") {
        return ends_with(name, &[b".list", b".sources"]);
    }
    KEYRINGS
        .iter()
        .filter_map(|folder| path.strip_prefix(*folder))
        .any(|name| ends_with(name, &[b".gpg", b".asc", b".pgp"]))
}

#[derive(Debug, Default)]
pub(crate) struct Sources {
    files: Vec<(String, Vec<u8>)>,
}

impl Sources {
    pub(crate) fn visit(&mut self, path: &[u8], bytes: &[u8], findings: &mut Findings) {
        if !wants(path) {
            return;
        }
        let name = String::from_utf8_lossy(path).into_owned();
        if bytes.len() > MAX_FILE_BYTES || self.files.len() >= MAX_FILES {
            let detail = "APT configuration beyond its bounds is left out";
            findings.problem(Problem::new(ProblemKind::Limit, name, detail));
        } else {
            self.files.push((name, bytes.to_vec()));
        }
    }

    pub(crate) fn into_files(self) -> Vec<(String, Vec<u8>)> {
        self.files
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_sources_and_keyrings_only() {
        for path in [
            "etc/apt/sources.list",
            "etc/apt/sources.list.d/debian.sources",
            "etc/apt/sources.list.d/x.list",
            "usr/share/keyrings/debian-archive-keyring.gpg",
            "etc/apt/trusted.gpg.d/x.asc",
        ] {
            assert!(wants(path.as_bytes()), "{path}");
        }
        for path in [
            "etc/apt/auth.conf",
            "etc/apt/sources.list.d/x.save",
            "usr/share/keyrings/a/b.gpg",
            "etc/apt/apt.conf",
        ] {
            assert!(!wants(path.as_bytes()), "{path}");
        }
    }
}
