//! One segment file: a header that names the spool, then records in ascending order.

use std::path::{Path, PathBuf};

use super::record::{self, Identity};

pub(super) const HEADER_BYTES: usize = 24;
const MAGIC: &[u8; 8] = b"LZSPOOL1";

/// A segment on disk, as the index of the spool knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    /// Number of its first record, whether or not that is written yet.
    pub(super) first: u64,
    pub(super) path: PathBuf,
    /// Bytes that are written and whole.
    pub(super) bytes: u64,
}

/// What a segment's bytes hold.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Scan {
    /// Numbers of the whole records.
    pub(super) seqs: Vec<u64>,
    /// End of the last whole record; what follows is a torn tail.
    pub(super) end: usize,
}

pub(super) fn path(directory: &Path, first: u64) -> PathBuf {
    directory.join(format!("{first:020}.seg"))
}

/// The number in a segment's file name.
pub(super) fn first_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg")?;
    (digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
}

pub(super) fn header(identity: &Identity) -> Vec<u8> {
    let mut header = MAGIC.to_vec();
    header.extend_from_slice(identity);
    header
}

/// The spool that a segment says it belongs to.
pub(super) fn identity(bytes: &[u8]) -> Option<Identity> {
    bytes.get(..HEADER_BYTES)?.strip_prefix(MAGIC)?.try_into().ok()
}

/// Finds the whole records whose numbers ascend, up to the first that the next segment (which begins with
/// `until`) holds too: that one is the remainder of a write that failed.
pub(super) fn scan(identity: &Identity, bytes: &[u8], until: u64) -> Scan {
    let mut scan = Scan { seqs: Vec::new(), end: HEADER_BYTES.min(bytes.len()) };
    let mut last = 0;
    while let Some((_, record)) = record::find(identity, bytes, scan.end) {
        if record.seq >= until {
            break;
        }
        if record.seq > last {
            last = record.seq;
            scan.seqs.push(record.seq);
        }
        scan.end = record.end;
    }
    scan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_like_numbers_and_others_are_ignored() {
        let path = path(Path::new("/s"), 42);
        assert_eq!(first_of(path.file_name().unwrap().to_str().unwrap()), Some(42));
        for other in ["meta.json", "42.seg", "0000000000000000004x.seg", "00000000000000000042.seg.new"] {
            assert_eq!(first_of(other), None, "{other}");
        }
    }

    #[test]
    fn skips_a_damaged_record_and_goes_on_behind_it() {
        let identity = [1; 16];
        let mut bytes = header(&identity);
        let mut starts = Vec::new();
        for seq in 5..9 {
            starts.push(bytes.len());
            record::encode(&identity, seq, b"x", &mut bytes).unwrap();
        }
        bytes[starts[1] + record::FRAME_BYTES] ^= 1;
        let whole = bytes.len();
        bytes.extend_from_slice(b"LZR1 torn");
        assert_eq!(scan(&identity, &bytes, u64::MAX), Scan { seqs: vec![5, 7, 8], end: whole });
        assert_eq!(scan(&identity, &bytes, 8).seqs, [5, 7]);
        assert_eq!(super::identity(&bytes), Some(identity));
    }
}
