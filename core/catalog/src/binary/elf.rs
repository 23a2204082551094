//! ELF (System V ABI, chapters 4 and 5): both widths, both orders of bytes.

use lazaret_model::RandomAccess;
use memchr::memmem;

use super::layout::{Fields, Layout, Range, Segment, Sight, Wrong, part};

const HEADER: u64 = 64;
/// Far more than the tables of any real file have.
const MOST_TABLE: u64 = 8 << 20;
const MOST_COMMENT: u64 = 64 << 10;

const LOAD: u64 = 1;
const NOTE: u64 = 4;
const WRITABLE: u64 = 2;
const EXECUTABLE: u64 = 1;
/// A section without bytes in the file.
const NO_BITS: u64 = 8;

pub(super) fn read(file: &mut dyn RandomAccess, sight: Sight) -> Result<Layout, Wrong> {
    // Narrow files have a header of 52 bytes, and always more behind it.
    let head = part(file, Range { start: 0, end: HEADER }, HEADER, "ELF header")?;
    let is_wide = head.get(4) == Some(&2);
    let is_big_endian = head.get(5) == Some(&2);
    let fields = Fields { bytes: &head, is_big_endian };
    let [start, size, count] = if is_wide { [32, 54, 56] } else { [28, 42, 44] };
    let programs = Table {
        start: fields.word(start, is_wide),
        size: fields.u16(size),
        count: fields.u16(count),
        is_wide,
        is_big_endian,
    };
    let [start, size, count, names] = if is_wide { [40, 58, 60, 62] } else { [32, 46, 48, 50] };
    let sections = Table {
        start: fields.word(start, is_wide),
        size: fields.u16(size),
        count: fields.u16(count),
        ..programs
    };

    let mut layout = Layout { is_big_endian, ..Layout::default() };
    let bytes = programs.read(file, if is_wide { 56 } else { 32 }, "program header table")?;
    let headers: Vec<Program> = programs.entries(&bytes).filter_map(|it| Program::new(it, is_wide)).collect();
    layout.segments = headers
        .iter()
        .filter(|it| it.kind == LOAD)
        .map(|it| Segment { file: it.file, address: it.address })
        .collect();
    layout.notes = headers.iter().filter(|it| it.kind == NOTE).map(|it| it.file).collect();
    let by_sections = sight == Sight::Whole && sections.start > 0 && sections.count > 0;
    if by_sections {
        match read_sections(file, &sections, fields.u16(names)) {
            Ok(found) => {
                by_name(file, &mut layout, &found)?;
                return Ok(layout);
            }
            Err(wrong) => layout.wrong = Some(wrong),
        }
    }
    by_segment(&mut layout, &headers);
    Ok(layout)
}

/// One of the two tables of an ELF file.
#[derive(Debug, Clone, Copy)]
struct Table {
    start: u64,
    /// Of one entry.
    size: u64,
    count: u64,
    is_wide: bool,
    is_big_endian: bool,
}

impl Table {
    fn read(self, file: &mut dyn RandomAccess, least: u64, what: &'static str) -> Result<Vec<u8>, Wrong> {
        if self.count == 0 {
            return Ok(Vec::new());
        }
        let range = Range::new(self.start, self.size.saturating_mul(self.count)).ok_or(Wrong::Cut(what))?;
        if self.size < least {
            return Err(Wrong::Cut(what));
        }
        part(file, range, MOST_TABLE, what)
    }

    fn entries(self, bytes: &[u8]) -> impl Iterator<Item = Fields<'_>> {
        let size = usize::try_from(self.size).unwrap_or(usize::MAX).max(1);
        bytes.chunks_exact(size).map(move |bytes| Fields { bytes, is_big_endian: self.is_big_endian })
    }
}

/// A program header.
struct Program {
    kind: u64,
    flags: u64,
    file: Range,
    address: u64,
}

impl Program {
    fn new(fields: Fields<'_>, is_wide: bool) -> Option<Self> {
        let [flags, offset, address, size] = if is_wide { [4, 8, 16, 32] } else { [24, 4, 8, 16] };
        Some(Self {
            kind: fields.u32(0),
            flags: fields.u32(flags),
            file: Range::new(fields.word(offset, is_wide), fields.word(size, is_wide))?,
            address: fields.word(address, is_wide),
        })
    }
}

/// A section with bytes in the file.
struct Section {
    name: Vec<u8>,
    file: Range,
}

/// The sections that matter here; names are copied only of those.
fn read_sections(file: &mut dyn RandomAccess, table: &Table, names: u64) -> Result<Vec<Section>, Wrong> {
    let is_wide = table.is_wide;
    let bytes = table.read(file, if is_wide { 64 } else { 40 }, "section table")?;
    let [offset, size] = if is_wide { [24, 32] } else { [16, 20] };
    let place = |fields: Fields<'_>| Range::new(fields.word(offset, is_wide), fields.word(size, is_wide));
    let names =
        usize::try_from(names).ok().and_then(|number| table.entries(&bytes).nth(number)).and_then(place);
    let names =
        part(file, names.ok_or(Wrong::Cut("table of section names"))?, MOST_TABLE, "table of section names")?;
    let mut sections = Vec::new();
    for fields in table.entries(&bytes).filter(|fields| fields.u32(4) != NO_BITS) {
        let Some(name) = usize::try_from(fields.u32(0)).ok().and_then(|start| names.get(start..)) else {
            continue;
        };
        // Names in a row of a hostile table share their ends: what is longer is none that matters.
        let name = &name[..name.len().min(LONGEST_NAME)];
        let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
        if let Some(file) = place(fields).filter(|_| matters(name)) {
            sections.push(Section { name: name.to_vec(), file });
        }
    }
    Ok(sections)
}

const LONGEST_NAME: usize = 32;
const GO: &[u8] = b".go.buildinfo";
const AUDIT: &[u8] = b".dep-v0";
const CONSTANTS: &[u8] = b".rodata";
const COMMENT: &[u8] = b".comment";
const UNWINDING: &[u8] = b".gcc_except_table";

fn matters(name: &[u8]) -> bool {
    name.starts_with(CONSTANTS) || [GO, AUDIT, COMMENT, UNWINDING].contains(&name)
}

fn by_name(file: &mut dyn RandomAccess, layout: &mut Layout, sections: &[Section]) -> Result<(), Wrong> {
    let named = |wanted: &[u8]| -> Vec<Range> {
        sections.iter().filter(|it| it.name == wanted).map(|it| it.file).collect()
    };
    layout.go = named(GO);
    layout.audit = named(AUDIT);
    layout.comment = named(COMMENT);
    layout.text = sections.iter().filter(|it| it.name.starts_with(CONSTANTS)).map(|it| it.file).collect();
    layout.may_be_rust = match layout.comment.first() {
        Some(&comment) => {
            let comment = part(file, comment, MOST_COMMENT, "comment section")?;
            memmem::find(&comment, b"rustc version ").is_some()
        }
        // Distributions strip it. What unwinds is C++ or Rust; C, which is most, is not read.
        None => sections.iter().any(|it| it.name == UNWINDING),
    };
    Ok(())
}

/// Where the parts may be, if nothing says where they are.
fn by_segment(layout: &mut Layout, headers: &[Program]) {
    let loaded = || headers.iter().filter(|it| it.kind == LOAD);
    let files = |wanted: &dyn Fn(u64) -> bool| -> Vec<Range> {
        loaded().filter(|it| wanted(it.flags)).map(|it| it.file).collect()
    };
    layout.go = files(&|flags| flags & WRITABLE != 0);
    layout.text = files(&|flags| flags & (WRITABLE | EXECUTABLE) == 0);
    if layout.text.is_empty() {
        // Older linkers lay constants beside the code.
        layout.text = files(&|flags| flags & WRITABLE == 0);
    }
    // What is not loaded stands behind what is.
    let end = loaded().map(|it| it.file.end).max().unwrap_or(HEADER);
    let behind = Range { start: end, end: u64::MAX };
    layout.comment = vec![behind];
    // Linkers differ in whether they load it.
    layout.audit_within.clone_from(&layout.text);
    layout.audit_within.push(behind);
    layout.may_be_rust = true;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::in_memory::InMemory;

    /// A wide file with one segment and the named sections, each of 16 bytes from 256 on.
    pub(crate) fn program(names: &[&str], is_big_endian: bool) -> Vec<u8> {
        let mut file = vec![0; 256];
        let mut names_table = vec![0];
        let put = |file: &mut Vec<u8>, at: usize, number: u64, width: usize| {
            let mut bytes = number.to_le_bytes()[..width].to_vec();
            if is_big_endian {
                bytes.reverse();
            }
            file[at..at + width].copy_from_slice(&bytes);
        };
        file[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1 + u8::from(is_big_endian)]);
        let count = names.len() + 1;
        let names_at = 256 + names.len() * 16;
        for (at, number, width) in [
            (32, 64, 8),
            (54, 56, 2),
            (56, 1, 2),
            (58, 64, 2),
            (60, count as u64, 2),
            (62, names.len() as u64, 2),
        ] {
            put(&mut file, at, number, width);
        }
        for (at, number, width) in [(64, LOAD, 4), (68, 4, 4), (64 + 32, 10_000, 8), (64 + 16, 0x40_0000, 8)]
        {
            put(&mut file, at, number, width);
        }
        let mut table = vec![0; 64 * count];
        for (number, name) in names.iter().chain(&[".shstrtab"]).enumerate() {
            put(&mut table, number * 64, names_table.len() as u64, 4);
            put(&mut table, number * 64 + 24, 256 + number as u64 * 16, 8);
            let size = if number < names.len() {
                16
            } else {
                1 + names.iter().map(|it| it.len() + 1).sum::<usize>() + 10
            };
            put(&mut table, number * 64 + 32, size as u64, 8);
            names_table.extend_from_slice(name.as_bytes());
            names_table.push(0);
        }
        file.resize(names_at, b'-');
        file.extend(names_table);
        let at = file.len() as u64;
        put(&mut file, 40, at, 8);
        file.extend(table);
        file
    }

    #[test]
    fn finds_sections_in_both_orders() {
        for is_big_endian in [false, true] {
            let file = program(&[".text", ".go.buildinfo", ".rodata", ".rodata.str1.1"], is_big_endian);
            let layout = read(&mut InMemory(&file), Sight::Whole).unwrap();
            assert!(layout.wrong.is_none());
            assert_eq!(layout.go, [Range { start: 272, end: 288 }]);
            assert_eq!(layout.text, [Range { start: 288, end: 304 }, Range { start: 304, end: 320 }]);
            assert_eq!(layout.at_address(0x40_0100), Range::new(256, 9_744));
            assert!(!layout.may_be_rust);
        }
    }

    #[test]
    fn from_the_beginning_alone_segments_say_where() {
        let file = program(&[".go.buildinfo"], false);
        let layout = read(&mut InMemory(&file[..200]), Sight::Beginning).unwrap();
        assert!(layout.go.is_empty() && layout.may_be_rust);
        assert_eq!(layout.text, [Range { start: 0, end: 10_000 }]);
        assert_eq!(layout.comment, [Range { start: 10_000, end: u64::MAX }]);
    }

    #[test]
    fn lying_tables_are_told() {
        let mut file = program(&[".rodata"], false);
        file[60..62].copy_from_slice(&[0xff, 0xff]);
        let layout = read(&mut InMemory(&file), Sight::Whole).unwrap();
        assert!(matches!(layout.wrong, Some(Wrong::Cut("section table"))));
        file[56..58].copy_from_slice(&[0xff, 0xff]);
        assert!(read(&mut InMemory(&file), Sight::Whole).is_err());
    }

    proptest! {
        #[test]
        fn takes_any_header(head in proptest::collection::vec(any::<u8>(), 60), rest in proptest::collection::vec(any::<u8>(), 0..600)) {
            let file = [&b"\x7fELF"[..], &head, &rest].concat();
            for sight in [Sight::Whole, Sight::Beginning] {
                let _ = read(&mut InMemory(&file), sight);
            }
        }

        #[test]
        fn takes_changed_files(changes in proptest::collection::vec((0..700usize, any::<u8>()), 1..12)) {
            let mut file = program(&[".rodata", ".comment", ".dep-v0"], false);
            for (at, byte) in changes {
                if let Some(place) = file.get_mut(at) {
                    *place = byte;
                }
            }
            let _ = read(&mut InMemory(&file), Sight::Whole);
        }
    }
}
