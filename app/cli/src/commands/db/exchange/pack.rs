//! A database as an artifact: one content for each of its pieces.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use bytes::Bytes;
use lazaret_advisory::Database;
use lazaret_model::{DatabaseSnapshot, Digest};
use lazaret_source::{Artifact, ArtifactContent};
use sha2::{Digest as _, Sha256};

use crate::failure::{Code, Failure};

/// What the registry holds; the number is that of the database's format.
pub(in crate::commands::db) const KIND: &str = "application/vnd.lazaret.advisories.v2";
/// A whole database as one content, as it was stored before there were pieces.
pub(super) const WHOLE: &str = "application/vnd.lazaret.advisories.v2+zstd";
pub(super) const PIECE: &str = "application/vnd.lazaret.advisories.v2.piece+zstd";
/// Digest of the database's content.
pub(super) const CONTENT: &str = "vnd.lazaret.advisories.content";
/// SHA-256 of the whole file, time of building included: what is signed.
pub(super) const FILE: &str = "vnd.lazaret.advisories.file";
/// SHA-256 of a piece before it was compressed: who has it need not know how others compress.
pub(super) const PIECE_DIGEST: &str = "vnd.lazaret.advisories.piece";
pub(super) const CREATED: &str = "org.opencontainers.image.created";
const TITLE: &str = "org.opencontainers.image.title";
/// Hardly larger than with the higher ones, at a third of the time.
const LEVEL: i32 = 9;

/// A database that is ready to travel.
#[derive(Debug, Clone)]
pub(in crate::commands::db) struct Packed {
    pub(in crate::commands::db) snapshot: DatabaseSnapshot,
    /// SHA-256 of the file.
    pub(in crate::commands::db) file: Digest,
    pub(in crate::commands::db) contents: Vec<ArtifactContent>,
    pub(in crate::commands::db) annotations: BTreeMap<String, String>,
}

/// Compressed pieces by the digest of what is in them, to be taken over from the version before.
pub(in crate::commands::db) type Compressed = HashMap<String, Bytes>;

impl Packed {
    /// Takes a database apart.
    pub(in crate::commands::db) fn new(
        database: &Database,
        file: Digest,
        path: &Path,
        known: &Compressed,
    ) -> Result<Self, Failure> {
        let fail = |error: &dyn std::fmt::Display| {
            Failure::new(Code::Internal, format!("cannot pack {}: {error}", path.display()))
        };
        let mut compressor = zstd::bulk::Compressor::new(LEVEL).map_err(|error| fail(&error))?;
        let (mut contents, mut failure) = (Vec::new(), None);
        let packed = database.pieces(&mut |piece| {
            let digest = sha256(&piece).to_string();
            let bytes = match known.get(&digest) {
                Some(known) => Ok(known.clone()),
                None => compressor.compress(&piece).map(Bytes::from),
            };
            match bytes {
                Ok(bytes) => contents.push(ArtifactContent {
                    media_type: PIECE.to_owned(),
                    bytes,
                    annotations: BTreeMap::from([(PIECE_DIGEST.to_owned(), digest)]),
                }),
                Err(error) => failure = Some(error),
            }
        });
        packed.map_err(|error| fail(&error))?;
        if let Some(error) = failure {
            return Err(fail(&error));
        }
        let snapshot = database.snapshot();
        let annotations = BTreeMap::from([
            (CONTENT.to_owned(), snapshot.digest.to_string()),
            (FILE.to_owned(), file.to_string()),
            (CREATED.to_owned(), snapshot.built.clone()),
            (TITLE.to_owned(), super::signature::SUBJECT.to_owned()),
        ]);
        Ok(Self { snapshot, file, contents, annotations })
    }

    pub(in crate::commands::db) fn artifact(&self) -> Artifact<'_> {
        Artifact { kind: KIND, contents: &self.contents, annotations: &self.annotations }
    }

    pub(in crate::commands::db) fn compressed(&self) -> Compressed {
        let entry = |content: &ArtifactContent| {
            Some((content.annotations.get(PIECE_DIGEST)?.clone(), content.bytes.clone()))
        };
        self.contents.iter().filter_map(entry).collect()
    }

    /// Bytes of all contents.
    pub(super) fn size(&self) -> usize {
        self.contents.iter().map(|content| content.bytes.len()).sum()
    }
}

pub(in crate::commands::db) fn sha256(bytes: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(bytes).into())
}
