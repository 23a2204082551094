//! What a spool remembers beside its records.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::record::Identity;
use crate::files;

/// `meta.json` of a spool. Losing it costs nothing but sending events again: the identity is in each
/// segment too, and the server skips what it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meta {
    pub(super) identity: Identity,
    /// All records up to this number are stored at the server.
    pub(super) acked: u64,
    /// Events that could not be kept.
    pub(super) lost: u64,
    /// Records up to this number that are missing are already in `lost`.
    pub(super) counted: u64,
}

#[derive(Serialize, Deserialize)]
struct File {
    identity: String,
    acked: u64,
    lost: u64,
    counted: u64,
}

const NAME: &str = "meta.json";

impl Meta {
    pub(super) const fn new(identity: Identity) -> Self {
        Self { identity, acked: 0, lost: 0, counted: 0 }
    }

    pub(super) fn load(directory: &Path) -> Option<Self> {
        let bytes = files::read_bounded(&directory.join(NAME), 64 << 10).ok()?;
        let file: File = serde_json::from_slice(&bytes).ok()?;
        let identity = u128::from_str_radix(&file.identity, 16).ok()?.to_be_bytes();
        Some(Self { identity, acked: file.acked, lost: file.lost, counted: file.counted })
    }

    pub(super) fn save(&self, directory: &Path) -> std::io::Result<()> {
        let file = File {
            identity: name(&self.identity),
            acked: self.acked,
            lost: self.lost,
            counted: self.counted,
        };
        let text = serde_json::to_vec(&file).map_err(std::io::Error::other)?;
        files::replace_io(&directory.join(NAME), &text, 0o600)
    }
}

/// An identity as the REST API writes it.
pub(super) fn name(identity: &Identity) -> String {
    format!("{:032x}", u128::from_be_bytes(*identity))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_and_survives_rubbish() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(Meta::load(directory.path()), None);
        let meta = Meta { identity: [0xab; 16], acked: 3, lost: 1, counted: 9 };
        meta.save(directory.path()).unwrap();
        assert_eq!(Meta::load(directory.path()), Some(meta));
        std::fs::write(directory.path().join(NAME), b"{").unwrap();
        assert_eq!(Meta::load(directory.path()), None);
    }
}
