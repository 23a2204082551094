//! PE, the programs of Windows ("PE Format", Microsoft): sections stand at the beginning.

use lazaret_model::RandomAccess;

use super::layout::{Fields, Layout, Range, Segment, Wrong, part};

/// The header of DOS, whose last field says where that of PE is.
const DOS: u64 = 64;
const HEADERS: u64 = 24;
/// Of the optional header, as much as matters here.
const OPTIONAL: u64 = 32;
const SECTION: usize = 40;

pub(super) fn read(file: &mut dyn RandomAccess) -> Result<Layout, Wrong> {
    let dos = part(file, Range { start: 0, end: DOS }, DOS, "DOS header")?;
    let mut layout = Layout { may_be_rust: true, ..Layout::default() };
    let place = Fields { bytes: &dos, is_big_endian: false }.u32(60);
    let headers = Range::new(place, HEADERS + OPTIONAL).ok_or(Wrong::Cut("PE header"))?;
    if headers.end > file.size() {
        // A program of DOS, or nothing at all that begins with `MZ`.
        return Ok(layout);
    }
    let bytes = part(file, headers, HEADERS + OPTIONAL, "PE header")?;
    if !bytes.starts_with(b"PE\0\0") {
        return Ok(layout);
    }
    let fields = Fields { bytes: &bytes, is_big_endian: false };
    let (count, optional) = (fields.u16(6), fields.u16(20));
    let base = if fields.u16(24) == 0x20b { fields.u64(24 + 24) } else { fields.u32(24 + 28) };
    let table = Range::new(
        place.saturating_add(HEADERS).saturating_add(optional),
        count.saturating_mul(SECTION as u64),
    );
    let table = part(file, table.ok_or(Wrong::Cut("section table"))?, 4 << 20, "section table")?;
    for section in table.chunks_exact(SECTION) {
        let fields = Fields { bytes: section, is_big_endian: false };
        let Some(range) = Range::new(fields.u32(20), fields.u32(16)) else { continue };
        layout.segments.push(Segment { file: range, address: base.saturating_add(fields.u32(12)) });
        match section.get(..8) {
            Some(b".data\0\0\0") => layout.go.push(range),
            Some(b".rdata\0\0") => layout.text.push(range),
            Some(b".dep-v0\0") => {
                // The rest of what is in the file only fills it up.
                layout.audit.push(Range { end: range.end.min(range.start + fields.u32(8)), ..range });
            }
            _ => {}
        }
    }
    Ok(layout)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::in_memory::InMemory;

    fn program() -> Vec<u8> {
        let mut file = vec![0; 64];
        file[..2].copy_from_slice(b"MZ");
        file[60] = 64;
        file.extend_from_slice(b"PE\0\0");
        file.extend_from_slice(&[0x64, 0x86, 2, 0]);
        file.resize(64 + 20, 0);
        file.extend_from_slice(&[32, 0, 0, 0]);
        file.extend_from_slice(&[0x0b, 0x02]);
        file.resize(64 + 24 + 24, 0);
        file.extend_from_slice(&0x1_4000_0000_u64.to_le_bytes());
        for (name, address, start) in [(b".rdata\0\0", 0x1000_u32, 200_u32), (b".dep-v0\0", 0x2000, 232)] {
            file.extend_from_slice(name);
            for number in [8_u32, address, 32, start, 0, 0, 0, 0] {
                file.extend_from_slice(&number.to_le_bytes());
            }
        }
        file.resize(264, b'-');
        file
    }

    #[test]
    fn finds_sections() {
        let layout = read(&mut InMemory(&program())).unwrap();
        assert_eq!(layout.text, [Range { start: 200, end: 232 }]);
        assert_eq!(layout.audit, [Range { start: 232, end: 240 }]);
        assert_eq!(layout.at_address(0x1_4000_1002), Range::new(202, 30));
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&mut InMemory(&[b"MZ", bytes.as_slice()].concat()));
        }

        #[test]
        fn takes_changed_files(changes in proptest::collection::vec((0..264usize, any::<u8>()), 1..8)) {
            let mut file = program();
            changes.into_iter().for_each(|(at, byte)| file[at] = byte);
            let _ = read(&mut InMemory(&file));
        }
    }
}
