//! The advisory database: one immutable file, written once and mapped by many.
//!
//! # The file
//!
//! All numbers are little-endian. The header has 184 bytes:
//!
//! | at | bytes | what |
//! |---:|---:|---|
//! | 0 | 4 | `LZDB` |
//! | 4 | 4 | format version, 2 |
//! | 8 | 8 | when it was built, seconds since 1970 (signed) |
//! | 16 | 8 | number of rows |
//! | 24 | 96 | offset and length of each of the six sections below |
//! | 120 | 32 | SHA-256 of everything after the header: the identity of the content |
//! | 152 | 32 | SHA-256 of the 152 bytes before |
//!
//! The sections follow each other, each starting at a multiple of eight with zeros between:
//!
//! 1. *string ends*: `u32` each, where each string of section 2 ends; a string begins where the one before
//!    ends. Strings are sorted bytewise and unique, so that the order of their numbers is their own.
//! 2. *string bytes*: UTF-8, one after the other.
//! 3. *packages*, 16 bytes each: ecosystem, release, package, first row. Sorted by the first three; the
//!    rows of a package end where those of the next begin.
//! 4. *rows*, 52 bytes each (see `row.rs`), sorted by package and then by id.
//! 5. *aliases*: string numbers, to which rows point.
//! 6. *ids*, 8 bytes each: an id or alias as a string number, and a row; sorted.
//!
//! The same advisories give the same bytes, in whatever order they were pushed; only the time of building
//! differs, and it is not part of the content's identity.
//!
//! **Version rule.** Any change of the layout, of a code (ecosystem, severity, status) or of a sort order raises the
//! format version. A reader takes exactly its own version: a database is rebuilt from its feeds in seconds.
//!
//! # Trust
//!
//! A file may be hostile. [`Database::open`] checks the header and that the sections are where they must be,
//! whatever the file's size; every number read later is checked where it is used, and a wrong one is a
//! [`DatabaseError`], never a panic. [`Database::verify`] reads everything and checks hash, order and every
//! number: call it when a file comes in. Lookups are by binary search in sorted tables and not by a
//! finite-state map: such a map is smaller, but its reader panics on bytes that it did not write.

mod builder;
mod bytes;
mod layout;
mod merge;
mod read;
mod row;
mod strings;
mod verify;

pub use builder::{BuildError, Builder};
pub use layout::DatabaseError;
pub use read::{Coverage, Database};
