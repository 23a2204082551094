//! The members of a `.deb`'s data archive, as dpkg writes it: GNU tar with long names, or pax.

use std::io::{self, Read};

const BLOCK: usize = 512;

#[derive(Debug, thiserror::Error)]
pub enum TarError {
    #[error(transparent)]
    Read(#[from] io::Error),
    #[error("its header {position} has a wrong checksum")]
    Checksum { position: u64 },
    #[error("its header {position} holds something that is no number")]
    Number { position: u64 },
    #[error("it has more than {limit} members")]
    Members { limit: u64 },
    #[error("a name in it is longer than {limit} bytes")]
    Name { limit: usize },
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// Relative, without a leading `./` or `/`.
    pub(super) path: Vec<u8>,
    pub(super) kind: Kind,
    pub(super) size: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Symlink { target: Vec<u8> },
    Other,
}

pub(super) struct Members<R> {
    reader: R,
    /// Bytes of the current member, padding included, that were not read yet.
    pending: u64,
    /// Of `pending`, what is padding.
    padding: u64,
    position: u64,
    most_members: u64,
    most_name: usize,
}

/// What an extension header says of the member after it.
#[derive(Default)]
struct Extension {
    path: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
}

impl<R: Read> Members<R> {
    pub(super) fn new(reader: R, most_members: u64, most_name: usize) -> Self {
        Self { reader, pending: 0, padding: 0, position: 0, most_members, most_name }
    }

    /// The next member; what was not read of the one before is skipped.
    pub(super) fn next(&mut self) -> Result<Option<Member>, TarError> {
        let mut extension = Extension::default();
        loop {
            self.skip()?;
            let mut header = [0; BLOCK];
            self.reader.read_exact(&mut header)?;
            self.position += 1;
            if header == [0; BLOCK] {
                return Ok(None);
            }
            if self.position > self.most_members {
                return Err(TarError::Members { limit: self.most_members });
            }
            let wrong_number = TarError::Number { position: self.position };
            if number(&header[148..156]) != Some(checksum(&header)) {
                return Err(TarError::Checksum { position: self.position });
            }
            let mut size = number(&header[124..136]).ok_or(wrong_number)?;
            let kind = header[156];
            if !matches!(kind, b'L' | b'K' | b'x' | b'g') {
                size = extension.size.unwrap_or(size);
            }
            // Links, directories and devices have no content, whatever their size says (POSIX pax, "ustar
            // Interchange Format").
            if matches!(kind, b'1'..=b'6') {
                size = 0;
            }
            self.padding = size.wrapping_neg() % 512;
            self.pending =
                size.checked_add(self.padding).ok_or(TarError::Number { position: self.position })?;
            match kind {
                b'L' => extension.path = Some(until_nul(&self.extension()?).to_vec()),
                b'K' => extension.target = Some(until_nul(&self.extension()?).to_vec()),
                b'x' => read_pax(&self.extension()?, &mut extension),
                b'g' => {}
                _ => return self.member(&header, kind, size, extension).map(Some),
            }
        }
    }

    /// The content of the current member up to `most` bytes; `None` if it has more.
    pub(super) fn content(&mut self, most: u64) -> Result<Option<Vec<u8>>, TarError> {
        let size = self.pending - self.padding;
        if size > most {
            return Ok(None);
        }
        let mut content = Vec::new();
        let read = (&mut self.reader).take(size).read_to_end(&mut content)?;
        self.pending -= u64::try_from(read).unwrap_or(u64::MAX).min(self.pending);
        if self.pending != self.padding {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Ok(Some(content))
    }

    fn member(
        &self,
        header: &[u8; BLOCK],
        kind: u8,
        size: u64,
        extension: Extension,
    ) -> Result<Member, TarError> {
        let mut path = extension.path.unwrap_or_else(|| {
            let name = until_nul(&header[..100]);
            // GNU tar uses the prefix's place for something else; its magic differs in the seventh byte.
            match until_nul(&header[345..500]) {
                prefix if &header[257..263] == b"ustar\0" && !prefix.is_empty() => {
                    [prefix, b"/", name].concat()
                }
                _ => name.to_vec(),
            }
        });
        let target = extension.target.unwrap_or_else(|| until_nul(&header[157..257]).to_vec());
        if path.len() > self.most_name || target.len() > self.most_name {
            return Err(TarError::Name { limit: self.most_name });
        }
        while let Some(rest) = path.strip_prefix(b"./").or_else(|| path.strip_prefix(b"/")) {
            path = rest.to_vec();
        }
        let kind = match kind {
            b'0' | b'7' | 0 => Kind::File,
            b'2' => Kind::Symlink { target },
            _ => Kind::Other,
        };
        Ok(Member { path, kind, size })
    }

    fn extension(&mut self) -> Result<Vec<u8>, TarError> {
        // A pax header holds a few records beside the name.
        let most = u64::try_from(self.most_name).unwrap_or(u64::MAX).saturating_mul(4);
        self.content(most)?.ok_or(TarError::Name { limit: self.most_name })
    }

    fn skip(&mut self) -> Result<(), TarError> {
        let skipped = io::copy(&mut (&mut self.reader).take(self.pending), &mut io::sink())?;
        if skipped != self.pending {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        self.pending = 0;
        Ok(())
    }
}

/// `LENGTH NAME=VALUE\n` (POSIX pax, "pax Extended Header").
fn read_pax(mut records: &[u8], extension: &mut Extension) {
    while let Some(space) = records.iter().position(|byte| *byte == b' ') {
        let length =
            std::str::from_utf8(&records[..space]).ok().and_then(|digits| digits.parse::<usize>().ok());
        let Some((record, rest)) = length.and_then(|length| records.split_at_checked(length)) else { return };
        let Some(record) = record.get(space + 1..).and_then(|record| record.strip_suffix(b"\n")) else {
            return;
        };
        if let Some(path) = record.strip_prefix(b"path=") {
            extension.path = Some(path.to_vec());
        } else if let Some(target) = record.strip_prefix(b"linkpath=") {
            extension.target = Some(target.to_vec());
        } else if let Some(size) = record.strip_prefix(b"size=") {
            extension.size = std::str::from_utf8(size).ok().and_then(|size| size.parse().ok());
        }
        records = rest;
    }
}

/// Octal digits with blanks around them, or GNU's binary form for large numbers.
fn number(field: &[u8]) -> Option<u64> {
    if field.first().is_some_and(|byte| byte & 0x80 != 0) {
        let (high, low) = field.split_at(field.len().saturating_sub(8));
        let is_small =
            high.split_first().is_some_and(|(first, rest)| *first == 0x80 && rest.iter().all(|b| *b == 0));
        return is_small.then(|| low.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)));
    }
    let digits = until_nul(field).trim_ascii();
    digits.iter().try_fold(0u64, |number, digit| match digit {
        b'0'..=b'7' => number.checked_mul(8)?.checked_add(u64::from(digit - b'0')),
        _ => None,
    })
}

fn checksum(header: &[u8; BLOCK]) -> u64 {
    let field = 148..156;
    header
        .iter()
        .enumerate()
        .map(|(at, byte)| u64::from(if field.contains(&at) { b' ' } else { *byte }))
        .sum()
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A member as GNU tar writes it.
    pub(crate) fn member(path: &str, kind: u8, target: &str, content: &[u8]) -> Vec<u8> {
        let mut header = [0; BLOCK];
        header[..path.len()].copy_from_slice(path.as_bytes());
        header[100..107].copy_from_slice(b"0000644");
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[156] = kind;
        header[157..157 + target.len()].copy_from_slice(target.as_bytes());
        header[257..265].copy_from_slice(b"ustar  \0");
        let sum = checksum(&header);
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let padding = vec![0; content.len().wrapping_neg() % BLOCK];
        [&header[..], content, &padding].concat()
    }

    fn all(archive: &[u8]) -> Result<Vec<(String, Kind, Vec<u8>)>, TarError> {
        let mut members = Members::new(archive, 1000, 4096);
        let mut found = Vec::new();
        while let Some(member) = members.next()? {
            let content = members.content(1 << 20)?.unwrap_or_default();
            found.push((String::from_utf8_lossy(&member.path).into_owned(), member.kind, content));
        }
        Ok(found)
    }

    #[test]
    fn reads_members_links_and_long_names() {
        let long = "long/".repeat(60);
        let archive = [
            member("./usr/", b'5', "", b""),
            member("./usr/a", b'0', "", b"content"),
            member("./usr/l", b'2', "a", b""),
            member("././@LongLink", b'L', "", format!("./{long}\0").as_bytes()),
            member("./cut", b'0', "", &[7; 513]),
            member("./pax", b'x', "", b"20 path=other/place\n"),
            member("./x", b'0', "", b""),
            vec![0; 1024],
        ]
        .concat();
        let found = all(&archive).unwrap();
        assert_eq!(found[0], ("usr/".into(), Kind::Other, vec![]));
        assert_eq!(found[1], ("usr/a".into(), Kind::File, b"content".to_vec()));
        assert_eq!(found[2], ("usr/l".into(), Kind::Symlink { target: b"a".to_vec() }, vec![]));
        assert_eq!(found[3], (long, Kind::File, vec![7; 513]));
        assert_eq!(found[4].0, "other/place");
        assert_eq!(found.len(), 5);
    }

    #[test]
    fn refuses_what_is_cut_off_or_damaged() {
        let archive = [member("a", b'0', "", b"content"), vec![0; 1024]].concat();
        assert!(matches!(all(&archive[..600]), Err(TarError::Read(_))));
        assert!(matches!(all(&archive[..1024]), Err(TarError::Read(_))), "the end mark is missing");
        let mut damaged = archive.clone();
        damaged[3] ^= 1;
        assert!(matches!(all(&damaged), Err(TarError::Checksum { position: 1 })));
        let mut members = Members::new(&archive[..], 0, 10);
        assert!(matches!(members.next(), Err(TarError::Members { limit: 0 })));
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let _ = all(&bytes);
        }

        #[test]
        fn changed_archives_are_refused_or_read(at in 0usize..3000, byte in any::<u8>(), fix in any::<bool>()) {
            let mut archive = [
                member("./pax", b'x', "", b"20 path=other/place\n"),
                member("a", b'0', "", b"content"),
                vec![0; 1024],
            ]
            .concat();
            let at = at % archive.len();
            archive[at] = byte;
            if fix {
                let start = at / BLOCK * BLOCK;
                let header: &mut [u8; BLOCK] = (&mut archive[start..start + BLOCK]).try_into().unwrap();
                let sum = checksum(header);
                header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            }
            let _ = all(&archive);
        }
    }
}
