//! `rpmdb.sqlite` (rpm from 4.16 on): the table `Packages` of an SQLite file, read page by page (SQLite's "Database File
//! Format", sections 1.3, 1.6, 2.1 and 2.6). Rows: `hnum INTEGER PRIMARY KEY, blob BLOB`, the blob being a header.

use std::collections::HashSet;

use lazaret_model::RandomAccess;

use super::bytes::{index, u16_be, u32_be};
use super::database::{Damage, Headers, bytes_at};

const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// The first page begins with the header of the file.
const FILE_HEADER: usize = 100;
const INTERIOR: u8 = 0x05;
const LEAF: u8 = 0x0d;

pub(super) fn is_one(start: &[u8; 16]) -> bool {
    start == MAGIC
}

pub(super) fn read(file: &mut dyn RandomAccess, headers: &mut Headers<'_>) -> Result<(), Damage> {
    let mut database = Database::open(file, headers.longest())?;
    let mut root = None;
    let mut damages = Vec::new();
    database.rows(1, &mut |row| {
        match row.and_then(|row| root_of_packages(row).ok_or(Damage::Whole("a table of another shape"))) {
            Ok(found) => root = root.or(found),
            Err(damage) => damages.push(damage),
        }
        root.is_none() && damages.len() < 100
    });
    damages.iter().for_each(|damage| headers.damage(damage));
    let Some(root) = root else { return Err(Damage::Whole("there is no table of packages")) };
    database.rows(root, &mut |row| {
        let blob = row.and_then(|row| column(row, 1).ok_or(Damage::Whole("a row without a header")));
        match blob {
            Ok(header) => headers.add(header),
            Err(damage) => {
                headers.damage(&damage);
                true
            }
        }
    });
    Ok(())
}

/// Of a row of the schema (type, name, table, root page, SQL): the page if it is the right table's; nothing if it is
/// no row of a schema.
fn root_of_packages(row: &[u8]) -> Option<Option<u32>> {
    let is_packages = column(row, 0)? == b"table" && column(row, 1)? == b"Packages";
    if !is_packages {
        return Some(None);
    }
    let page = column(row, 3)?;
    let number =
        page.iter().try_fold(0_u32, |number, &byte| number.checked_mul(256)?.checked_add(byte.into()))?;
    Some(Some(number))
}

/// Takes a row, or what could not be read; false: enough.
type Each<'e> = dyn FnMut(Result<&[u8], Damage>) -> bool + 'e;

struct Database<'f> {
    file: &'f mut dyn RandomAccess,
    page_size: usize,
    /// Without the bytes at a page's end that extensions reserve.
    usable: usize,
    longest: usize,
    taken: HashSet<u32>,
    payload: Vec<u8>,
    overflow: Vec<u8>,
}

impl<'f> Database<'f> {
    fn open(file: &'f mut dyn RandomAccess, longest: usize) -> Result<Self, Damage> {
        let mut header = [0; FILE_HEADER];
        bytes_at(file, 0, &mut header)?;
        let page_size = match u16_be(&header, 16) {
            Some(1) => 65_536,
            Some(size) => usize::from(size),
            None => 0,
        };
        let usable = page_size.saturating_sub(header[20].into());
        if !page_size.is_power_of_two() || page_size < 512 || usable < 480 {
            return Err(Damage::Whole("the size of its pages is none"));
        }
        let (taken, payload, overflow) = (HashSet::new(), Vec::new(), vec![0; page_size]);
        Ok(Self { file, page_size, usable, longest, taken, payload, overflow })
    }

    /// All rows of the table with this root, in the order of their keys; goes on while it is told to.
    fn rows(&mut self, root: u32, each: &mut Each<'_>) {
        let mut waiting = Vec::new();
        let mut page = vec![0; self.page_size];
        let mut goes_on = match self.take(root) {
            Ok(()) => {
                waiting.push(root);
                true
            }
            Err(damage) => each(Err(damage)),
        };
        while goes_on && let Some(number) = waiting.pop() {
            goes_on = match self.load(number, &mut page) {
                Err(damage) => each(Err(damage)),
                Ok(()) => match page[start_of(number)] {
                    INTERIOR => self.interior(number, &page, &mut waiting, each),
                    LEAF => self.leaf(number, &page, each),
                    _ => each(Err(Damage::Page(number, "it is no page of a table"))),
                },
            };
        }
    }

    /// Every page has one place only: no loops.
    fn take(&mut self, number: u32) -> Result<(), Damage> {
        match self.taken.insert(number) {
            true => Ok(()),
            false => Err(Damage::Page(number, "it has two places")),
        }
    }

    fn load(&mut self, number: u32, page: &mut [u8]) -> Result<(), Damage> {
        let Some(before) = number.checked_sub(1) else { return Err(Damage::Page(number, "there is none")) };
        bytes_at(self.file, u64::from(before) * self.page_size as u64, page)
    }

    fn interior(&mut self, number: u32, page: &[u8], waiting: &mut Vec<u32>, each: &mut Each<'_>) -> bool {
        let last = start_of(number) + 8;
        let before = waiting.len();
        let mut first_damage = None;
        for place in cells(number, page).chain([Some(last)]) {
            let child = place.and_then(|at| u32_be(page, at)).ok_or(Damage::Page(number, OUT_OF_PAGE));
            match child.and_then(|child| self.take(child).map(|()| child)) {
                Ok(child) => waiting.push(child),
                Err(damage) => first_damage = first_damage.or(Some(damage)),
            }
        }
        waiting[before..].reverse();
        first_damage.is_none_or(|damage| each(Err(damage)))
    }

    fn leaf(&mut self, number: u32, page: &[u8], each: &mut Each<'_>) -> bool {
        // Cells that overlap could repeat a page's bytes thousands of times.
        let mut left = self.usable;
        for place in cells(number, page) {
            let cell = place.and_then(|at| Cell::parse(page.get(at..self.usable)?, self.usable));
            let fitting = cell.and_then(|cell| Some((left.checked_sub(cell.local.len())?, cell)));
            let Some((rest, cell)) = fitting else {
                return each(Err(Damage::Page(number, OUT_OF_PAGE)));
            };
            left = rest;
            let mut payload = std::mem::take(&mut self.payload);
            let goes_on = match cell.overflow {
                None => each(Ok(cell.local)),
                Some(first) => match self.chain(&cell, first, &mut payload) {
                    Ok(()) => each(Ok(&payload)),
                    Err(damage) => each(Err(damage)),
                },
            };
            self.payload = payload;
            if !goes_on {
                return false;
            }
        }
        true
    }

    /// The payload of a cell that goes on on other pages.
    fn chain(&mut self, cell: &Cell<'_>, first: u32, payload: &mut Vec<u8>) -> Result<(), Damage> {
        if cell.length > self.longest {
            let (length, most) = (cell.length, self.longest);
            return Err(Damage::Limit(format!("a header of {length} bytes is left out: more than {most}")));
        }
        payload.clear();
        payload.extend_from_slice(cell.local);
        let mut next = first;
        let mut page = std::mem::take(&mut self.overflow);
        let mut result = Ok(());
        while payload.len() < cell.length {
            result = self.take(next).and_then(|()| self.load(next, &mut page));
            if result.is_err() {
                break;
            }
            next = u32_be(&page, 0).unwrap_or_default();
            let wanted = (cell.length - payload.len()).min(self.usable - 4);
            payload.extend_from_slice(&page[4..4 + wanted]);
        }
        self.overflow = page;
        result
    }
}

const OUT_OF_PAGE: &str = "a cell leads out of it";

/// Where a page's own header begins.
fn start_of(number: u32) -> usize {
    if number == 1 { FILE_HEADER } else { 0 }
}

/// Where the cells of a page begin; nothing for those that are not on it.
fn cells(number: u32, page: &[u8]) -> impl Iterator<Item = Option<usize>> {
    let start = start_of(number);
    let header = if page.get(start) == Some(&INTERIOR) { 12 } else { 8 };
    let count = u16_be(page, start + 3).unwrap_or_default();
    (0..usize::from(count)).map(move |cell| u16_be(page, start + header + 2 * cell).map(usize::from))
}

/// A cell of a leaf: its payload as far as it is on the page.
#[derive(Clone, Copy)]
struct Cell<'a> {
    length: usize,
    local: &'a [u8],
    overflow: Option<u32>,
}

impl<'a> Cell<'a> {
    fn parse(bytes: &'a [u8], usable: usize) -> Option<Self> {
        let (length, after) = varint(bytes)?;
        let (_key, key_length) = varint(&bytes[after..])?;
        let rest = &bytes[after + key_length..];
        let length = index(length)?;
        let most = usable - 35;
        if length <= most {
            return Some(Self { length, local: rest.get(..length)?, overflow: None });
        }
        let least = (usable - 12) * 32 / 255 - 23;
        let wanted = least + (length - least) % (usable - 4);
        let local = if wanted <= most { wanted } else { least };
        Some(Self { length, local: rest.get(..local)?, overflow: Some(u32_be(rest, local)?) })
    }
}

/// A column of a record: its header gives a type for each column, the values follow.
fn column(record: &[u8], wanted: usize) -> Option<&[u8]> {
    let (length, mut at) = varint(record)?;
    let mut start = index(length)?;
    let types = record.get(..start)?;
    for number in 0..=wanted {
        let (kind, length) = varint(types.get(at..)?)?;
        at += length;
        let size = match kind {
            0 | 8 | 9 => 0,
            1..=4 => index(kind)?,
            5 => 6,
            6 | 7 => 8,
            // Even: a blob, odd: a text.
            _ => index(kind.checked_sub(12)? / 2)?,
        };
        let end = start.checked_add(size)?;
        if number == wanted {
            return record.get(start..end);
        }
        start = end;
    }
    None
}

/// Seven bits a byte, the highest first; the ninth byte has eight. Also its length.
fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for (at, &byte) in bytes.iter().enumerate().take(9) {
        if at == 8 {
            return Some((value << 8 | u64::from(byte), 9));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Some((value, at + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_varints() {
        for (bytes, expected) in [
            (&[0x00][..], Some((0, 1))),
            (&[0x81, 0x00], Some((128, 2))),
            (&[0xff; 9], Some((u64::MAX, 9))),
            (&[0x80; 8], None),
            (&[], None),
        ] {
            assert_eq!(varint(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn reads_columns() {
        // NULL, a one-byte number, the blob `ab`, the text `c`.
        let record = [5, 0, 1, 16, 15, 7, b'a', b'b', b'c'];
        assert_eq!(column(&record, 0), Some(&b""[..]));
        assert_eq!(column(&record, 1), Some(&[7][..]));
        assert_eq!(column(&record, 2), Some(&b"ab"[..]));
        assert_eq!(column(&record, 3), Some(&b"c"[..]));
        assert_eq!(column(&record, 4), None);
        assert_eq!(column(&[200, 0], 0), None);
    }
}
