//! What was read of a layer, as bytes for another run. Only programs of the same version read it, and only whole.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

use lazaret_model::{Extracted, Problem, ProblemKind, Want, Wanted};

use super::index::{LayerIndex, OWN_NAME, Record};
use super::keep::{Kept, Taker, with_room};
use super::reader::Kind;
use crate::budget::Budget;

const KINDS: [Kind; 5] = [Kind::File, Kind::HardLink, Kind::Symlink, Kind::Directory, Kind::Special];
const PROBLEMS: [ProblemKind; 4] =
    [ProblemKind::Malformed, ProblemKind::Limit, ProblemKind::Unreadable, ProblemKind::Unsupported];
const CONTENTS: [Wanted; 3] = [Wanted::Nothing, Wanted::Bytes, Wanted::Extract];

/// Writes a layer of which everything that was wanted could be read.
pub(crate) fn write(index: &LayerIndex, out: &mut dyn Write) -> io::Result<()> {
    put_bytes(out, &index.names)?;
    put_length(out, index.records.len())?;
    for record in &index.records {
        let mut bytes = [0; RECORD];
        let mut rest = &mut bytes[..];
        rest.write_all(&record.name.to_le_bytes())?;
        rest.write_all(&record.path_bytes.to_le_bytes())?;
        rest.write_all(&record.link_bytes.to_le_bytes())?;
        rest.write_all(&record.mode.to_le_bytes())?;
        rest.write_all(&[position(&KINDS, &record.kind), record.asked.map_or(0, |want| 1 + of_want(want))])?;
        rest.write_all(&record.uid.to_le_bytes())?;
        rest.write_all(&record.gid.to_le_bytes())?;
        rest.write_all(&record.size.to_le_bytes())?;
        out.write_all(&bytes)?;
    }
    let mut kept: Vec<(&u32, &Kept)> = index.kept.iter().collect();
    kept.sort_unstable_by_key(|(number, _)| **number);
    put_length(out, kept.len())?;
    for (number, kept) in kept {
        out.write_all(&number.to_le_bytes())?;
        put_option(out, kept.digest.as_ref().map(<[u8; 32]>::as_slice))?;
        put_option(out, kept.bytes.as_deref())?;
        let extracted = kept.extracted.get(&OWN_NAME);
        put_option(out, extracted.map(|extracted| extracted.bytes.as_slice()))?;
        let problems = extracted.map_or(&[][..], |extracted| &extracted.problems);
        put_length(out, problems.len())?;
        for problem in problems {
            out.write_all(&[position(&PROBLEMS, &problem.kind)])?;
            put_bytes(out, problem.subject.as_bytes())?;
            put_bytes(out, problem.detail.as_bytes())?;
        }
    }
    Ok(())
}

const RECORD: usize = 4 + 2 + 2 + 2 + 2 + 4 + 4 + 8;

/// Reads a layer back. Contents of files that a layer above has too are passed over, as they are when a layer is read
/// from its source.
pub(crate) fn read(
    input: &mut impl Read,
    layer: u32,
    taker: &Taker<'_>,
    budget: &mut Budget,
) -> io::Result<LayerIndex> {
    let mut index = LayerIndex::with_names(bytes(input)?);
    let count = length(input)?;
    for _ in 0..count {
        let mut head = [0; RECORD];
        input.read_exact(&mut head)?;
        let mut rest = &head[..];
        let record = Record {
            name: u32::from_le_bytes(array(&mut rest)?),
            path_bytes: u16::from_le_bytes(array(&mut rest)?),
            link_bytes: u16::from_le_bytes(array(&mut rest)?),
            mode: u16::from_le_bytes(array(&mut rest)?),
            kind: *element(&KINDS, rest.first().copied().unwrap_or(u8::MAX))?,
            asked: match rest.get(1).copied().unwrap_or_default() {
                0 => None,
                want => Some(to_want(want - 1)?),
            },
            uid: u32::from_le_bytes(array(&mut &rest[2..])?),
            gid: u32::from_le_bytes(array(&mut &rest[6..])?),
            size: u64::from_le_bytes(array(&mut &rest[10..])?),
            start: 0,
        };
        let names = usize::from(record.path_bytes) + usize::from(record.link_bytes);
        if (record.name as usize).saturating_add(names) > index.names.len() {
            return Err(damaged());
        }
        budget.take_entry(names).map_err(crate::budget::Exceeded::io)?;
        index.records.push(record);
    }
    for _ in 0..length(input)? {
        let number = u32::from_le_bytes(array(input)?);
        let record = index.records.get(number as usize).ok_or_else(damaged)?;
        let digest = option(input)?.map(<[u8; 32]>::try_from).transpose().map_err(|_| damaged())?;
        let covered = record.asked.is_some_and(|want| want.content == Wanted::Bytes)
            && taker.is_covered(index.path(record), record.size, layer);
        let kept_bytes = if covered {
            pass_over_option(input)?;
            None
        } else {
            let kept_bytes = option(input)?;
            let size = kept_bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
            budget.keep(size).map_err(crate::budget::Exceeded::io)?;
            kept_bytes
        };
        let extracted = option(input)?;
        let mut problems = Vec::new();
        for _ in 0..length(input)? {
            let kind = *element(&PROBLEMS, u8::from_le_bytes(array(input)?))?;
            problems.push(Problem::new(kind, text(input)?, text(input)?));
        }
        if covered {
            index.records[number as usize].asked = None;
            continue;
        }
        let mut kept = Kept { digest, bytes: kept_bytes, ..Kept::default() };
        if let Some(bytes) = extracted {
            budget.keep(bytes.len() as u64).map_err(crate::budget::Exceeded::io)?;
            kept.extracted.insert(OWN_NAME, Arc::new(Extracted { bytes, problems }));
        }
        index.kept.insert(number, kept);
    }
    Ok(index)
}

fn of_want(want: Want) -> u8 {
    2 * position(&CONTENTS, &want.content) + u8::from(want.digest)
}

fn to_want(byte: u8) -> io::Result<Want> {
    Ok(Want { digest: byte % 2 == 1, content: *element(&CONTENTS, byte / 2)? })
}

fn position<T: PartialEq>(all: &[T], one: &T) -> u8 {
    all.iter().position(|other| other == one).and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX)
}

fn element<T>(all: &[T], at: u8) -> io::Result<&T> {
    all.get(usize::from(at)).ok_or_else(damaged)
}

fn put_length(out: &mut dyn Write, length: usize) -> io::Result<()> {
    out.write_all(&(length as u64).to_le_bytes())
}

fn put_bytes(out: &mut dyn Write, bytes: &[u8]) -> io::Result<()> {
    put_length(out, bytes.len())?;
    out.write_all(bytes)
}

fn put_option(out: &mut dyn Write, bytes: Option<&[u8]>) -> io::Result<()> {
    out.write_all(&[u8::from(bytes.is_some())])?;
    bytes.map_or(Ok(()), |bytes| put_bytes(out, bytes))
}

fn array<const N: usize>(input: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes).map(|()| bytes)
}

fn length(input: &mut impl Read) -> io::Result<u64> {
    array(input).map(u64::from_le_bytes)
}

fn bytes(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let length = length(input)?;
    let mut bytes = with_room(length);
    if input.by_ref().take(length).read_to_end(&mut bytes)? as u64 != length {
        return Err(damaged());
    }
    Ok(bytes)
}

fn text(input: &mut impl Read) -> io::Result<String> {
    String::from_utf8(bytes(input)?).map_err(|_| damaged())
}

fn option(input: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    match array(input)? {
        [0] => Ok(None),
        _ => bytes(input).map(Some),
    }
}

fn pass_over_option(input: &mut impl Read) -> io::Result<()> {
    if array(input)? == [0] {
        return Ok(());
    }
    let length = length(input)?;
    if io::copy(&mut input.by_ref().take(length), &mut io::sink())? != length {
        return Err(damaged());
    }
    Ok(())
}

fn damaged() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "it is no layer of this version")
}
