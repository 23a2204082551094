//! One file for each command or family of commands.

pub(crate) mod affected;
pub(crate) mod agents;
pub(crate) mod attest;
pub(crate) mod audit;
pub(crate) mod break_glass;
pub(crate) mod catalogers;
pub(crate) mod completions;
pub(crate) mod db;
pub(crate) mod doctor;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod findings;
pub(crate) mod key;
pub(crate) mod policy;
pub(crate) mod profile;
pub(crate) mod promote;
pub(crate) mod ps;
pub(crate) mod replace;
pub(crate) mod sbom;
pub(crate) mod scan;
pub(crate) mod serve;
pub(crate) mod sign;

use lazaret_model::{Digest, ImageReference};

use crate::failure::Failure;

/// An image named by content: what is signed, attested, promoted or started must not move under a tag.
pub(crate) fn by_digest(text: &str) -> Result<(ImageReference, Digest), Failure> {
    let reference: ImageReference = text.parse().map_err(Failure::input)?;
    match reference.digest {
        Some(digest) => Ok((reference.with_digest(digest), digest)),
        None => Err(Failure::input(format!("`{text}` names no digest")).hint(
            "use registry/repository@sha256:…; `docker images --digests` and `lazaret scan` show digests",
        )),
    }
}
