//! The advisory database: one immutable file, written once and mapped by many.
//!
//! # The file
//!
//! All numbers are little-endian. The header has 296 bytes:
//!
//! | at | bytes | what |
//! |---:|---:|---|
//! | 0 | 4 | `LZDB` |
//! | 4 | 4 | format version, 2 |
//! | 8 | 8 | when it was built, seconds since 1970 (signed) |
//! | 16 | 8 | number of rows |
//! | 24 | 208 | offset and length of each of the thirteen sections below |
//! | 232 | 32 | SHA-256 of everything after the header: the identity of the content |
//! | 264 | 32 | SHA-256 of the 264 bytes before |
//!
//! The sections follow each other, each starting at a multiple of eight with zeros between. Elements of a table
//! have one width; "index" is the number of an element in a table, and a text is named by where it begins in
//! the first section.
//!
//! 1. *texts*: UTF-8, each with its length before it (see `texts.rs`), none twice.
//! 2. *feeds*, 24 bytes each, by name: name, digest of the source, when it was read, problem (the last three or
//!    none), number of rows, number of vulnerabilities.
//! 3. *releases*, 12 bytes each: kind (ecosystem in the lowest 8 bits, whether names are those of installable
//!    packages in the next 8), release, first package. Sorted by the first two.
//! 4. *packages*, 8 bytes each: name, first row. Those of a release follow each other, by name, and end where
//!    those of the next release begin; so do the rows of a package.
//! 5. *rows*, 16 bytes each: a stretch of versions (see `record.rs`). Those of a package are in the order of
//!    their ids and then of their versions.
//! 6. *notes*, 40 bytes each: what a document says of all its rows (see `record.rs`).
//! 7. *aliases*: texts, to which notes point.
//! 8. *note rows*: indices of rows, to which notes point.
//! 9. *ids*, 8 bytes each: id, alias or document as a text, and a note; sorted.
//! 10. *buckets* and 11. *members*: packages by a hash of their names (see `find.rs`).
//! 12. *vulnerabilities*, 36 bytes each: what one document says of a vulnerability itself (see `record.rs`), by
//!     id and feed.
//! 13. *vectors*, 8 bytes each: who gave a CVSS vector, and the vector; vulnerabilities point to them.
//!
//! Rows keep the feed that they come from, so that a feed can be read anew while the others are taken over as
//! they are; what several feeds say of one vulnerability is put together when packages are matched.
//!
//! The same content gives the same bytes, in whatever order it was pushed; only the time of building differs,
//! and it is not part of the content's identity.
//!
//! **Version rule.** Any change of the layout, of a code (ecosystem, severity, status) or of a sort order raises the
//! format version. A reader takes exactly its own version: a database is rebuilt from its feeds in seconds.
//!
//! # Trust
//!
//! A file may be hostile. [`Database::open`] checks the header and that the sections are where they must be,
//! whatever the file's size; every number read later is checked where it is used, and a wrong one is a
//! [`DatabaseError`], never a panic. [`Database::verify`] reads everything and checks hash, order and every
//! number: call it when a file comes in.

mod builder;
mod bytes;
mod codes;
mod feeds;
mod find;
mod intern;
mod keep;
mod layout;
mod pieces;
mod read;
mod record;
mod texts;
mod verify;
mod vulnerabilities;
mod write;

pub use builder::{BuildError, Builder};
pub use feeds::Feed;
pub use layout::DatabaseError;
pub use pieces::PieceError;
pub use read::{Coverage, Database};

pub(crate) use codes::Kind;
pub(crate) use find::Release;
pub(crate) use record::{Note, Row};
