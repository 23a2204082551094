//! Limits that an input of some kilobytes can reach.

use std::time::Duration;

use lazaret_model::Limits;

pub(crate) const LIMITS: Limits = Limits {
    file_bytes: 4 << 20,
    kept_bytes: 8 << 20,
    archive_bytes: 32 << 20,
    ratio: 2_000,
    entries: 10_000,
    depth: 8,
    path_bytes: 4096,
    packages: 1_000,
    document_bytes: 4 << 20,
    time: Duration::from_secs(10),
};
