//! `Packages` (rpm until 4.16): a hash table of Berkeley DB (its `src/dbinc/db_page.h`), in the byte order of the machine
//! that wrote it. Keys are numbers of records, values are headers, mostly on pages of their own.
//!
//! ```text
//! page, 26 bytes:   log position 8, u32 number, u32 previous, u32 next, u16 entries, u16 high offset, level, type
//! first page:       log position 8, u32 number, u32 magic, u32 version, u32 page size, encryption, type, flags, …
//! hash page:        entries × u16 offset of an item, keys and values in turn; items lie from the page's end downwards
//! item:             kind, bytes; or kind, 3 bytes, u32 first page, u32 length
//! overflow page:    as many bytes as `high offset` says
//! ```

use std::collections::HashSet;

use lazaret_model::RandomAccess;

use super::bytes::{index, u16_be, u16_le, u32_be, u32_le};
use super::database::{Damage, Headers, bytes_at};

const MAGIC: u32 = 0x0006_1561;
const PAGE_HEADER: usize = 26;

const HASH_META: u8 = 8;
const HASH: u8 = 13;
const HASH_UNSORTED: u8 = 2;
const OVERFLOW: u8 = 7;

const ITEM_HERE: u8 = 1;
const ITEM_ON_PAGES: u8 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Big,
    Little,
}

impl Order {
    fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        match self {
            Self::Big => u32_be(bytes, at),
            Self::Little => u32_le(bytes, at),
        }
    }

    fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        match self {
            Self::Big => u16_be(bytes, at),
            Self::Little => u16_le(bytes, at),
        }
    }
}

/// The byte order, if this is the start of such a table.
pub(super) fn order(start: &[u8; 16]) -> Option<Order> {
    [Order::Little, Order::Big].into_iter().find(|order| order.u32(start, 12) == Some(MAGIC))
}

pub(super) fn read(
    file: &mut dyn RandomAccess,
    order: Order,
    headers: &mut Headers<'_>,
) -> Result<(), Damage> {
    let mut meta = [0; 72];
    bytes_at(file, 0, &mut meta)?;
    let page_size = order.u32(&meta, 20).and_then(index).unwrap_or_default();
    if !page_size.is_power_of_two() || !(512..=65_536).contains(&page_size) {
        return Err(Damage::Whole("the size of its pages is none"));
    }
    if meta[25] != HASH_META {
        return Err(Damage::Unsupported("not as a hash table"));
    }
    if meta[24] != 0 || meta[26] & 1 != 0 {
        return Err(Damage::Unsupported("encrypted or with checksums"));
    }
    let last = order.u32(&meta, 32).unwrap_or_default();
    let longest = headers.longest();
    let mut table = Table { file, order, page_size, longest, taken: HashSet::new() };
    let mut buffers = Buffers { page: vec![0; page_size], overflow: vec![0; page_size], value: Vec::new() };
    // The pages themselves say what they are: those that are not in use any more say that too.
    for number in 1..=last {
        match table.page(number, &mut buffers, headers) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            // The file ends before its last page.
            Err(damage @ Damage::Unreadable { .. }) => return Err(damage),
            Err(damage) => headers.damage(&damage),
        }
    }
    Ok(())
}

struct Table<'f> {
    file: &'f mut dyn RandomAccess,
    order: Order,
    page_size: usize,
    longest: usize,
    /// Every overflow page belongs to one value: no loops.
    taken: HashSet<u32>,
}

struct Buffers {
    page: Vec<u8>,
    overflow: Vec<u8>,
    value: Vec<u8>,
}

impl Table<'_> {
    /// The values of a page, if it is one of the table's; false once enough is kept.
    fn page(
        &mut self,
        number: u32,
        buffers: &mut Buffers,
        headers: &mut Headers<'_>,
    ) -> Result<bool, Damage> {
        let Buffers { page, overflow, value } = buffers;
        let offset = u64::from(number) * self.page_size as u64;
        let mut start = [0; PAGE_HEADER];
        bytes_at(self.file, offset, &mut start)?;
        if !matches!(start[25], HASH | HASH_UNSORTED) {
            return Ok(true);
        }
        bytes_at(self.file, offset, page)?;
        let order = self.order;
        let entries = usize::from(order.u16(page, 20).unwrap_or_default());
        // Items lie one below the other, so that none takes another's bytes.
        let mut end = self.page_size;
        let mut item = |entry: usize| {
            let start = usize::from(order.u16(page, PAGE_HEADER + 2 * entry)?);
            let item = page.get(start..end)?;
            end = start;
            Some(item)
        };
        for entry in (0..entries).step_by(2) {
            let Some((key, data)) = item(entry).zip(item(entry + 1)) else {
                return Err(Damage::Page(number, "its items lead out of it"));
            };
            // Under the number 0 stands the highest number.
            if key.get(1..) == Some(&[0; 4]) {
                continue;
            }
            let goes_on = match data.split_first() {
                Some((&ITEM_HERE, header)) => headers.add(header),
                Some((&ITEM_ON_PAGES, _)) => match self.chain(data, overflow, value) {
                    Ok(()) => headers.add(value),
                    Err(damage) => {
                        headers.damage(&damage);
                        true
                    }
                },
                _ => return Err(Damage::Page(number, "it has an item of an unknown kind")),
            };
            if !goes_on {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A value on pages of its own.
    fn chain(&mut self, item: &[u8], page: &mut [u8], value: &mut Vec<u8>) -> Result<(), Damage> {
        let first = self.order.u32(item, 4).zip(self.order.u32(item, 8).and_then(index));
        let (mut number, length) = first.ok_or(Damage::Whole("an item is too short"))?;
        if length > self.longest {
            let most = self.longest;
            return Err(Damage::Limit(format!("a header of {length} bytes is left out: more than {most}")));
        }
        value.clear();
        while value.len() < length {
            if number == 0 {
                return Err(Damage::Whole("a header ends before its last page"));
            }
            if !self.taken.insert(number) {
                return Err(Damage::Page(number, "it has two places"));
            }
            bytes_at(self.file, u64::from(number) * self.page_size as u64, page)
                .map_err(|_| Damage::Page(number, "there is none"))?;
            let filled = usize::from(self.order.u16(page, 22).unwrap_or_default());
            let bytes = page.get(PAGE_HEADER..PAGE_HEADER + filled.min(length - value.len()));
            match bytes.filter(|_| page[25] == OVERFLOW) {
                Some(bytes) => value.extend_from_slice(bytes),
                None => {
                    return Err(Damage::Page(number, "it does not hold the header that is said to be there"));
                }
            }
            number = self.order.u32(page, 16).unwrap_or_default();
        }
        Ok(())
    }
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
    fn what_is_not_supported_is_said() {
        let database = fixture::berkeley(&[fixture::header("a", None)], false);
        let with = |at: usize, byte: u8| {
            let mut database = database.clone();
            database[at] = byte;
            problems(&database)
        };
        assert_eq!(problems(&database), [""; 0]);
        assert_eq!(with(24, 1), ["written in a way that is not supported: encrypted or with checksums"]);
        assert_eq!(with(26, 1), ["written in a way that is not supported: encrypted or with checksums"]);
        assert_eq!(with(25, 9), ["written in a way that is not supported: not as a hash table"]);
        assert_eq!(with(20, 3), ["the size of its pages is none"]);
    }

    #[test]
    fn loops_end() {
        let mut database =
            fixture::berkeley(&[fixture::header("a", None), fixture::large_header("b")], false);
        // The second page of the value leads to the first.
        let second = 3 * fixture::BERKELEY_PAGE;
        database[second + 16..second + 20].copy_from_slice(&2_u32.to_le_bytes());
        assert_eq!(problems(&database), ["page 2: it has two places"]);
    }
}
