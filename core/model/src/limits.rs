use std::time::Duration;

/// Bounds that every decompressor, archive walker and parser of foreign bytes keeps to.
///
/// What lies beyond a bound is left out and recorded as a [`Problem`](crate::Problem): a hostile image
/// costs at most this much and never hides that something was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Largest single file whose content is kept in memory.
    pub file_bytes: u64,
    /// All contents kept in memory at once.
    pub kept_bytes: u64,
    /// Uncompressed bytes of one archive or layer.
    pub archive_bytes: u64,
    /// Uncompressed bytes for each compressed byte, once past the first mebibyte.
    pub ratio: u32,
    /// Entries of one tree.
    pub entries: u64,
    /// Archives within archives.
    pub depth: u32,
    /// Bytes of one path or link target.
    pub path_bytes: usize,
    /// Packages of one image.
    pub packages: usize,
    /// Documents (manifests, configurations, attestations).
    pub document_bytes: u64,
    /// Time for one image.
    pub time: Duration,
}

impl Default for Limits {
    /// Bounds that every real image measured so far stays under by a factor of four or more.
    fn default() -> Self {
        Self {
            file_bytes: 64 << 20,
            kept_bytes: 256 << 20,
            archive_bytes: 64 << 30,
            ratio: 2_000,
            entries: 10_000_000,
            depth: 8,
            path_bytes: 4096,
            packages: 200_000,
            document_bytes: 16 << 20,
            time: Duration::from_secs(600),
        }
    }
}
