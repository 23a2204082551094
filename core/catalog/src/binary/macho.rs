//! Mach-O, the programs of macOS (`mach-o/loader.h`): load commands stand at the beginning.
//!
//! Files of several architectures ("fat") are not taken apart: no image that runs in a container needs them.

use lazaret_model::RandomAccess;

use super::layout::{Fields, Layout, Range, Segment, Wrong, part};

const MOST_COMMANDS: u64 = 4 << 20;
const SEGMENT: u64 = 1;
const SEGMENT_WIDE: u64 = 0x19;

pub(super) fn read(file: &mut dyn RandomAccess) -> Result<Layout, Wrong> {
    let head = part(file, Range { start: 0, end: 28 }, 28, "Mach-O header")?;
    let is_big_endian = head.first() == Some(&0xfe);
    let fields = Fields { bytes: &head, is_big_endian };
    let is_wide = fields.u32(0) == 0xfeed_facf;
    let mut layout = Layout { is_big_endian, may_be_rust: true, ..Layout::default() };
    let table =
        Range::new(if is_wide { 32 } else { 28 }, fields.u32(20)).ok_or(Wrong::Cut("load commands"))?;
    let commands = part(file, table, MOST_COMMANDS, "load commands")?;
    let mut rest = commands.as_slice();
    while rest.len() >= 8 {
        let fields = Fields { bytes: rest, is_big_endian };
        let size = usize::try_from(fields.u32(4)).unwrap_or(usize::MAX);
        let Some((command, after)) = rest.split_at_checked(size).filter(|_| size >= 8) else {
            layout.wrong = Some(Wrong::Cut("list of load commands"));
            break;
        };
        let fields = Fields { bytes: command, is_big_endian };
        match fields.u32(0) {
            SEGMENT => segment(&mut layout, fields, false),
            SEGMENT_WIDE => segment(&mut layout, fields, true),
            _ => {}
        }
        rest = after;
    }
    Ok(layout)
}

fn segment(layout: &mut Layout, command: Fields<'_>, is_wide: bool) {
    let [address, offset, size, head, section] =
        if is_wide { [24, 40, 48, 72, 80] } else { [24, 32, 36, 56, 68] };
    if let Some(file) = Range::new(command.word(offset, is_wide), command.word(size, is_wide)) {
        layout.segments.push(Segment { file, address: command.word(address, is_wide) });
    }
    for bytes in command.bytes.get(head..).unwrap_or_default().chunks_exact(section) {
        let fields = Fields { bytes, ..command };
        let [size, offset] = if is_wide { [40, 48] } else { [36, 40] };
        let Some(range) = Range::new(fields.u32(offset), fields.word(size, is_wide)) else { continue };
        let name = bytes.get(..16).unwrap_or_default();
        match name.split(|&byte| byte == 0).next().unwrap_or_default() {
            b"__go_buildinfo" => layout.go.push(range),
            b".dep-v0" => layout.audit.push(range),
            b"__const" | b"__cstring" => layout.text.push(range),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::in_memory::InMemory;

    fn program() -> Vec<u8> {
        let mut file = b"\xcf\xfa\xed\xfe".to_vec();
        file.resize(16, 0);
        file.extend_from_slice(&[1, 0, 0, 0, 152, 0, 0, 0]);
        file.resize(32, 0);
        file.extend_from_slice(&[0x19, 0, 0, 0, 152, 0, 0, 0]);
        file.extend_from_slice(b"__DATA\0\0\0\0\0\0\0\0\0\0");
        for number in [0x1000_u64, 0x100, 184, 64] {
            file.extend_from_slice(&number.to_le_bytes());
        }
        file.resize(32 + 72, 0);
        file.extend_from_slice(b"__go_buildinfo\0\0__DATA\0\0\0\0\0\0\0\0\0\0");
        file.extend_from_slice(&0x1000_u64.to_le_bytes());
        file.extend_from_slice(&32_u64.to_le_bytes());
        file.extend_from_slice(&184_u32.to_le_bytes());
        file.resize(248, 0);
        file
    }

    #[test]
    fn finds_sections() {
        let layout = read(&mut InMemory(&program())).unwrap();
        assert!(layout.wrong.is_none());
        assert_eq!(layout.go, [Range { start: 184, end: 216 }]);
        assert_eq!(layout.at_address(0x1008), Range::new(192, 56));
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&mut InMemory(&[b"\xcf\xfa\xed\xfe", bytes.as_slice()].concat()));
        }

        #[test]
        fn takes_changed_files(changes in proptest::collection::vec((4..248usize, any::<u8>()), 1..8)) {
            let mut file = program();
            changes.into_iter().for_each(|(at, byte)| file[at] = byte);
            let _ = read(&mut InMemory(&file));
        }
    }
}
