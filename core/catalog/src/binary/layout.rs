//! Where in an executable file the parts lie that matter, whatever its format.

use std::io;

use lazaret_model::RandomAccess;

use super::{elf, macho, pe};

/// A part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Range {
    pub(super) start: u64,
    /// Not in it any more.
    pub(super) end: u64,
}

/// A part of a file that the system puts into memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    pub(super) file: Range,
    pub(super) address: u64,
}

/// What headers say of an executable file.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// Where Go's build information begins, or may begin.
    pub(super) go: Vec<Range>,
    /// What cargo-auditable left: exactly.
    pub(super) audit: Vec<Range>,
    /// Where it may be, if no section says where.
    pub(super) audit_within: Vec<Range>,
    /// Constant texts.
    pub(super) text: Vec<Range>,
    /// Notes of the linker, whole.
    pub(super) notes: Vec<Range>,
    /// What compilers say of themselves, or where it may be.
    pub(super) comment: Vec<Range>,
    pub(super) segments: Vec<Segment>,
    pub(super) is_big_endian: bool,
    /// Whether constant texts may be those of Rust; otherwise they need not be read.
    pub(super) may_be_rust: bool,
    /// Which table could not be read, if the rest could.
    pub(super) wrong: Option<Wrong>,
}

/// How much is known of a file while its headers are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// All of it.
    Whole,
    /// Its beginning: ELF files have their sections at the end.
    Beginning,
}

/// The first bytes that tell a format.
const MAGIC: usize = 4;
/// Linked programs have a few parts of each kind.
const MOST_PARTS: usize = 256;

impl Layout {
    /// `None`: it is no executable file. An error: it says it is one, and its headers are wrong.
    pub(super) fn read(file: &mut dyn RandomAccess, sight: Sight) -> Option<Result<Self, Wrong>> {
        let mut magic = [0; MAGIC];
        if file.size() < MAGIC as u64 {
            return None;
        }
        if let Err(error) = file.read_at(0, &mut magic) {
            return Some(Err(Wrong::Unreadable("beginning", error)));
        }
        let layout = match &magic {
            b"\x7fELF" => elf::read(file, sight),
            [b'M', b'Z', ..] => pe::read(file),
            b"\xcf\xfa\xed\xfe" | b"\xce\xfa\xed\xfe" | b"\xfe\xed\xfa\xcf" | b"\xfe\xed\xfa\xce" => {
                macho::read(file)
            }
            _ => return None,
        };
        Some(layout.and_then(Self::in_order))
    }

    /// Makes lists ascend without overlaps, so that nothing is read twice however headers lie.
    fn in_order(mut self) -> Result<Self, Wrong> {
        let lists = [
            &mut self.go,
            &mut self.audit,
            &mut self.audit_within,
            &mut self.text,
            &mut self.notes,
            &mut self.comment,
        ];
        for list in lists {
            list.retain(|range| range.size() > 0);
            list.sort_unstable();
            list.dedup_by(|next, range| {
                let touches = next.start < range.end;
                range.end = if touches { range.end.max(next.end) } else { range.end };
                touches
            });
            if list.len() > MOST_PARTS {
                return Err(Wrong::Large("number of sections"));
            }
        }
        if self.segments.len() > MOST_PARTS {
            return Err(Wrong::Large("number of segments"));
        }
        Ok(self)
    }

    /// Where in the file an address lies, and how many bytes follow it there.
    pub(super) fn at_address(&self, address: u64) -> Option<Range> {
        self.segments.iter().find_map(|segment| {
            let within = address.checked_sub(segment.address)?;
            let start = segment.file.start.checked_add(within)?;
            (start < segment.file.end).then_some(Range { start, end: segment.file.end })
        })
    }
}

impl Range {
    /// `None` if it ends beyond what can be counted.
    pub(super) fn new(start: u64, size: u64) -> Option<Self> {
        Some(Self { start, end: start.checked_add(size)? })
    }

    pub(super) fn size(self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

/// Why headers could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Wrong {
    #[error("the {0} is cut off")]
    Cut(&'static str),
    #[error("the {0} cannot be read: {1}")]
    Unreadable(&'static str, io::Error),
    #[error("the {0} is larger than any that is known")]
    Large(&'static str),
}

/// Reads a part that the headers name, if it is in the file and not larger than `most`.
pub(super) fn part(
    file: &mut dyn RandomAccess,
    range: Range,
    most: u64,
    what: &'static str,
) -> Result<Vec<u8>, Wrong> {
    if range.end > file.size() {
        return Err(Wrong::Cut(what));
    }
    let size = usize::try_from(range.size()).ok().filter(|_| range.size() <= most);
    let mut bytes = vec![0; size.ok_or(Wrong::Large(what))?];
    file.read_at(range.start, &mut bytes).map_err(|error| Wrong::Unreadable(what, error))?;
    Ok(bytes)
}

/// Numbers of headers, in the order of bytes that they say they have. Beyond the end they are 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'b> {
    pub(super) bytes: &'b [u8],
    pub(super) is_big_endian: bool,
}

impl Fields<'_> {
    fn number<const N: usize>(self, offset: usize) -> u64 {
        let bytes = self.bytes.get(offset..).and_then(|rest| rest.first_chunk::<N>()).copied();
        let mut wide = [0; 8];
        let Some(mut bytes) = bytes else { return 0 };
        if self.is_big_endian {
            bytes.reverse();
        }
        wide[..N].copy_from_slice(&bytes);
        u64::from_le_bytes(wide)
    }

    pub(super) fn u16(self, offset: usize) -> u64 {
        self.number::<2>(offset)
    }

    pub(super) fn u32(self, offset: usize) -> u64 {
        self.number::<4>(offset)
    }

    pub(super) fn u64(self, offset: usize) -> u64 {
        self.number::<8>(offset)
    }

    /// A number as wide as an address.
    pub(super) fn word(self, offset: usize, is_wide: bool) -> u64 {
        if is_wide { self.u64(offset) } else { self.u32(offset) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::in_memory::InMemory;

    #[test]
    fn overlapping_parts_become_one() {
        let range = |start, end| Range { start, end };
        let text = vec![range(30, 40), range(0, 10), range(5, 7), range(9, 20), range(50, 50)];
        let layout = Layout { text, ..Layout::default() }.in_order().unwrap();
        assert_eq!(layout.text, [range(0, 20), range(30, 40)]);
        let notes = (0..1_000).map(|n| range(n * 2, n * 2 + 1)).collect();
        assert!(Layout { notes, ..Layout::default() }.in_order().is_err());
    }

    #[test]
    fn numbers_are_read_in_both_orders() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8];
        let little = Fields { bytes: &bytes, is_big_endian: false };
        let big = Fields { is_big_endian: true, ..little };
        assert_eq!((little.u16(0), big.u16(0)), (0x0201, 0x0102));
        assert_eq!((little.u32(4), big.u32(4)), (0x0807_0605, 0x0506_0708));
        assert_eq!((little.u64(1), big.word(0, true)), (0, 0x0102_0304_0506_0708));
    }

    #[test]
    fn addresses_lead_into_the_file() {
        let segment = Segment { file: Range { start: 100, end: 200 }, address: 0x1000 };
        let layout = Layout { segments: vec![segment], ..Layout::default() };
        assert_eq!(layout.at_address(0x1010), Range::new(116, 84));
        assert_eq!((layout.at_address(0xfff), layout.at_address(0x1064)), (None, None));
    }

    #[test]
    fn parts_are_read_only_where_they_are() {
        let mut file = InMemory(b"abcdef");
        assert_eq!(part(&mut file, Range { start: 1, end: 3 }, 10, "x").unwrap(), b"bc");
        assert!(part(&mut file, Range { start: 1, end: 7 }, 10, "x").is_err());
        assert!(part(&mut file, Range { start: 0, end: 6 }, 5, "x").is_err());
    }
}
