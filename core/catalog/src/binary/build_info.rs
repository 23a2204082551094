//! Go's build information as it lies in a program (Go's `debug/buildinfo`): 14 bytes of magic, the width of pointers,
//! flags; from byte 32 on two texts with their lengths, or, before Go 1.18, two pointers to texts at byte 16.

use lazaret_model::RandomAccess;

use super::layout::{Fields, Layout};

pub(super) const MAGIC: &[u8] = b"\xff Go buildinf:";
/// The linker puts it only where the address is a multiple of this.
pub(super) const ALIGNMENT: u64 = 16;
const HEADER: usize = 32;
const BIG_ENDIAN: u8 = 1;
const INLINE: u8 = 2;
/// Module information stands between two marks of this length.
const MARK: usize = 16;

/// What a program says of its build.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct BuildInfo {
    pub(super) version: Vec<u8>,
    /// Lines, without the marks around them.
    pub(super) modules: Vec<u8>,
}

/// How much of it is there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    Whole(BuildInfo),
    /// At least this many bytes are needed.
    Needs(usize),
    /// The older form: the texts lie elsewhere.
    Elsewhere,
    Wrong,
}

/// Reads what begins with the magic.
pub(super) fn parse(bytes: &[u8]) -> Parsed {
    let Some(header) = bytes.first_chunk::<HEADER>() else { return Parsed::Needs(HEADER) };
    if !header.starts_with(MAGIC) {
        return Parsed::Wrong;
    }
    if header[15] & INLINE == 0 {
        return Parsed::Elsewhere;
    }
    let mut at = HEADER;
    let mut texts = [&[][..]; 2];
    for text in &mut texts {
        let (length, after) = match length(&bytes[at..]) {
            Length::Of(length, width) => (length, at + width),
            Length::Needs => return Parsed::Needs(bytes.len() + 1),
            Length::Wrong => return Parsed::Wrong,
        };
        let Some(end) = after.checked_add(length) else { return Parsed::Wrong };
        let Some(found) = bytes.get(after..end) else { return Parsed::Needs(end) };
        (*text, at) = (found, end);
    }
    let [version, modules] = texts;
    Parsed::Whole(BuildInfo { version: version.to_vec(), modules: within_marks(modules).to_vec() })
}

enum Length {
    /// The number, and how many bytes it takes.
    Of(usize, usize),
    Needs,
    Wrong,
}

/// A number of seven bits in each byte, the lowest first.
fn length(bytes: &[u8]) -> Length {
    let mut number = 0_u64;
    for (place, &byte) in bytes.iter().enumerate().take(9) {
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return usize::try_from(number).map_or(Length::Wrong, |number| Length::Of(number, place + 1));
        }
    }
    if bytes.len() < 9 { Length::Needs } else { Length::Wrong }
}

/// Reads the older form, whose texts are found through pointers: `None` if they lead nowhere, as in programs
/// whose pointers are filled in only when they are loaded.
pub(super) fn follow(
    file: &mut dyn RandomAccess,
    layout: &Layout,
    header: &[u8],
    most: u64,
) -> Option<BuildInfo> {
    let is_wide = match header.get(14)? {
        4 => false,
        8 => true,
        _ => return None,
    };
    let order = Fields { bytes: header, is_big_endian: header.get(15)? & BIG_ENDIAN != 0 };
    let width = if is_wide { 8 } else { 4 };
    let mut text = |pointer: u64| -> Option<Vec<u8>> {
        let mut place = [0; 16];
        let place = place.get_mut(..2 * width)?;
        file.read_at(layout.at_address(pointer)?.start, place).ok()?;
        let fields = Fields { bytes: place, ..order };
        let (address, length) = (fields.word(0, is_wide), fields.word(width, is_wide));
        if length == 0 {
            return Some(Vec::new());
        }
        let range = layout.at_address(address)?;
        let size =
            usize::try_from(length).ok().filter(|_| length <= range.size().min(most).min(file.size()))?;
        let mut bytes = vec![0; size];
        file.read_at(range.start, &mut bytes).ok()?;
        Some(bytes)
    };
    let version = text(order.word(16, is_wide)).filter(|version| !version.is_empty())?;
    let modules = text(order.word(16 + width, is_wide))?;
    Some(BuildInfo { version, modules: within_marks(&modules).to_vec() })
}

/// Without the marks; empty if there are none.
fn within_marks(modules: &[u8]) -> &[u8] {
    match modules.get(MARK..modules.len().saturating_sub(MARK)) {
        Some(lines) if lines.ends_with(b"\n") => lines,
        _ => b"",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::binary::layout::{Range, Segment};
    use crate::in_memory::InMemory;

    fn inline(version: &str, modules: &str) -> Vec<u8> {
        let mut bytes = [MAGIC, &[8, INLINE], &[0; 16]].concat();
        for text in [version.as_bytes(), modules.as_bytes()] {
            let mut length = text.len();
            while length > 0x7f {
                bytes.push(0x80 | u8::try_from(length & 0x7f).unwrap());
                length >>= 7;
            }
            bytes.push(u8::try_from(length).unwrap());
            bytes.extend_from_slice(text);
        }
        bytes
    }

    #[test]
    fn reads_texts_in_place_however_much_is_there() {
        let modules = format!("{0}path\tx\n{1}{0}", "m".repeat(16), "dep\ta\tv1.0.0\n".repeat(20));
        let bytes = inline("go1.22.1", &modules);
        let Parsed::Whole(found) = parse(&bytes) else { panic!() };
        assert_eq!((found.version.as_slice(), found.modules.len()), (&b"go1.22.1"[..], modules.len() - 32));
        for end in 0..bytes.len() {
            let Parsed::Needs(needs) = parse(&bytes[..end]) else { panic!("{end}") };
            assert!((end + 1..=bytes.len()).contains(&needs), "{end} {needs}");
        }
        assert_eq!(
            parse(&inline("go1.20", "")),
            Parsed::Whole(BuildInfo { version: b"go1.20".to_vec(), modules: vec![] })
        );
    }

    #[test]
    fn follows_pointers() {
        for (width, is_big) in [(4_u8, true), (8, false)] {
            let number = |number: u64| -> Vec<u8> {
                let little = &number.to_le_bytes()[..usize::from(width)];
                if is_big { little.iter().rev().copied().collect() } else { little.to_vec() }
            };
            let mut file = [MAGIC, &[width, u8::from(is_big)]].concat();
            file.extend([number(0x1000 + 32), number(0x1000 + 48)].concat());
            file.resize(32, 0);
            file.extend([number(0x1000 + 64), number(8)].concat());
            file.resize(48, 0);
            file.extend([number(0), number(0)].concat());
            file.resize(64, 0);
            file.extend(b"go1.15.2");
            let segment = Segment { file: Range { start: 0, end: file.len() as u64 }, address: 0x1000 };
            let layout = Layout { segments: vec![segment], ..Layout::default() };
            assert_eq!(parse(&file), Parsed::Elsewhere);
            let found = follow(&mut InMemory(&file), &layout, &file[..32], 100).unwrap();
            assert_eq!(found, BuildInfo { version: b"go1.15.2".to_vec(), modules: vec![] });
            assert_eq!(follow(&mut InMemory(&file), &Layout::default(), &file[..32], 100), None);
        }
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..120), flags in 0..4u8) {
            let bytes = [MAGIC, &[8, flags], bytes.as_slice()].concat();
            if let Parsed::Needs(needs) = parse(&bytes) {
                prop_assert!(needs > bytes.len());
            }
            let segment = Segment { file: Range { start: 0, end: 200 }, address: 0 };
            let layout = Layout { segments: vec![segment], ..Layout::default() };
            follow(&mut InMemory(&bytes), &layout, &bytes, 100);
        }
    }
}
