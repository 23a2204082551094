//! What matters of a database of rpm, whichever of its formats it has: kept where its bytes are, so that a database of
//! a hundred megabytes costs a few.

use std::io;

use lazaret_model::{Extracted, Limits, Passing, Problem, ProblemKind, RandomAccess};

use super::header::Header;
use super::record::Record;
use super::{berkeley, ndb, sqlite};
use crate::os::small::Slice;
use crate::pattern::Extractor;
use crate::reading::{Problems, lossy};

pub(super) const RECORDS: Extractor = Extractor {
    whole: extract,
    passing: Some(|path, limits| Box::new(Gathered::new(path, limits))),
    alike: None,
};

/// A hundred times what is found: a file with holes may claim any size, and pages are looked at one by one.
const LARGEST: u64 = 4 << 30;

/// Why a database, or a part of it, cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Damage {
    #[error("no database of rpm")]
    Unknown,
    #[error("{0}")]
    Whole(&'static str),
    #[error("page {0}: {1}")]
    Page(u32, &'static str),
    #[error("record {0}: {1}")]
    Record(u32, &'static str),
    #[error("{length} bytes at {offset} cannot be read: {error}")]
    Unreadable { offset: u64, length: usize, error: io::Error },
    #[error("written in a way that is not supported: {0}")]
    Unsupported(&'static str),
    #[error("{0}")]
    Limit(String),
}

/// Takes in the headers that the readers of the formats find.
pub(super) struct Headers<'l> {
    subject: String,
    limits: &'l Limits,
    records: Vec<u8>,
    problems: Problems,
    is_full: bool,
}

fn extract(file: &mut dyn RandomAccess, path: &[u8], limits: &Limits) -> Extracted {
    let mut headers = Headers {
        subject: lossy(path),
        limits,
        records: Vec::new(),
        problems: Problems::default(),
        is_full: false,
    };
    if let Err(damage) = read(file, &mut headers) {
        headers.damage(&damage);
    }
    Extracted { bytes: headers.records, problems: headers.problems.into_list() }
}

/// The name of the file says nothing sure: what it starts with does.
fn read(file: &mut dyn RandomAccess, headers: &mut Headers<'_>) -> Result<(), Damage> {
    let mut start = [0; 16];
    if file.size() < start.len() as u64 {
        return Err(Damage::Unknown);
    }
    if file.size() > LARGEST {
        return Err(Damage::Limit(format!("a database of more than {LARGEST} bytes was not read")));
    }
    bytes_at(file, 0, &mut start)?;
    if sqlite::is_one(&start) {
        sqlite::read(file, headers)
    } else if ndb::is_one(&start) {
        ndb::read(file, headers)
    } else if let Some(order) = berkeley::order(&start) {
        berkeley::read(file, order, headers)
    } else {
        Err(Damage::Unknown)
    }
}

pub(super) fn bytes_at(file: &mut dyn RandomAccess, offset: u64, buffer: &mut [u8]) -> Result<(), Damage> {
    let length = buffer.len();
    file.read_at(offset, buffer).map_err(|error| Damage::Unreadable { offset, length, error })
}

impl Headers<'_> {
    /// A header; false once enough is kept.
    pub(super) fn add(&mut self, bytes: &[u8]) -> bool {
        let Some(header) = Header::parse(bytes) else {
            self.damage(&Damage::Whole("a header without its index"));
            return true;
        };
        let before = self.records.len();
        let written = Record::write(&header, &mut self.records);
        if header.is_cut {
            let detail = "a header ends early: what it says may not be whole";
            self.damage(&Damage::Whole(detail));
        }
        if let Err(reason) = written {
            self.damage(&Damage::Whole(reason));
        }
        if self.records.len() as u64 > self.limits.file_bytes {
            self.records.truncate(before);
            self.is_full = true;
            let detail =
                format!("more than {} bytes of records: the rest is left out", self.limits.file_bytes);
            self.damage(&Damage::Limit(detail));
        }
        !self.is_full
    }

    /// What could not be read; the rest goes on.
    pub(super) fn damage(&mut self, damage: &Damage) {
        let kind = match damage {
            Damage::Unreadable { error, .. } if error.kind() != io::ErrorKind::UnexpectedEof => {
                ProblemKind::Unreadable
            }
            Damage::Unsupported(_) => ProblemKind::Unsupported,
            Damage::Limit(_) => ProblemKind::Limit,
            _ => ProblemKind::Malformed,
        };
        self.problems.push(Problem::new(kind, self.subject.clone(), damage.to_string()));
    }

    /// The most bytes that one header may have.
    pub(super) fn longest(&self) -> usize {
        usize::try_from(self.limits.file_bytes).unwrap_or(usize::MAX)
    }
}

/// A database that comes by once. Its parts refer to each other in any order: it is kept until all of it is there.
struct Gathered {
    path: Vec<u8>,
    limits: Limits,
    bytes: Vec<u8>,
    is_too_long: bool,
}

impl Gathered {
    fn new(path: &[u8], limits: &Limits) -> Self {
        Self { path: path.to_vec(), limits: limits.clone(), bytes: Vec::new(), is_too_long: false }
    }
}

impl Passing for Gathered {
    fn push(&mut self, piece: &[u8]) {
        if self.is_too_long || (self.bytes.len() + piece.len()) as u64 > self.limits.kept_bytes {
            self.is_too_long = true;
            self.bytes = Vec::new();
        } else {
            self.bytes.extend_from_slice(piece);
        }
    }

    fn finish(self: Box<Self>) -> Extracted {
        if self.is_too_long {
            let detail = format!("a database of more than {} bytes was not read", self.limits.kept_bytes);
            let problem = Problem::new(ProblemKind::Limit, lossy(&self.path), detail);
            return Extracted { bytes: Vec::new(), problems: vec![problem] };
        }
        extract(&mut Slice(&self.bytes), &self.path, &self.limits)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixture;
    use super::*;

    fn names(extracted: &Extracted) -> Vec<String> {
        let mut rest = extracted.bytes.as_slice();
        std::iter::from_fn(|| Some(lossy(Record::take(&mut rest)?.name))).collect()
    }

    fn headers() -> Vec<Vec<u8>> {
        // The last does not fit on a page of any format.
        ["bash", "gpg-pubkey", "zlib"]
            .map(|name| fixture::header(name, None))
            .into_iter()
            .chain([fixture::large_header("glibc")])
            .collect()
    }

    fn databases() -> [Vec<u8>; 4] {
        let headers = headers();
        [
            fixture::sqlite(&headers),
            fixture::ndb(&headers),
            fixture::berkeley(&headers, true),
            fixture::berkeley(&headers, false),
        ]
    }

    #[test]
    fn reads_every_format() {
        for database in databases() {
            let found = extract(&mut Slice(&database), b"x", &Limits::default());
            assert_eq!(found.problems, []);
            let mut names = names(&found);
            names.sort();
            assert_eq!(names, ["bash", "glibc", "zlib"]);
        }
    }

    #[test]
    fn a_database_that_comes_by_once_is_the_same() {
        for database in databases() {
            let limits = Limits::default();
            let mut passing = RECORDS.passing.unwrap()(b"x", &limits);
            database.chunks(1000).for_each(|piece| passing.push(piece));
            assert_eq!(passing.finish(), extract(&mut Slice(&database), b"x", &limits));
            let mut passing = RECORDS.passing.unwrap()(b"x", &Limits { kept_bytes: 1000, ..limits });
            database.chunks(1000).for_each(|piece| passing.push(piece));
            assert_eq!(passing.finish().problems[0].kind, ProblemKind::Limit);
        }
    }

    #[test]
    fn keeps_within_the_limits() {
        for database in databases() {
            let limits = Limits { file_bytes: 150, ..Limits::default() };
            let found = extract(&mut Slice(&database), b"x", &limits);
            assert!(found.bytes.len() <= 150 && !found.problems.is_empty());
            assert!(found.problems.iter().any(|problem| problem.kind == ProblemKind::Limit));
        }
    }

    #[test]
    fn what_is_no_database_is_a_problem() {
        for bytes in [&b""[..], b"short", b"longer than sixteen bytes"] {
            let found = extract(&mut Slice(bytes), b"x", &Limits::default());
            assert_eq!((found.bytes.len(), found.problems.len()), (0, 1));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn takes_damaged_databases(
            which in 0..4usize,
            damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
            length in any::<prop::sample::Index>(),
            is_cut in any::<bool>(),
        ) {
            let mut database = databases()[which].clone();
            for (place, byte) in damage {
                let place = place.index(database.len());
                database[place] = byte;
            }
            if is_cut {
                database.truncate(length.index(database.len()));
            }
            let found = extract(&mut Slice(&database), b"x", &Limits::default());
            prop_assert!(found.bytes.len() <= 2 * database.len());
        }
    }
}
