//! Zip archives, read as Java reads them: what the central directory at the end says counts, and a local header only
//! tells where its entry's bytes begin (PKWARE APPNOTE 6.3.10, sections 4.3.7, 4.3.12, 4.3.14 to 4.3.16, 4.5.3).

use std::io;

use lazaret_model::RandomAccess;

/// One entry of a central directory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) place: Place,
}

/// Where an entry's bytes are, and in which shape; all as stated, nothing proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) method: u16,
    pub(crate) encrypted: bool,
    pub(crate) compressed: u64,
    pub(crate) size: u64,
    /// Of the local header, from the beginning of the archive.
    pub(crate) header: u64,
}

/// Where a central directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Directory {
    at: u64,
    pub(crate) bytes: u64,
    /// What stands before the archive, such as a script that starts it, and is not counted in its offsets.
    base: u64,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ZipError {
    #[error("no zip archive")]
    NoArchive,
    #[error("the directory of the zip archive is not where its end says")]
    NoDirectory,
    #[error("the directory of the zip archive is damaged after {0} entries")]
    BadDirectory(u64),
    #[error("the entry {0} has no header where the directory says")]
    NoHeader(String),
    #[error(transparent)]
    Unreadable(#[from] io::Error),
}

const LOCAL: [u8; 4] = *b"PK\x03\x04";
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
const END_64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR_64: [u8; 4] = *b"PK\x06\x07";

const LOCAL_BYTES: usize = 30;
const CENTRAL_BYTES: usize = 46;
const END_BYTES: usize = 22;
const END_64_BYTES: usize = 56;
const LOCATOR_64_BYTES: usize = 20;

/// Bytes of a directory that are read at once; an entry takes 192 KiB at most.
const WINDOW: usize = 64 << 10;

pub(crate) const STORED: u16 = 0;
pub(crate) const DEFLATED: u16 = 8;

impl Directory {
    /// Finds the directory by the record at the archive's end.
    pub(crate) fn find(file: &mut dyn RandomAccess) -> Result<Self, ZipError> {
        let size = file.size();
        // Most archives have no comment: the record is at the very end.
        for tail in [END_BYTES as u64, (END_BYTES + usize::from(u16::MAX)) as u64] {
            let tail = tail.min(size);
            let mut bytes = vec![0; usize::try_from(tail).unwrap_or(0)];
            file.read_at(size - tail, &mut bytes)?;
            let Some(place) = end_record(&bytes) else { continue };
            let end = size - tail + place as u64;
            return Self::at_end(file, end, &bytes[place..]);
        }
        Err(ZipError::NoArchive)
    }

    fn at_end(file: &mut dyn RandomAccess, end: u64, record: &[u8]) -> Result<Self, ZipError> {
        let (mut bytes, mut offset) = (u64::from(u32_at(record, 12)), u64::from(u32_at(record, 16)));
        // The directory ends where the end record begins, or its 64-bit twin.
        let mut ends = end;
        if (bytes == u64::from(u32::MAX) || offset == u64::from(u32::MAX) || u16_at(record, 10) == u16::MAX)
            && let Some((at, large)) = end_64(file, end)?
        {
            (bytes, offset, ends) = (u64_at(&large, 40), u64_at(&large, 48), at);
        }
        let at = ends.checked_sub(bytes).ok_or(ZipError::NoDirectory)?;
        for at in [at, offset] {
            // Its place by the length is right even when a script stands before the archive.
            let base = at.checked_sub(offset);
            if let Some(base) = base
                && (bytes == 0 || starts_with(file, at, CENTRAL)?)
            {
                return Ok(Self { at, bytes, base });
            }
        }
        Err(ZipError::NoDirectory)
    }

    /// Shows each entry, in the directory's order, without keeping any.
    pub(crate) fn each(
        self,
        file: &mut dyn RandomAccess,
        mut visit: impl FnMut(Entry<'_>),
    ) -> Result<(), ZipError> {
        let (mut window, mut begin) = (Vec::new(), 0);
        let (mut at, end) = (self.at, self.at.saturating_add(self.bytes).min(file.size()));
        let mut count = 0;
        loop {
            let entry = parse(&window[begin..]);
            if let Some((name, place, length)) = entry {
                let place = Place { header: place.header.saturating_add(self.base), ..place };
                visit(Entry { name, place });
                count += 1;
                begin += length;
                continue;
            }
            let rest = window.len() - begin;
            let more = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX).min(WINDOW);
            let damaged = rest >= 4 && window[begin..begin + 4] != CENTRAL;
            match (rest, more) {
                (0, 0) => return Ok(()),
                _ if damaged || more == 0 => return Err(ZipError::BadDirectory(count)),
                _ => {}
            }
            window.drain(..begin);
            begin = 0;
            window.resize(rest + more, 0);
            file.read_at(at, &mut window[rest..])?;
            at += more as u64;
        }
    }
}

impl Place {
    /// The offset of an entry's bytes, which its local header tells.
    pub(crate) fn content(self, file: &mut dyn RandomAccess, name: &str) -> Result<u64, ZipError> {
        let mut header = [0; LOCAL_BYTES];
        let no_header = || ZipError::NoHeader(name.to_owned());
        file.read_at(self.header, &mut header).map_err(|_| no_header())?;
        if header[..4] != LOCAL {
            return Err(no_header());
        }
        let names = u64::from(u16_at(&header, 26)) + u64::from(u16_at(&header, 28));
        let content = self.header.saturating_add(LOCAL_BYTES as u64).saturating_add(names);
        match content.checked_add(self.compressed) {
            Some(end) if end <= file.size() => Ok(content),
            _ => Err(no_header()),
        }
    }
}

/// A part of a file, such as an archive that is stored in another.
pub(crate) struct Part<'f> {
    pub(crate) file: &'f mut dyn RandomAccess,
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
}

impl RandomAccess for Part<'_> {
    fn size(&self) -> u64 {
        self.bytes
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(buffer.len() as u64).filter(|end| *end <= self.bytes);
        let from = end.and_then(|_| self.offset.checked_add(offset)).ok_or(io::ErrorKind::UnexpectedEof)?;
        self.file.read_at(from, buffer)
    }
}

/// The last end record whose comment fits into what follows it.
fn end_record(tail: &[u8]) -> Option<usize> {
    let last = tail.len().checked_sub(END_BYTES)?;
    (0..=last).rev().find(|&at| {
        tail[at..].starts_with(&END) && at + END_BYTES + usize::from(u16_at(&tail[at..], 20)) <= tail.len()
    })
}

/// The 64-bit end record before the usual one, if there is one.
fn end_64(file: &mut dyn RandomAccess, end: u64) -> Result<Option<(u64, [u8; END_64_BYTES])>, ZipError> {
    let Some(at) = end.checked_sub(LOCATOR_64_BYTES as u64) else { return Ok(None) };
    let mut locator = [0; LOCATOR_64_BYTES];
    file.read_at(at, &mut locator)?;
    if locator[..4] != LOCATOR_64 {
        return Ok(None);
    }
    // What stands before the archive moves the record: without extensions it stands right before its locator.
    for place in [Some(u64_at(&locator, 8)), at.checked_sub(END_64_BYTES as u64)].into_iter().flatten() {
        let mut record = [0; END_64_BYTES];
        let fits = place.checked_add(END_64_BYTES as u64).is_some_and(|end| end <= at);
        if fits && file.read_at(place, &mut record).is_ok() && record[..4] == END_64 {
            return Ok(Some((place, record)));
        }
    }
    Err(ZipError::NoDirectory)
}

/// One entry at the beginning of the bytes, and how long it is; none if it is not there as a whole.
fn parse(bytes: &[u8]) -> Option<(&[u8], Place, usize)> {
    let (header, rest) = bytes.split_at_checked(CENTRAL_BYTES)?;
    if header[..4] != CENTRAL {
        return None;
    }
    let lengths = [28, 30, 32].map(|at| usize::from(u16_at(header, at)));
    let length: usize = lengths.iter().sum();
    let rest = rest.get(..length)?;
    let (name, rest) = rest.split_at(lengths[0]);
    let (extra, _) = rest.split_at(lengths[1]);
    let mut place = Place {
        method: u16_at(header, 10),
        encrypted: u16_at(header, 8) & 1 != 0,
        compressed: u32_at(header, 20).into(),
        size: u32_at(header, 24).into(),
        header: u32_at(header, 42).into(),
    };
    large_values(extra, &mut place);
    Some((name, place, CENTRAL_BYTES + length))
}

/// The 64-bit values of the fields that are full, in the fields' order (APPNOTE 4.5.3).
fn large_values(mut extra: &[u8], place: &mut Place) {
    let full = u64::from(u32::MAX);
    if ![place.size, place.compressed, place.header].contains(&full) {
        return;
    }
    while let Some((head, rest)) = extra.split_at_checked(4) {
        let Some((mut body, rest)) = rest.split_at_checked(usize::from(u16_at(head, 2))) else { return };
        if u16_at(head, 0) == 1 {
            for field in [&mut place.size, &mut place.compressed, &mut place.header] {
                if *field == full
                    && let Some((value, rest)) = body.split_at_checked(8)
                {
                    (*field, body) = (u64_at(value, 0), rest);
                }
            }
            return;
        }
        extra = rest;
    }
}

fn starts_with(file: &mut dyn RandomAccess, at: u64, signature: [u8; 4]) -> Result<bool, ZipError> {
    let mut found = [0; 4];
    if at.checked_add(4).is_none_or(|end| end > file.size()) {
        return Ok(false);
    }
    file.read_at(at, &mut found)?;
    Ok(found == signature)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::in_memory::InMemory;

    fn record(sizes: [u32; 3], extra: &[u8]) -> Vec<u8> {
        let mut record = CENTRAL.to_vec();
        record.extend([0; 16]);
        record.extend([sizes[0].to_le_bytes(), sizes[1].to_le_bytes()].concat());
        record.extend([1, 0]);
        record.extend(u16::try_from(extra.len()).unwrap().to_le_bytes());
        record.extend([0; 10]);
        record.extend(sizes[2].to_le_bytes());
        record.push(b'n');
        record.extend(extra);
        record
    }

    #[test]
    fn large_entries_have_their_sizes_elsewhere() {
        let full = u32::MAX;
        let extra = |values: &[u64]| {
            let body: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            let length = u16::try_from(body.len()).unwrap().to_le_bytes();
            [&[0x99, 0x99, 2, 0, 7, 7, 1, 0], &length[..], &body].concat()
        };
        for (sizes, extra, compressed, size, header) in [
            ([5, 6, 7], extra(&[1, 2, 3]), 5, 6, 7),
            ([full, full, full], extra(&[1 << 40, 2, 3]), 2, 1 << 40, 3),
            ([5, 6, full], extra(&[1 << 33]), 5, 6, 1 << 33),
            ([full, 6, 7], vec![], u64::from(full), 6, 7),
        ] {
            let record = record(sizes, &extra);
            let (name, place, length) = parse(&record).unwrap();
            assert_eq!((name, length), (&b"n"[..], record.len()));
            assert_eq!((place.compressed, place.size, place.header), (compressed, size, header));
        }
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..120), sizes in any::<[u32; 3]>()) {
            let directory = record(sizes, &bytes);
            let mut end = END.to_vec();
            end.extend([0; 8]);
            end.extend(u32::try_from(directory.len()).unwrap().to_le_bytes());
            end.extend([0; 6]);
            let file = [directory, end].concat();
            let mut file = InMemory(&file);
            let directory = Directory::find(&mut file).unwrap();
            let mut places = Vec::new();
            directory.each(&mut file, |entry| places.push(entry.place)).unwrap();
            prop_assert_eq!(places.len(), 1);
            prop_assert!(places[0].content(&mut file, "n").is_err());
        }
    }
}
