//! The least that listing packages takes: walking the headers of uncompressed layers, and reading what names packages.
//! It makes no document, no digests, no licences, and believes all it reads: no scanner does less.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{Context as _, Result};

/// The first argument with which a program that calls [`count`] does it.
pub const WORD: &str = "bare";

const BLOCK: u64 = 512;
const HEADER: usize = 512;
/// Where what a zip archive holds is listed: at its end (APPNOTE.TXT, 4.3.12 and 4.3.16).
const DIRECTORY_OF_ZIP: u64 = 64 << 10;

/// Counts the packages of an image's uncompressed layers, lowest first.
pub fn count(layers: &[PathBuf]) -> Result<usize> {
    let mut seen = Seen::default();
    let mut packages = 0;
    for path in layers.iter().rev() {
        packages += layer(path, &mut seen).context(|| format!("cannot read {}", path.display()))?;
    }
    Ok(packages)
}

/// What upper layers have said of paths.
#[derive(Default)]
struct Seen {
    paths: HashSet<Vec<u8>>,
    removed: HashSet<Vec<u8>>,
}

impl Seen {
    fn hides(&self, path: &[u8]) -> bool {
        let mut ends = path.iter().enumerate().filter(|&(_, &byte)| byte == b'/').map(|(at, _)| at);
        self.removed.contains(path) || ends.any(|end| self.removed.contains(&path[..end]))
    }
}

fn layer(path: &Path, seen: &mut Seen) -> io::Result<usize> {
    let mut input = Window { file: File::open(path)?, bytes: vec![0; 1 << 15], start: 0, filled: 0 };
    let (mut at, mut packages) = (0, 0);
    let mut long_name: Option<Vec<u8>> = None;
    let mut removed = Vec::new();
    loop {
        let header: [u8; HEADER] = input.at(at, BLOCK)?.try_into().map_err(io::Error::other)?;
        if header[0] == 0 {
            seen.removed.extend(removed);
            return Ok(packages);
        }
        let (size, body) = (size(&header), at + BLOCK);
        at = body + size.next_multiple_of(BLOCK);
        match header[156] {
            // GNU tar's long names; we wrote these archives, and PAX records have nothing else that matters here.
            b'L' => {
                let name = input.at(body, size)?;
                long_name = Some(name.split(|&byte| byte == 0).next().unwrap_or_default().to_vec());
                continue;
            }
            b'x' | b'g' | b'K' => continue,
            _ => {}
        }
        let name = long_name
            .take()
            .unwrap_or_else(|| header[..100].split(|&byte| byte == 0).next().unwrap_or_default().to_vec());
        let name = name.strip_prefix(b"./").unwrap_or(&name).to_vec();
        let (folder, base) = match name.iter().rposition(|&byte| byte == b'/') {
            Some(slash) => (&name[..=slash], &name[slash + 1..]),
            None => (&name[..0], &name[..]),
        };
        if let Some(hidden) = base.strip_prefix(b".wh.") {
            removed.push([folder, hidden].concat());
            continue;
        }
        let is_file = matches!(header[156], 0 | b'0');
        if is_file && !seen.hides(&name) && !seen.paths.contains(&name) {
            packages += of_file(&mut input, &name, is_program(&header), body, size)?;
            seen.paths.insert(name);
        }
    }
}

fn of_file(input: &mut Window, name: &[u8], is_program: bool, body: u64, size: u64) -> io::Result<usize> {
    let is = |end: &str| name.ends_with(end.as_bytes());
    if is("var/lib/dpkg/status") {
        let text = input.at(body, size)?;
        return Ok(text.split(|&byte| byte == b'\n').filter(|line| line.starts_with(b"Package: ")).count());
    }
    if is(".dist-info/METADATA") || is(".egg-info/PKG-INFO") {
        let text = input.at(body, size)?;
        return Ok(usize::from(text.split(|&byte| byte == b'\n').any(|line| line.starts_with(b"Version: "))));
    }
    if is("/package.json") {
        let value: Value = serde_json::from_slice(input.at(body, size)?).unwrap_or_default();
        return Ok(usize::from(value["name"].is_string() && value["version"].is_string()));
    }
    if is(".jar") || is(".war") || is(".ear") {
        let length = size.min(DIRECTORY_OF_ZIP);
        let directory = input.at(body + size - length, length)?;
        return Ok(directory.windows(14).filter(|window| window == b"pom.properties").count().max(1));
    }
    if is_program && size > 64 {
        return sections_of(input, body, size);
    }
    Ok(0)
}

/// Whether a program of ELF's 64 bits has a section that lists what it was built of.
fn sections_of(input: &mut Window, body: u64, size: u64) -> io::Result<usize> {
    let header = input.at(body, 64)?;
    if !header.starts_with(b"\x7fELF\x02\x01") {
        return Ok(0);
    }
    let number = |at: usize, length: usize| {
        header[at..at + length].iter().rev().fold(0_u64, |number, &byte| number << 8 | u64::from(byte))
    };
    let (start, each, count, names) = (number(0x28, 8), number(0x3a, 2), number(0x3c, 2), number(0x3e, 2));
    let length = each * count;
    if each < 64 || start.saturating_add(length) > size || names >= count {
        return Ok(0);
    }
    let table = input.at(body + start, length)?;
    let field = |at: u64| -> u64 {
        let at = usize::try_from(each * names + at).unwrap_or(usize::MAX);
        let bytes = table.get(at..at.saturating_add(8)).unwrap_or_default();
        bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
    };
    let (start, length) = (field(0x18), field(0x20));
    if start.saturating_add(length) > size {
        return Ok(0);
    }
    let names = input.at(body + start, length)?;
    let has = |name: &[u8]| names.windows(name.len()).any(|window| window == name);
    Ok(usize::from(has(b".go.buildinfo") || has(b".dep-v0")))
}

/// A few bytes of a file, as the last call of the kernel brought them.
struct Window {
    file: File,
    bytes: Vec<u8>,
    start: u64,
    filled: u64,
}

impl Window {
    fn at(&mut self, at: u64, length: u64) -> io::Result<&[u8]> {
        let needed = usize::try_from(length).map_err(io::Error::other)?;
        if at < self.start || at + length > self.start + self.filled {
            // Headers of small files come many at a time; after a large one nothing else is near.
            let wanted = needed.max(4096);
            if self.bytes.len() < wanted {
                self.bytes.resize(wanted, 0);
            }
            let mut filled = 0;
            while filled < needed {
                match self.file.read_at(&mut self.bytes[filled..wanted], at + filled as u64)? {
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    count => filled += count,
                }
            }
            (self.start, self.filled) = (at, filled as u64);
        }
        let from = usize::try_from(at - self.start).map_err(io::Error::other)?;
        Ok(&self.bytes[from..from + needed])
    }
}

/// POSIX ustar: octal digits; GNU: a number of eight bytes where the first has its highest bit set.
fn size(header: &[u8]) -> u64 {
    let field = &header[124..136];
    if field[0] & 0x80 != 0 {
        return field[4..].iter().fold(0, |number, &byte| number << 8 | u64::from(byte));
    }
    let digits = field.iter().filter(|byte| byte.is_ascii_digit());
    digits.fold(0, |number, &digit| number << 3 | u64::from(digit - b'0'))
}

fn is_program(header: &[u8]) -> bool {
    header[100..107].iter().rev().take(3).any(|digit| digit.is_ascii_digit() && (digit - b'0') & 1 == 1)
}
