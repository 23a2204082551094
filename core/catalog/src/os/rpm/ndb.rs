//! `Packages.db` (SUSE's rpm): slots that point to blobs (rpm's `lib/backend/ndb/rpmpkg.c`), little-endian.
//!
//! ```text
//! header, 32 bytes: "RpmP", version 0, generation, pages of slots, …
//! slot, 16 bytes:   "Slot", package, blob's place in units of 16 bytes, its length in the same
//! blob:             "BlbS", package, generation, length; the header of the package; checksum, length, "BlbE"
//! ```

use lazaret_model::RandomAccess;

use super::bytes::{index, u32_le};
use super::database::{Damage, Headers, bytes_at};

const MAGIC: &[u8] = b"RpmP";
const SLOT_MAGIC: &[u8] = b"Slot";
const PAGE: usize = 4096;
const SLOT: usize = 16;
const UNIT: u64 = 16;
/// The header of the file stands in the place of the first slots.
const FIRST_SLOT: usize = 2;
const BLOB_HEADER: usize = 16;

pub(super) fn is_one(start: &[u8; 16]) -> bool {
    start.starts_with(MAGIC)
}

pub(super) fn read(file: &mut dyn RandomAccess, headers: &mut Headers<'_>) -> Result<(), Damage> {
    let mut start = [0; 16];
    bytes_at(file, 0, &mut start)?;
    if u32_le(&start, 4) != Some(0) {
        return Err(Damage::Unsupported("a version that is not 0"));
    }
    let pages = u32_le(&start, 12).unwrap_or_default();
    // Blobs do not overlap: more bytes than the file has are a lie.
    let mut left = file.size();
    let mut page = [0; PAGE];
    let mut blob = Vec::new();
    for number in 0..pages {
        bytes_at(file, u64::from(number) * PAGE as u64, &mut page)?;
        let first = if number == 0 { FIRST_SLOT } else { 0 };
        if !page[first * SLOT..].starts_with(SLOT_MAGIC)
            && !page[(first + 1) * SLOT..].starts_with(SLOT_MAGIC)
        {
            return Err(Damage::Page(number, "it holds no slots"));
        }
        for slot in page.chunks_exact(SLOT).skip(first) {
            match read_blob(file, slot, headers.longest(), &mut left, &mut blob) {
                Ok(false) => {}
                Ok(true) => {
                    if !headers.add(&blob) {
                        return Ok(());
                    }
                }
                Err(damage) => headers.damage(&damage),
            }
        }
    }
    Ok(())
}

/// False: a slot that is not in use.
fn read_blob(
    file: &mut dyn RandomAccess,
    slot: &[u8],
    longest: usize,
    left: &mut u64,
    blob: &mut Vec<u8>,
) -> Result<bool, Damage> {
    let field = |at| u32_le(slot, at).unwrap_or_default();
    let package = field(4);
    if !slot.starts_with(SLOT_MAGIC) {
        return Err(Damage::Whole("a slot that is none"));
    }
    let place = u64::from(field(8)) * UNIT;
    if place == 0 {
        return Ok(false);
    }
    let mut start = [0; BLOB_HEADER];
    bytes_at(file, place, &mut start)?;
    if !start.starts_with(b"BlbS") || u32_le(&start, 4) != Some(package) {
        return Err(Damage::Record(package, "its slot does not lead to it"));
    }
    let stated = u32_le(&start, 12).unwrap_or_default();
    let length = index(stated).unwrap_or(usize::MAX);
    if length > longest {
        return Err(Damage::Limit(format!("a header of {length} bytes is left out: more than {longest}")));
    }
    *left = left.checked_sub(stated.into()).ok_or(Damage::Record(package, "it lies over others"))?;
    let start = place + BLOB_HEADER as u64;
    if start + u64::from(stated) > file.size() {
        return Err(Damage::Record(package, "it leads out of the file"));
    }
    blob.clear();
    blob.resize(length, 0);
    bytes_at(file, start, blob)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use lazaret_model::Limits;

    use super::super::database::RECORDS;
    use super::super::fixture;
    use crate::os::small::Slice;

    fn problems(database: &[u8]) -> Vec<String> {
        let found = (RECORDS.whole)(&mut Slice(database), b"x", &Limits::default());
        found.problems.into_iter().map(|problem| problem.detail).collect()
    }

    #[test]
    fn slots_that_lie_are_problems() {
        let database = fixture::ndb(&[fixture::header("a", None), fixture::header("b", None)]);
        let with = |at: usize, bytes: &[u8]| {
            let mut database = database.clone();
            database[at..at + bytes.len()].copy_from_slice(bytes);
            problems(&database)
        };
        assert_eq!(problems(&database), [""; 0]);
        assert_eq!(with(4, &[1]), ["written in a way that is not supported: a version that is not 0"]);
        assert_eq!(with(32, b"x"), ["a slot that is none"]);
        assert_eq!(with(36, &[9]), ["record 9: its slot does not lead to it"]);
        // More pages of slots than there are: blobs stand in the place of the second.
        let mut longer = database.clone();
        longer.resize(3 * 4096, 0);
        longer[12] = 3;
        assert_eq!(problems(&longer), ["page 1: it holds no slots"]);
    }

    #[test]
    fn blobs_have_no_more_bytes_than_the_file() {
        let mut database = fixture::ndb(&[fixture::header("a", None)]);
        let slot = database[32..48].to_vec();
        for copy in database[48..4096].chunks_exact_mut(16) {
            copy.copy_from_slice(&slot);
        }
        assert!(problems(&database).contains(&"record 1: it lies over others".to_owned()));
    }
}
