//! One 512-byte tar header, read as Go's `archive/tar` reads it (`reader.go`, `readHeader`).

pub(super) const BLOCK: usize = 512;
pub(super) type Block = [u8; BLOCK];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    V7,
    /// POSIX: ustar and pax.
    Ustar,
    /// Jörg Schilling's star.
    Star,
    /// Old GNU, which is what GNU tar writes by default.
    Gnu,
}

#[derive(Debug)]
pub(super) struct Header {
    pub(super) flag: u8,
    pub(super) format: Format,
    pub(super) size: i64,
    pub(super) mode: i64,
    pub(super) uid: i64,
    pub(super) gid: i64,
    /// What readers other than Go's take differently, or not at all.
    pub(super) oddity: Option<&'static str>,
}

/// Reads a header; its name (with the prefix) and link target go to `name` and `link`.
pub(super) fn parse(block: &Block, name: &mut Vec<u8>, link: &mut Vec<u8>) -> Result<Header, &'static str> {
    if !checksum_matches(block) {
        return Err("the header's checksum is wrong");
    }
    let mut oddity = None;
    let mut lenient = |field: &[u8], odd: &'static str| {
        numeric(field).unwrap_or_else(|| {
            oddity = Some(odd);
            0
        })
    };
    let mode = lenient(&block[100..108], "the mode is not a number");
    let uid = lenient(&block[108..116], "the owner is not a number");
    let gid = lenient(&block[116..124], "the group is not a number");
    lenient(&block[136..148], "the time is not a number");
    let size = numeric(&block[124..136]).ok_or("the header's size is not a number")?;

    let format = format(block);
    name.clear();
    let prefix: &[u8] = match format {
        Format::V7 => b"",
        Format::Ustar => string(&block[345..500]),
        Format::Star => string(&block[345..476]),
        Format::Gnu => {
            let prefix = prefix_of_old_go(block);
            if !prefix.is_empty() {
                oddity =
                    Some("a name prefix stands where old GNU headers have times: readers differ on the name");
            }
            prefix
        }
    };
    if !prefix.is_empty() {
        name.extend_from_slice(prefix);
        name.push(b'/');
    }
    name.extend_from_slice(string(&block[..100]));
    link.clear();
    link.extend_from_slice(string(&block[157..257]));
    Ok(Header { flag: block[156], format, size, mode, uid, gid, oddity })
}

/// Whether a block looks like a tar header at all.
pub(super) fn checksum_matches(block: &Block) -> bool {
    let Some(stated) = octal(&block[148..156]) else { return false };
    // The field itself counts as spaces.
    let field: i64 = block[148..156].iter().map(|&byte| i64::from(b' ') - i64::from(byte)).sum();
    // One plain loop over 32-bit numbers is what processors do many of at once.
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    let unsigned = i64::from(sum) + field;
    if stated == unsigned {
        return true;
    }
    // Some old archivers summed signed bytes; GNU tar and Go accept both.
    let negative = block[..148].iter().chain(&block[156..]).filter(|&&byte| byte >= 0x80).count();
    i64::try_from(negative).is_ok_and(|negative| stated == unsigned - 256 * negative)
}

fn format(block: &Block) -> Format {
    match (&block[257..263], &block[263..265]) {
        (b"ustar\0", _) if &block[508..512] == b"tar\0" => Format::Star,
        (b"ustar\0", _) => Format::Ustar,
        (b"ustar ", b" \0") => Format::Gnu,
        _ => Format::V7,
    }
}

/// Go before 1.8 wrote a prefix into GNU headers, over the access and change times, and Go reads it
/// to this day where those are no numbers.
fn prefix_of_old_go(block: &Block) -> &[u8] {
    let is_time = |field: &[u8]| field[0] == 0 || numeric(field).is_some();
    if is_time(&block[345..357]) && is_time(&block[357..369]) {
        return b"";
    }
    let prefix = string(&block[345..500]);
    if prefix.is_ascii() { prefix } else { b"" }
}

pub(super) fn string(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    &field[..end]
}

/// A number in octal digits or, with the first bit set, in base 256 (two's complement).
pub(super) fn numeric(field: &[u8]) -> Option<i64> {
    let Some(first) = field.first().filter(|&&first| first & 0x80 != 0) else {
        return octal(field);
    };
    let negative = first & 0x40 != 0;
    let inversion = if negative { 0xff } else { 0 };
    let mut value: u64 = 0;
    for (position, byte) in field.iter().enumerate() {
        let mut byte = byte ^ inversion;
        if position == 0 {
            byte &= 0x7f;
        }
        if value >> 56 != 0 {
            return None;
        }
        value = value << 8 | u64::from(byte);
    }
    let value = i64::try_from(value).ok()?;
    Some(if negative { !value } else { value })
}

fn octal(field: &[u8]) -> Option<i64> {
    let padding = |byte: &u8| matches!(byte, b' ' | 0);
    let Some(start) = field.iter().position(|byte| !padding(byte)) else { return Some(0) };
    let end = field.iter().rposition(|byte| !padding(byte))?;
    let mut value: i64 = 0;
    for &digit in string(&field[start..=end]) {
        if !(b'0'..=b'7').contains(&digit) {
            return None;
        }
        value = value.checked_mul(8)?.checked_add(i64::from(digit - b'0'))?;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_as_go_does() {
        // Cases of Go's `TestParseNumeric` and their kin.
        for (field, expected) in [
            (&b""[..], Some(0)),
            (b"0000000\0", Some(0)),
            (b" 0000000 ", Some(0)),
            (b"0000123 \0\0", Some(0o123)),
            (b"01750\0x\0", Some(0o1750)),
            (b"\0 0123", Some(0o123)),
            (b"00z123", None),
            (b"0 1", None),
            (b"-1", None),
            (b"+1", None),
            (b"\x80", Some(0)),
            (b"\x80\x00\x00\x01", Some(1)),
            (b"\xff", Some(-1)),
            (b"\xff\xff\xff\xfe", Some(-2)),
            (b"\xc0", Some(-64)),
            (b"\x87\x76\xa2\x22\xeb\x8a\x72\x61", Some(537_795_476_381_659_745)),
            (b"\x80\x00\x00\x00\x07\x76\xa2\x22\xeb\x8a\x72\x61", Some(537_795_476_381_659_745)),
            (b"\xf7\x76\xa2\x22\xeb\x8a\x72\x61", Some(-615_126_028_225_187_231)),
            (b"\x80\x7f\xff\xff\xff\xff\xff\xff\xff", Some(i64::MAX)),
            (b"\x80\x80\x00\x00\x00\x00\x00\x00\x00", None),
            (b"\xff\x80\x00\x00\x00\x00\x00\x00\x00", Some(i64::MIN)),
            (b"\xff\x7f\xff\xff\xff\xff\xff\xff\xff", None),
        ] {
            assert_eq!(numeric(field), expected, "{field:x?}");
        }
    }

    #[test]
    fn accepts_signed_and_unsigned_checksums() {
        let mut block = [0u8; BLOCK];
        block[0] = 0xe9;
        for sum in [0xe9 + 8 * 32, 0xe9 - 256 + 8 * 32] {
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            assert!(checksum_matches(&block));
        }
        block[1] = 1;
        assert!(!checksum_matches(&block));
    }
}
