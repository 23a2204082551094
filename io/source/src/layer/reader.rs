//! Walks the members of a tar archive.

use std::io::{self, BufRead, Read};

use lazaret_model::FILE_CAPABILITIES;

use super::body::Body;
use super::header::{self, BLOCK, Block, Format, Header};
use super::input::{Input, fill};
use super::pax::{self, Pax};
use super::sparse::{self, Segment, Sparse, Version};
use crate::budget::Exceeded;
use crate::problems::{Problems, lossy};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    HardLink,
    Symlink,
    Directory,
    Special,
}

/// One member; its names are at [`TarReader::name`] and [`TarReader::link`].
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) kind: Kind,
    pub(crate) mode: u16,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Size of the content, holes included.
    pub(crate) size: u64,
    /// Where the stored bytes are in the archive, and how many.
    pub(crate) start: u64,
    pub(crate) stored: u64,
    pub(crate) segments: Option<Box<[Segment]>>,
}

pub(crate) struct TarReader<I> {
    input: I,
    /// What problems with the archive as a whole are about.
    subject: String,
    name: Vec<u8>,
    link: Vec<u8>,
    /// Bytes of the current body that were not read, and the padding after them.
    left: u64,
    padding: u64,
    ended: bool,
    broken: bool,
}

/// What extended headers say of the next member.
#[derive(Default)]
struct Pending {
    pax: Option<Pax>,
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    odd: Option<&'static str>,
}

/// Why nothing more is read.
enum Stop {
    /// As it should.
    End,
    Io(io::Error),
    Malformed(&'static str),
    TooLarge(&'static str),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl<I: Input> TarReader<I> {
    pub(crate) fn new(input: I, subject: impl Into<String>) -> Self {
        let (name, link) = (Vec::new(), Vec::new());
        Self { input, subject: subject.into(), name, link, left: 0, padding: 0, ended: false, broken: false }
    }

    /// Name of the current member, as stored.
    pub(crate) fn name(&self) -> &[u8] {
        &self.name
    }

    /// Link target of the current member, as stored.
    pub(crate) fn link(&self) -> &[u8] {
        &self.link
    }

    /// What is behind the archive, if that was read to its end.
    pub(crate) fn rest(&mut self) -> Option<&mut I> {
        (!self.broken).then_some(&mut self.input)
    }

    /// The next member; nothing at the end of what can be read.
    pub(crate) fn next(&mut self, problems: &mut Problems) -> Option<Member> {
        if self.ended {
            return None;
        }
        let stop = match self.advance(problems) {
            Ok(member) => return Some(member),
            Err(stop) => stop,
        };
        self.ended = true;
        self.broken = !matches!(stop, Stop::End);
        let at = self.input.position();
        let rest = |why: &str| format!("at byte {at}: {why}; the rest was not read");
        match stop {
            Stop::End => {}
            Stop::Io(error) => problems.io(&self.subject, &error),
            Stop::Malformed(why) => problems.malformed(&self.subject, rest(why)),
            Stop::TooLarge(why) => problems.limit(&self.subject, Exceeded::new(rest(why))),
        }
        None
    }

    fn advance(&mut self, problems: &mut Problems) -> Result<Member, Stop> {
        let mut pending = Pending::default();
        loop {
            self.finish_body()?;
            let Some(block) = self.header_block(problems, &pending)? else { return Err(Stop::End) };
            let header = header::parse(&block, &mut self.name, &mut self.link).map_err(Stop::Malformed)?;
            if header.size < 0 && has_body(header.flag) {
                return Err(Stop::Malformed("the header's size is negative"));
            }
            match header.flag {
                b'x' => {
                    if pending.pax.is_some() {
                        pending.odd =
                            Some("two extended headers for one member: readers differ on which counts");
                    }
                    let records = self.special(&header)?;
                    pending.pax = Some(pax::parse(&records).map_err(Stop::Malformed)?);
                }
                b'g' => {
                    let records = self.special(&header)?;
                    self.global(&records, std::mem::take(&mut pending), problems)?;
                }
                b'L' | b'K' => {
                    let mut long = self.special(&header)?;
                    long.truncate(header::string(&long).len());
                    let slot = if header.flag == b'L' { &mut pending.name } else { &mut pending.link };
                    if slot.replace(long).is_some() {
                        pending.odd = Some("two long names for one member: readers differ on which counts");
                    }
                }
                _ => return self.member(&block, header, pending, problems),
            }
        }
    }

    /// Passes over what is left of the current body.
    fn finish_body(&mut self) -> Result<(), Stop> {
        let left = std::mem::take(&mut self.left);
        if self.input.skip(left)? < left {
            return Err(Stop::Malformed("the archive ends within a file"));
        }
        // A last block that is not filled up is no loss; the end is noticed at the next header.
        self.input.skip(std::mem::take(&mut self.padding))?;
        Ok(())
    }

    fn header_block(&mut self, problems: &mut Problems, pending: &Pending) -> Result<Option<Block>, Stop> {
        let block = match self.block()? {
            Some(block) if block == [0; BLOCK] => match self.block()? {
                Some(second) if second != [0; BLOCK] => {
                    return Err(Stop::Malformed("a header follows the end mark"));
                }
                _ => None,
            },
            other => other,
        };
        if block.is_none() && (pending.pax.is_some() || pending.name.is_some() || pending.link.is_some()) {
            problems.malformed(&self.subject, "the archive ends with an extended header for no member");
        }
        Ok(block)
    }

    fn block(&mut self) -> Result<Option<Block>, Stop> {
        let mut block = [0; BLOCK];
        match fill(&mut self.input, &mut block)? {
            0 => Ok(None),
            BLOCK => Ok(Some(block)),
            _ => Err(Stop::Malformed("the archive ends within a header")),
        }
    }

    /// The body of a member that is about another one.
    fn special(&mut self, header: &Header) -> Result<Vec<u8>, Stop> {
        self.set_body(header.size.unsigned_abs());
        if self.left > pax::LARGEST {
            return Err(Stop::TooLarge("an extended header is larger than a mebibyte"));
        }
        let mut bytes = Vec::new();
        let size = self.left;
        self.stored_body().read_to_end(&mut bytes)?;
        if (bytes.len() as u64) < size {
            return Err(Stop::Malformed("the archive ends within an extended header"));
        }
        Ok(bytes)
    }

    /// Go, and with it every engine, applies no global header to members and forgets what came before
    /// it; GNU tar applies it to all that follows.
    fn global(&mut self, records: &[u8], pending: Pending, problems: &mut Problems) -> Result<(), Stop> {
        let global = pax::parse(records).map_err(Stop::Malformed)?;
        if global.matters() {
            problems.malformed(&self.subject, "a global header sets names or sizes: readers differ on them");
        }
        if pending.pax.is_some() || pending.name.is_some() || pending.link.is_some() {
            problems.malformed(&self.subject, "a global header parts a member from its extended header");
        }
        Ok(())
    }

    fn member(
        &mut self,
        block: &Block,
        header: Header,
        pending: Pending,
        problems: &mut Problems,
    ) -> Result<Member, Stop> {
        let pax = pending.pax.unwrap_or_default();
        let mut odd = header.oddity.or(pending.odd);
        self.apply_names(&pax, pending.name, pending.link, &mut odd);
        let stored_size = pax.size.unwrap_or(header.size);

        let mut flag = header.flag;
        let slash = self.name.last() == Some(&b'/');
        if flag == 0 {
            flag = if slash { b'5' } else { b'0' };
            if slash && stored_size != 0 {
                odd = Some("an old directory entry has a size: readers differ on where the next header is");
            }
        } else if slash && matches!(flag, b'0' | b'7') {
            odd = Some("a file's name ends in a slash: readers differ on whether it is a directory");
        }
        if matches!(flag, b'2' | b'3' | b'4' | b'6') && stored_size != 0 {
            odd = Some("a member without content has a size: readers differ on where the next header is");
        }
        let stored = match u64::try_from(stored_size) {
            _ if !has_body(flag) => 0,
            Ok(size) => size,
            Err(_) => return Err(Stop::Malformed("a size is negative")),
        };
        self.set_body(stored);
        let sparse = self.sparse(flag, stored, block, &header, &pax, &mut odd)?;

        let kind = match flag {
            b'0' | b'S' => Kind::File,
            b'1' => Kind::HardLink,
            b'2' => Kind::Symlink,
            b'5' | b'D' => Kind::Directory,
            b'3' | b'4' | b'6' => Kind::Special,
            _ => {
                // POSIX: what is not known is a file. The engines refuse such a layer.
                let detail =
                    format!("a member of the unknown type {:?} was read as a file", char::from(flag));
                problems.unsupported(lossy(&self.name), detail);
                Kind::File
            }
        };
        if let Some(odd) = odd.or(pax.odd) {
            problems.malformed(lossy(&self.name), odd);
        }
        let capabilities =
            if pax.capable && matches!(kind, Kind::File | Kind::HardLink) { FILE_CAPABILITIES } else { 0 };
        let size = sparse.as_ref().map_or(stored, |sparse| sparse.size);
        Ok(Member {
            kind,
            mode: u16::try_from(header.mode & 0o7777).unwrap_or_default() | capabilities,
            uid: saturated(pax.uid.unwrap_or(header.uid)),
            gid: saturated(pax.gid.unwrap_or(header.gid)),
            size,
            start: self.input.position(),
            stored: self.left,
            segments: sparse.map(|sparse| sparse.segments.into()),
        })
    }

    /// Go: header, then pax, then GNU's long names.
    fn apply_names(
        &mut self,
        pax: &Pax,
        name: Option<Vec<u8>>,
        link: Option<Vec<u8>>,
        odd: &mut Option<&'static str>,
    ) {
        for (target, pax, long) in [(&mut self.name, &pax.path, name), (&mut self.link, &pax.link, link)] {
            let long = long.filter(|long| !long.is_empty());
            if !pax.is_empty() {
                target.clone_from(pax);
            }
            if let Some(long) = long {
                if !pax.is_empty() && *pax != long {
                    *odd = Some(
                        "two kinds of extended header give it different names: readers differ on which counts",
                    );
                }
                *target = long;
            }
        }
    }

    fn sparse(
        &mut self,
        flag: u8,
        stored: u64,
        block: &Block,
        header: &Header,
        pax: &Pax,
        odd: &mut Option<&'static str>,
    ) -> Result<Option<Sparse>, Stop> {
        let (size, pairs) = if flag == b'S' {
            if header.format != Format::Gnu {
                return Err(Stop::Malformed("a sparse member of a format other than GNU's"));
            }
            // The extension blocks are not counted in the size.
            sparse::read_old_gnu_map(block, || raw_block(&mut self.input))?.map_err(Stop::Malformed)?
        } else {
            let pairs = match pax.sparse.version() {
                Version::None => return Ok(None),
                Version::Unknown => {
                    *odd = Some("it is sparse in an unknown way and was read as it is stored");
                    return Ok(None);
                }
                Version::Records => pax.sparse.segments().map_err(Stop::Malformed)?,
                Version::Body => {
                    let mut body = self.stored_body();
                    sparse::read_body_map(|| raw_block(&mut body))?.map_err(Stop::Malformed)?
                }
            };
            if !pax.sparse.name.is_empty() {
                self.name.clone_from(&pax.sparse.name);
            }
            let stated = pax.sparse.logical_size().map_err(Stop::Malformed)?;
            (stated.unwrap_or(i64::try_from(stored).unwrap_or(i64::MAX)), pairs)
        };
        if !has_body(flag) {
            return Err(Stop::Malformed("a member without content claims to be sparse"));
        }
        sparse::validate(size, &pairs).map(Some).map_err(Stop::Malformed)
    }

    fn set_body(&mut self, size: u64) {
        self.left = size;
        self.padding = size.wrapping_neg() % BLOCK as u64;
    }

    /// The stored bytes of the current member that were not read yet.
    pub(crate) fn stored_body(&mut self) -> Body<'_, I> {
        Body::new(&mut self.input, &mut self.left)
    }

    /// Passes the content of the current member, holes included, to the sink.
    pub(crate) fn content(
        &mut self,
        member: &Member,
        sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut body = self.stored_body();
        match &member.segments {
            None => body.copy(member.stored, sink),
            Some(segments) => {
                check_stored(member.stored, segments)?;
                sparse::expand(member.size, segments, sink, |length, sink| body.copy(length, sink))
            }
        }
    }
}

/// Go fails to read a sparse file whose map does not fit what is stored.
pub(crate) fn check_stored(stored: u64, segments: &[Segment]) -> io::Result<()> {
    if segments.iter().map(|segment| segment.length).sum::<u64>() == stored {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "the map of a sparse file does not fit what is stored"))
}

/// Types that Go gives no body, whatever size they state.
fn has_body(flag: u8) -> bool {
    !matches!(flag, b'1'..=b'6')
}

fn saturated(id: i64) -> u32 {
    u32::try_from(id.max(0)).unwrap_or(u32::MAX)
}

fn raw_block(input: &mut impl BufRead) -> io::Result<Option<Block>> {
    let mut block = [0; BLOCK];
    Ok((fill(input, &mut block)? == BLOCK).then_some(block))
}
