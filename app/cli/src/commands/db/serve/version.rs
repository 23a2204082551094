use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use lazaret_model::{DatabaseSnapshot, Digest};
use lazaret_trust::{Envelope, SigningKey};

use crate::commands::db::exchange::{Compressed, Loaded, attachments, lines, load, place};
use crate::failure::{Code, Failure};
use crate::output::short_digest;

/// One version of the database, ready to be served.
pub(super) struct Version {
    pub(super) snapshot: DatabaseSnapshot,
    /// What the tag leads to.
    pub(super) manifest: Digest,
    /// Manifests by digest.
    pub(super) manifests: HashMap<Digest, Bytes>,
    /// The list of what is about the manifest.
    pub(super) referrers: Bytes,
    pub(super) blobs: HashMap<Digest, Bytes>,
    /// The file as it was opened: it stays readable when another one takes its place.
    pub(super) file: Arc<File>,
    pub(super) length: u64,
    pub(super) digest: Digest,
    pub(super) signature: Bytes,
    pub(super) envelopes: Vec<Envelope>,
    compressed: Compressed,
}

/// The configuration of an artifact that has none.
const EMPTY: &[u8] = b"{}";

impl Version {
    /// Reads a database; `before` is the version that is served now.
    pub(super) fn read(
        path: &Path,
        key: Option<&SigningKey>,
        before: Option<&Self>,
    ) -> Result<Self, Failure> {
        let fail = |error: &std::io::Error| Failure::file("open the advisory database", path, error);
        let mut file = File::open(path).map_err(|error| fail(&error))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|error| fail(&error))?;
        let length = bytes.len() as u64;
        let none = Compressed::new();
        let known = before.map_or(&none, |before| &before.compressed);
        let Loaded { packed, mut envelopes } = load(path, bytes, key, known)?;
        // The next version's signatures are put into place a moment before the next version.
        for envelope in
            before.filter(|before| before.digest == packed.file).iter().flat_map(|it| &it.envelopes)
        {
            if !envelopes.contains(envelope) {
                envelopes.push(envelope.clone());
            }
        }
        let internal = |error: serde_json::Error| Failure::new(Code::Internal, error);
        let manifest = packed.artifact().manifest().map_err(internal)?;
        let texts: Vec<Vec<u8>> = envelopes.iter().map(Envelope::to_json).collect();
        let (attached, referrers) =
            lazaret_source::referrers(&manifest.descriptor, &attachments(&texts)).map_err(internal)?;
        let named = |bytes: Bytes| (crate::commands::db::exchange::sha256(&bytes), bytes);
        let mut blobs: HashMap<Digest, Bytes> =
            packed.contents.iter().map(|content| named(content.bytes.clone())).collect();
        blobs.extend(texts.into_iter().map(Bytes::from).chain([Bytes::from_static(EMPTY)]).map(named));
        let (own, signature) = (manifest.descriptor.digest, lines(&envelopes));
        let documents = attached.into_iter().chain([manifest]);
        Ok(Self {
            manifest: own,
            manifests: documents.map(|it| (it.descriptor.digest, Bytes::from(it.bytes))).collect(),
            referrers: referrers.into(),
            blobs,
            file: Arc::new(file),
            length,
            digest: packed.file,
            signature: signature.into(),
            envelopes,
            compressed: packed.compressed(),
            snapshot: packed.snapshot,
        })
    }

    pub(super) fn describe(&self) -> String {
        let DatabaseSnapshot { digest, advisories, .. } = &self.snapshot;
        let signed = if self.envelopes.is_empty() { "not signed" } else { "signed" };
        format!("{advisories} advisories, {}, {signed}", short_digest(&digest.to_string()))
    }
}

/// The newest version, and the ones before, which somebody may still be taking.
#[derive(Default)]
pub(super) struct Shelf(RwLock<VecDeque<Arc<Version>>>);

const MOST_VERSIONS: usize = 4;

impl Shelf {
    pub(super) fn put(&self, version: Version) {
        let mut versions = self.0.write().unwrap_or_else(PoisonError::into_inner);
        versions.push_front(Arc::new(version));
        versions.truncate(MOST_VERSIONS);
    }

    pub(super) fn newest(&self) -> Option<Arc<Version>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).front().cloned()
    }

    /// The first that a version has, the newest asked first.
    pub(super) fn find<T>(&self, have: impl Fn(&Version) -> Option<T>) -> Option<T> {
        let versions = self.0.read().unwrap_or_else(PoisonError::into_inner);
        versions.iter().find_map(|version| have(version))
    }
}

/// What tells that a file was replaced: the database, and what lies beside it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stamp([Option<[i64; 4]>; 2]);

impl Stamp {
    pub(super) fn of(path: &Path) -> Self {
        let of = |path: &Path| {
            let meta = std::fs::metadata(path).ok()?;
            Some([meta.ino().cast_signed(), meta.mtime(), meta.mtime_nsec(), meta.len().cast_signed()])
        };
        Self([of(path), of(&place(path))])
    }
}
