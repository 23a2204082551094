//! Zip archives (PKWARE's APPNOTE 6.3.10), with the 64-bit extensions, read by their central directory.
//!
//! OSV publishes its advisories so: one archive of some hundred thousand small documents.

use std::io::{self, Read};
use std::ops::ControlFlow;

use flate2::Crc;
use flate2::bufread::DeflateDecoder;
use lazaret_model::ProblemKind;

use super::pass::Pass;
use crate::budget::Exceeded;
use crate::layer::{Window, WindowInput, fill};

/// "End of central directory record" (4.3.16), without its comment.
const END: usize = 22;
/// Before that one: "zip64 end of central directory locator" (4.3.15).
const LOCATOR: usize = 20;
/// "Zip64 end of central directory record" (4.3.14).
const END_64: usize = 56;
/// "Central directory header" (4.3.12), without name, extra field and comment.
const CENTRAL: usize = 46;
/// "Local file header" (4.3.7), without name and extra field.
const LOCAL: usize = 30;
/// The ratio is not looked at before this many bytes.
const RATIO_FREE: u64 = 1 << 20;

pub(super) fn is_zip(start: &[u8]) -> bool {
    start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06")
}

/// What the central directory says of a member.
struct Member {
    name: String,
    method: u16,
    flags: u16,
    crc: u32,
    compressed: u64,
    size: u64,
    local: u64,
    is_file: bool,
}

/// Passes the members on in the order of the central directory.
pub(super) fn documents(window: &Window, pass: &mut Pass<'_>) -> io::Result<ControlFlow<()>> {
    let (members, start, length) = central_directory(window)?;
    let directory = window.part(start, length);
    if directory.len() < length {
        return Err(malformed("its central directory is outside the file"));
    }
    let mut input = WindowInput::new(directory);
    let most = window.len().saturating_mul(pass.budget.limits.ratio.into()).max(RATIO_FREE);
    let mut left = most.min(pass.budget.limits.archive_bytes);
    for _ in 0..members {
        let member = read_member(&mut input)?;
        pass.budget.take_entry(member.name.len()).map_err(Exceeded::io)?;
        if !member.is_file {
            continue;
        }
        if let Err(exceeded) = pass.budget.check_file(member.size) {
            pass.problem(ProblemKind::Limit, &member.name, exceeded.to_string());
            continue;
        }
        left = left.checked_sub(member.size).ok_or_else(|| {
            Exceeded::new("its members have more bytes together than one archive may give").io()
        })?;
        match content(window, &member) {
            Ok(bytes) => {
                if pass.document(&member.name, bytes).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                pass.problem(ProblemKind::Unsupported, &member.name, error.to_string());
            }
            Err(error) => return Err(io::Error::new(error.kind(), format!("{}: {error}", member.name))),
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Number of members, and where the central directory is.
fn central_directory(window: &Window) -> io::Result<(u64, u64, u64)> {
    let tail_length = window.len().min((END + usize::from(u16::MAX)) as u64);
    let tail_start = window.len() - tail_length;
    let tail = bytes_at(window, tail_start, usize::try_from(tail_length).unwrap_or(usize::MAX))?;
    // The last one whose comment reaches to the end of the file.
    let at = (0..=tail.len().saturating_sub(END)).rev().find(|at| {
        let record = tail.get(*at..).unwrap_or_default();
        record.starts_with(b"PK\x05\x06")
            && u16_at(record, 20).is_some_and(|comment| usize::from(comment) + END == record.len())
    });
    let broken = || malformed("it has no central directory: the file is cut off or damaged");
    let at = at.ok_or_else(broken)?;
    let record = tail.get(at..).unwrap_or_default();
    let (members, length, start) = (u16_at(record, 10), u32_at(record, 12), u32_at(record, 16));
    let locator =
        at.checked_sub(LOCATOR).and_then(|at| tail.get(at..)).filter(|l| l.starts_with(b"PK\x06\x07"));
    if let Some(locator) = locator {
        let record = bytes_at(window, u64_at(locator, 8).ok_or_else(broken)?, END_64)?;
        if !record.starts_with(b"PK\x06\x06") {
            return Err(broken());
        }
        let field = |at| u64_at(&record, at).ok_or_else(broken);
        return Ok((field(32)?, field(48)?, field(40)?));
    }
    Ok((
        members.ok_or_else(broken)?.into(),
        start.ok_or_else(broken)?.into(),
        length.ok_or_else(broken)?.into(),
    ))
}

fn read_member(input: &mut WindowInput) -> io::Result<Member> {
    let broken = || malformed("its central directory is damaged");
    let header = taken(input, CENTRAL)?;
    if !header.starts_with(b"PK\x01\x02") {
        return Err(broken());
    }
    let short = |at| u16_at(&header, at).ok_or_else(broken);
    let long = |at| u32_at(&header, at).ok_or_else(broken);
    let name = taken(input, short(28)?.into())?;
    let extra = taken(input, short(30)?.into())?;
    taken(input, short(32)?.into())?;
    // What does not fit is all ones, and stands in the extra field in this order (4.5.3).
    let mut wide = extra_64(&extra);
    let mut field = |value: u32| match value {
        u32::MAX => {
            let (value, rest) = wide.split_at_checked(8).ok_or_else(broken)?;
            wide = rest;
            u64_at(value, 0).ok_or_else(broken)
        }
        value => Ok(value.into()),
    };
    let (size, compressed, local) = (field(long(24)?)?, field(long(20)?)?, field(long(42)?)?);
    // Unix keeps the kind of a file in the highest bits (4.4.15): links and devices are no documents.
    let kind = (long(38)? >> 28) & 0xf;
    Ok(Member {
        is_file: !name.ends_with(b"/") && matches!(kind, 0 | 8),
        name: String::from_utf8_lossy(&name).into_owned(),
        flags: short(8)?,
        method: short(10)?,
        crc: long(16)?,
        compressed,
        size,
        local,
    })
}

/// The "zip64 extended information" in an extra field.
fn extra_64(mut extra: &[u8]) -> &[u8] {
    while let (Some(kind), Some(length)) = (u16_at(extra, 0), u16_at(extra, 2)) {
        let Some((field, rest)) = extra.get(4..).and_then(|rest| rest.split_at_checked(length.into())) else {
            break;
        };
        if kind == 1 {
            return field;
        }
        extra = rest;
    }
    &[]
}

fn content(window: &Window, member: &Member) -> io::Result<Vec<u8>> {
    if member.flags & 1 != 0 {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "it is encrypted"));
    }
    let header = bytes_at(window, member.local, LOCAL)?;
    if !header.starts_with(b"PK\x03\x04") {
        return Err(malformed("its header is damaged"));
    }
    let lengths = [26, 28].into_iter().filter_map(|at| u16_at(&header, at)).map(u64::from).sum::<u64>();
    let start = member.local.saturating_add(LOCAL as u64).saturating_add(lengths);
    let stored = window.part(start, member.compressed);
    if stored.len() < member.compressed {
        return Err(malformed("its content is outside the file"));
    }
    let input = WindowInput::new(stored);
    // One byte more than is said, to see that there is not more.
    let most = member.size.saturating_add(1);
    let mut bytes = Vec::new();
    match member.method {
        0 => input.take(most).read_to_end(&mut bytes)?,
        8 => DeflateDecoder::new(input).take(most).read_to_end(&mut bytes)?,
        other => {
            let why = format!("compression method {other} is not read");
            return Err(io::Error::new(io::ErrorKind::Unsupported, why));
        }
    };
    let mut crc = Crc::new();
    crc.update(&bytes);
    if bytes.len() as u64 != member.size || crc.sum() != member.crc {
        return Err(malformed("its content does not have the length and the checksum that the archive says"));
    }
    Ok(bytes)
}

fn bytes_at(window: &Window, start: u64, length: usize) -> io::Result<Vec<u8>> {
    taken(&mut WindowInput::new(window.part(start, length as u64)), length)
}

/// At most 64 KiB: the longest field that a header can announce.
fn taken(input: &mut WindowInput, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    match fill(input, &mut bytes)? {
        read if read == length => Ok(bytes),
        _ => Err(malformed("it ends too early")),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}

fn malformed(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
