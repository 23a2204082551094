//! Crates of Rust that `cargo auditable` wrote into a program: a section `.dep-v0` with compressed JSON
//! (`PARSING.md` of cargo-auditable).

use flate2::{Decompress, FlushDecompress, Status};
use lazaret_model::{Ecosystem, Package, PackageEvidence};
use serde::Deserialize;

use super::record::{Kind, of_kind};
use crate::files::File;
use crate::reading::Reading;

#[derive(Deserialize)]
struct Audit {
    packages: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    version: String,
    /// `build` or `runtime`, which is also meant where it is not said.
    #[serde(default)]
    kind: Option<String>,
}

pub(crate) fn read(file: &File<'_>, reading: &mut Reading<'_>) {
    for json in of_kind(file.bytes, Kind::Audit) {
        let audit: Audit = match serde_json::from_slice(json) {
            Ok(audit) => audit,
            Err(error) => {
                let detail = format!("the list of crates that was built in cannot be read: {error}");
                reading.problems.malformed(file.location(), detail);
                continue;
            }
        };
        // What only built the program is not in it.
        for dependency in audit.packages.into_iter().filter(|it| it.kind.as_deref() != Some("build")) {
            let package = Package {
                location: file.location(),
                layer: file.layer,
                evidence: PackageEvidence::BuiltIn,
                ..Package::new(Ecosystem::Cargo, dependency.name, dependency.version)
            };
            if !reading.package(package) {
                return;
            }
        }
    }
}

/// What every list begins with, as it is written.
const BEGINNING: &[u8] = b"{\"packages\":[";
/// Real lists have up to some hundred kilobytes.
const MOST_JSON: usize = 8 << 20;
/// A compressed beginning is shorter than this.
pub(super) const LOOKAHEAD: usize = 1024;

/// Inflates a list piece by piece.
pub(super) struct Inflater {
    inflate: Decompress,
    json: Vec<u8>,
}

/// How far a list has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Inflated {
    More,
    Whole,
    Wrong,
    TooLarge,
}

impl Inflater {
    pub(super) fn new() -> Self {
        Self { inflate: Decompress::new(true), json: Vec::new() }
    }

    pub(super) fn push(&mut self, mut piece: &[u8]) -> Inflated {
        const STEP: usize = 16 << 10;
        loop {
            self.json.reserve(STEP);
            let (taken, given) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self.inflate.decompress_vec(piece, &mut self.json, FlushDecompress::None);
            let taken = usize::try_from(self.inflate.total_in() - taken).unwrap_or(usize::MAX);
            piece = piece.get(taken..).unwrap_or_default();
            match status {
                Ok(Status::StreamEnd) => return Inflated::Whole,
                Err(_) => return Inflated::Wrong,
                Ok(_) if self.json.len() > MOST_JSON => return Inflated::TooLarge,
                Ok(_) if piece.is_empty() && self.json.len() < self.json.capacity() => return Inflated::More,
                Ok(_) if taken == 0 && self.inflate.total_out() == given => return Inflated::Wrong,
                Ok(_) => {}
            }
        }
    }

    /// Whether bytes begin a list. What tries this is of no use for inflating one.
    pub(super) fn begins(&mut self, bytes: &[u8]) -> bool {
        let Some(&[first, second]) = bytes.first_chunk::<2>() else { return false };
        // The header of zlib (RFC 1950, 2.2), with the usual window.
        if first != 0x78 || !matches!(second, 0x01 | 0x5e | 0x9c | 0xda) {
            return false;
        }
        self.inflate.reset(true);
        let mut beginning = [0; BEGINNING.len()];
        let bytes = bytes.get(..LOOKAHEAD).unwrap_or(bytes);
        let status = self.inflate.decompress(bytes, &mut beginning, FlushDecompress::None);
        status.is_ok() && beginning == BEGINNING
    }

    pub(super) fn into_json(self) -> Vec<u8> {
        self.json
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;
    use lazaret_model::Limits;
    use proptest::prelude::*;

    use super::*;
    use crate::binary::record::Records;

    pub(crate) fn compressed(json: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(json).unwrap();
        encoder.finish().unwrap()
    }

    fn list(crates: usize) -> Vec<u8> {
        let crates: Vec<String> = (0..crates)
            .map(|n| format!("{{\"name\":\"crate{n}\",\"version\":\"{n}.0.{n}\",\"source\":\"crates.io\"}}"))
            .collect();
        format!("{{\"packages\":[{}]}}", crates.join(",")).into_bytes()
    }

    #[test]
    fn what_only_builds_is_left_out() {
        let mut records = Records::default();
        records.add(Kind::Audit, br#"{"packages":[{"name":"a","version":"1.0.0","source":"local","root":true,"dependencies":[1,2]},{"name":"b","version":"2.0.0","source":"crates.io","kind":"build"},{"name":"c","version":"3.0.0","source":"git","kind":"runtime"}],"format":1}"#);
        records.add(Kind::Audit, b"[]");
        let bytes = records.into_bytes();
        let limits = Limits::default();
        let mut reading = Reading::new(&limits);
        read(&File { path: b"x", layer: 0, bytes: &bytes }, &mut reading);
        let (packages, problems) = reading.into_parts();
        let names: Vec<&str> = packages.iter().map(|it| it.name.as_str()).collect();
        assert_eq!((names, problems.into_list().len()), (vec!["a", "c"], 1));
    }

    #[test]
    fn inflates_in_any_pieces() {
        let json = list(3000);
        let bytes = [compressed(&json), vec![0; 100]].concat();
        for size in [1, 7, 1000, bytes.len()] {
            assert!(Inflater::new().begins(&bytes));
            let mut inflater = Inflater::new();
            let last = bytes.chunks(size).map(|piece| inflater.push(piece)).find(|it| *it != Inflated::More);
            assert_eq!(last, Some(Inflated::Whole));
            assert!(inflater.into_json() == json);
        }
        let mut inflater = Inflater::new();
        assert!(
            !inflater.begins(&compressed(b"{\"package\":[]}"))
                && !inflater.begins(b"x\x9c")
                && !inflater.begins(b"x")
        );
    }

    #[test]
    fn a_bomb_is_stopped() {
        let bomb = compressed(&vec![b' '; MOST_JSON * 3]);
        assert_eq!(Inflater::new().push(&bomb), Inflated::TooLarge);
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let bytes = [&b"x\x9c"[..], &bytes].concat();
            Inflater::new().begins(&bytes);
            Inflater::new().push(&bytes);
        }
    }
}
