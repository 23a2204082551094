//! Files with holes: where in the file the bytes belong that the archive stores.

use std::io;

use super::header::{Block, numeric};
use super::pax::SparseRecords;

/// A run of stored bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

/// What a sparse member says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sparse {
    /// Size with the holes.
    pub(super) size: u64,
    pub(super) segments: Vec<Segment>,
}

/// Offset and length of runs, as stated.
type Map = Vec<(i64, i64)>;

/// Where the map of a pax member is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// Not sparse.
    None,
    /// 0.0 and 0.1: in the records.
    Records,
    /// 1.0: before the stored bytes.
    Body,
    /// Marked as sparse in a way that Go takes for a plain file.
    Unknown,
}

pub(super) const BAD_MAP: &str = "the map of a sparse file is malformed";
/// No file needs more runs, and each costs memory.
const MOST_SEGMENTS: usize = 100_000;

impl SparseRecords {
    pub(super) fn version(&self) -> Version {
        match (self.major.as_slice(), self.minor.as_slice()) {
            (b"0", b"0" | b"1") => Version::Records,
            (b"1", b"0") => Version::Body,
            (b"", b"") if !self.map.is_empty() => Version::Records,
            (b"", b"") => Version::None,
            _ => Version::Unknown,
        }
    }

    /// The size with the holes, where it is stated.
    pub(super) fn logical_size(&self) -> Result<Option<i64>, &'static str> {
        let stated = if self.size.is_empty() { &self.real_size } else { &self.size };
        if stated.is_empty() { Ok(None) } else { decimal(stated).map(Some) }
    }

    /// The map in the records (0.0 and 0.1).
    pub(super) fn segments(&self) -> Result<Map, &'static str> {
        let count = decimal(&self.blocks)?;
        let numbers: Vec<&[u8]> = match self.map.as_slice() {
            b"" => Vec::new(),
            map => map.split(|&byte| byte == b',').collect(),
        };
        if count < 0 || Ok(numbers.len()) != usize::try_from(count).map(|count| count.saturating_mul(2)) {
            return Err(BAD_MAP);
        }
        numbers.chunks_exact(2).map(|pair| Ok((decimal(pair[0])?, decimal(pair[1])?))).collect()
    }
}

/// The map before the bytes of a 1.0 member: decimal lines, in whole blocks. `next_block` gives the
/// next block of the body.
pub(super) fn read_body_map(
    mut next_block: impl FnMut() -> io::Result<Option<Block>>,
) -> io::Result<Result<Map, &'static str>> {
    let mut text: Vec<u8> = Vec::new();
    let mut lines_read = 0;
    let mut start = 0;
    let mut wanted = 1_usize;
    let mut numbers: Vec<i64> = Vec::new();
    loop {
        while numbers.len() < wanted
            && let Some(end) = text[start..].iter().position(|&byte| byte == b'\n')
        {
            match decimal(&text[start..start + end]) {
                Ok(number) => numbers.push(number),
                Err(why) => return Ok(Err(why)),
            }
            start += end + 1;
            lines_read += 1;
            if lines_read == 1 {
                let count = usize::try_from(numbers[0]).ok().filter(|&count| count <= MOST_SEGMENTS);
                let Some(count) = count else { return Ok(Err(BAD_MAP)) };
                wanted = 1 + 2 * count;
            }
        }
        if numbers.len() == wanted {
            return Ok(Ok(numbers[1..].chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()));
        }
        // A line longer than any number will not become one.
        if text.len() - start > 64 + super::header::BLOCK {
            return Ok(Err(BAD_MAP));
        }
        text.drain(..start);
        start = 0;
        match next_block()? {
            Some(block) => text.extend_from_slice(&block),
            None => return Ok(Err(BAD_MAP)),
        }
    }
}

/// The map in an old GNU header and the extension blocks after it.
pub(super) fn read_old_gnu_map(
    header: &Block,
    mut next_block: impl FnMut() -> io::Result<Option<Block>>,
) -> io::Result<Result<(i64, Map), &'static str>> {
    let Some(size) = numeric(&header[483..495]) else { return Ok(Err(BAD_MAP)) };
    let mut pairs = Vec::new();
    let mut extended = header[482] != 0;
    if !read_pairs(&header[386..482], &mut pairs) {
        return Ok(Err(BAD_MAP));
    }
    while extended {
        let Some(block) = next_block()? else {
            return Ok(Err("the archive ends within the map of a sparse file"));
        };
        if !read_pairs(&block[..504], &mut pairs) || pairs.len() > MOST_SEGMENTS {
            return Ok(Err(BAD_MAP));
        }
        extended = block[504] != 0;
    }
    Ok(Ok((size, pairs)))
}

fn read_pairs(table: &[u8], pairs: &mut Vec<(i64, i64)>) -> bool {
    for pair in table.chunks_exact(24) {
        if pair[0] == 0 {
            break;
        }
        let (Some(offset), Some(length)) = (numeric(&pair[..12]), numeric(&pair[12..])) else { return false };
        pairs.push((offset, length));
    }
    true
}

/// Checks a map as Go and BSD tar do: in order, apart, within the file.
pub(super) fn validate(size: i64, pairs: &[(i64, i64)]) -> Result<Sparse, &'static str> {
    let size = u64::try_from(size).map_err(|_| BAD_MAP)?;
    let mut end = 0;
    let mut segments = Vec::with_capacity(pairs.len());
    if pairs.len() > MOST_SEGMENTS {
        return Err("a sparse file has more runs than are read");
    }
    for &(offset, length) in pairs {
        let (Ok(offset), Ok(length)) = (u64::try_from(offset), u64::try_from(length)) else {
            return Err(BAD_MAP);
        };
        // Both are below 2^63, so the sum fits.
        if offset < end || offset + length > size {
            return Err(BAD_MAP);
        }
        end = offset + length;
        segments.push(Segment { offset, length });
    }
    Ok(Sparse { size, segments })
}

fn decimal(text: &[u8]) -> Result<i64, &'static str> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(BAD_MAP)
}

/// Gives a sparse file's content, holes as zeros. `read` passes the next stored bytes to the sink.
pub(crate) fn expand(
    size: u64,
    segments: &[Segment],
    sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    mut read: impl FnMut(u64, &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()>,
) -> io::Result<()> {
    let mut position = 0;
    for segment in segments {
        zeros(segment.offset - position, sink)?;
        read(segment.length, sink)?;
        position = segment.offset + segment.length;
    }
    zeros(size - position, sink)
}

fn zeros(mut count: u64, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    static ZEROS: [u8; 1 << 16] = [0; 1 << 16];
    while count > 0 {
        let part = usize::try_from(count).unwrap_or(usize::MAX).min(ZEROS.len());
        sink(&ZEROS[..part])?;
        count -= part as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn blocks(text: &[u8]) -> impl FnMut() -> io::Result<Option<Block>> {
        let mut blocks: Vec<Block> = text
            .chunks(512)
            .map(|chunk| {
                let mut block = [0; 512];
                block[..chunk.len()].copy_from_slice(chunk);
                block
            })
            .rev()
            .collect();
        move || Ok(blocks.pop())
    }

    #[test]
    fn reads_a_body_map_across_blocks() {
        let pairs: Vec<(i64, i64)> = (0..300).map(|n| (n * 1_000_000, 512)).collect();
        let mut text = "300\n".to_owned();
        for (offset, length) in &pairs {
            text.push_str(&format!("{offset}\n{length}\n"));
        }
        assert_eq!(read_body_map(blocks(text.as_bytes())).unwrap(), Ok(pairs));
        assert_eq!(read_body_map(blocks(b"0\n")).unwrap(), Ok(Vec::new()));
    }

    #[test]
    fn refuses_bad_body_maps() {
        for text in ["", "1\n0\n", "-1\n", "x\n", "1000000000\n", "2\n0\n1\n5\nx\n"] {
            assert!(read_body_map(blocks(text.as_bytes())).unwrap().is_err(), "{text:?}");
        }
        assert!(read_body_map(blocks(&[b'1'; 4096])).unwrap().is_err());
    }

    #[test]
    fn validates_as_go_does() {
        assert!(validate(10, &[(0, 5), (5, 5)]).is_ok());
        assert!(validate(10, &[(10, 0)]).is_ok());
        for (size, pairs) in [
            (-1, &[][..]),
            (10, &[(0, 11)]),
            (10, &[(5, 1), (4, 1)]),
            (10, &[(0, 5), (4, 1)]),
            (10, &[(-1, 5)]),
            (10, &[(0, -1)]),
            (10, &[(i64::MAX, i64::MAX)]),
        ] {
            assert!(validate(size, pairs).is_err(), "{size} {pairs:?}");
        }
    }

    #[test]
    fn expands_holes() {
        let stored = b"abcde";
        let mut taken = 0;
        let mut content = Vec::new();
        let segments = [Segment { offset: 2, length: 3 }, Segment { offset: 7, length: 2 }];
        expand(
            10,
            &segments,
            &mut |bytes| {
                content.extend_from_slice(bytes);
                Ok(())
            },
            |length, sink| {
                let end = taken + usize::try_from(length).unwrap();
                sink(&stored[taken..end])?;
                taken = end;
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(content, b"\0\0abc\0\0de\0");
    }

    proptest! {
        #[test]
        fn takes_any_body_map(text in "[0-9\\n-]{0,1500}") {
            let _ = read_body_map(blocks(text.as_bytes()));
        }
    }
}
