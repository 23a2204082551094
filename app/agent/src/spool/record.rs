//! One record: how it is framed in a segment, and how whole ones are told from torn ones.
//!
//! ```text
//! "LZR1" | length of payload, u32 | number, u64 | check, 8 bytes | payload        (little endian)
//! ```
//!
//! The check is the head of SHA-256 over the spool's identity, length, number and payload: a record of
//! another spool, a torn record and a damaged one all fail it.

use sha2::{Digest as _, Sha256};

pub(super) const MAGIC: [u8; 4] = *b"LZR1";
pub(super) const FRAME_BYTES: usize = 24;
/// No event comes near; a length beyond it is damage.
pub(super) const PAYLOAD_BYTES: usize = 1 << 20;

/// Random 128 bits that name a spool for ever.
pub(super) type Identity = [u8; 16];

/// A whole record within a segment's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) seq: u64,
    pub(super) payload: &'a [u8],
    /// Where the next record begins.
    pub(super) end: usize,
}

/// Appends a framed record to `out`.
pub(super) fn encode(
    identity: &Identity,
    seq: u64,
    payload: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), TooLong> {
    let length = u32::try_from(payload.len()).map_err(|_| TooLong)?;
    if payload.len() > PAYLOAD_BYTES {
        return Err(TooLong);
    }
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&seq.to_le_bytes());
    out.extend_from_slice(&check(identity, length, seq, payload));
    out.extend_from_slice(payload);
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the event is larger than a record may be")]
pub(super) struct TooLong;

/// The record that begins at `at`, if a whole one does.
pub(super) fn decode<'a>(identity: &Identity, bytes: &'a [u8], at: usize) -> Option<Record<'a>> {
    let frame = bytes.get(at..at.checked_add(FRAME_BYTES)?)?;
    if frame[..4] != MAGIC {
        return None;
    }
    let length = u32::from_le_bytes(frame[4..8].try_into().ok()?);
    let seq = u64::from_le_bytes(frame[8..16].try_into().ok()?);
    let size = usize::try_from(length).ok().filter(|size| *size <= PAYLOAD_BYTES)?;
    let begin = at + FRAME_BYTES;
    let end = begin.checked_add(size)?;
    let payload = bytes.get(begin..end)?;
    (frame[16..24] == check(identity, length, seq, payload)).then_some(Record { seq, payload, end })
}

/// The first whole record at or after `at`, with the place where it begins.
pub(super) fn find<'a>(identity: &Identity, bytes: &'a [u8], at: usize) -> Option<(usize, Record<'a>)> {
    let mut place = at;
    loop {
        let found = bytes.get(place..)?.windows(MAGIC.len()).position(|window| window == MAGIC)?;
        if let Some(record) = decode(identity, bytes, place + found) {
            return Some((place + found, record));
        }
        place += found + 1;
    }
}

fn check(identity: &Identity, length: u32, seq: u64, payload: &[u8]) -> [u8; 8] {
    let mut hash = Sha256::new();
    hash.update(identity);
    hash.update(length.to_le_bytes());
    hash.update(seq.to_le_bytes());
    hash.update(payload);
    let digest = hash.finalize();
    let mut head = [0; 8];
    head.copy_from_slice(&digest[..8]);
    head
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const IDENTITY: Identity = [7; 16];

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), at in 0usize..500) {
            let _ = decode(&IDENTITY, &bytes, at);
            let _ = find(&IDENTITY, &bytes, at);
        }

        #[test]
        fn a_record_is_found_after_rubbish(rubbish in proptest::collection::vec(any::<u8>(), 0..200), payload in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = rubbish.clone();
            encode(&IDENTITY, 9, &payload, &mut bytes).unwrap();
            let (place, record) = find(&IDENTITY, &bytes, 0).unwrap();
            prop_assert_eq!(place, rubbish.len());
            prop_assert_eq!(record.payload, &payload[..]);
            prop_assert_eq!(record.end, bytes.len());
        }
    }

    #[test]
    fn each_flipped_bit_and_each_cut_is_noticed() {
        let mut bytes = Vec::new();
        encode(&IDENTITY, 3, b"payload", &mut bytes).unwrap();
        for cut in 0..bytes.len() {
            assert!(decode(&IDENTITY, &bytes[..cut], 0).is_none(), "cut at {cut}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&IDENTITY, &damaged, 0).is_none(), "bit {bit}");
        }
        assert!(decode(&[8; 16], &bytes, 0).is_none(), "another spool's record");
    }
}
