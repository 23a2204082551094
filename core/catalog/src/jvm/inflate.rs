//! Entries of zip archives, taken out within bounds.

use flate2::{Decompress, FlushDecompress, Status};
use lazaret_model::{Limits, Problem, ProblemKind, RandomAccess};

use crate::jvm::zip::{DEFLATED, Place, STORED, ZipError};

/// Takes entries out of an archive and of those within it, and counts the work for all of them together: entries may
/// lie upon each other, so that each alone is harmless and all are not.
pub(crate) struct Inflater {
    decompress: Decompress,
    input: Vec<u8>,
    /// How many bytes may still be brought forth.
    left: u64,
    ratio: u64,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum InflateError {
    #[error(transparent)]
    Zip(#[from] ZipError),
    #[error("it is encrypted")]
    Encrypted,
    #[error("its compression method {0} is unknown")]
    Method(u16),
    #[error("its compressed bytes are damaged")]
    Damaged,
    #[error("it has more than {0} bytes")]
    TooLarge(u64),
    #[error("it inflates to more than {0} times its size")]
    Ratio(u64),
    #[error("the archive asks for too much work")]
    TooMuchWork,
}

impl InflateError {
    /// That something could not be read of an archive.
    pub(crate) fn of(&self, subject: &str) -> Problem {
        let kind = match self {
            Self::Encrypted | Self::Method(_) => ProblemKind::Unsupported,
            Self::TooLarge(_) | Self::Ratio(_) | Self::TooMuchWork => ProblemKind::Limit,
            Self::Zip(ZipError::Unreadable(_)) => ProblemKind::Unreadable,
            Self::Zip(_) | Self::Damaged => ProblemKind::Malformed,
        };
        Problem::new(kind, subject, self.to_string())
    }
}

/// Archives are compressed once: real ones bring forth about three times their size, whatever is nested in them.
const WORK_FOR_EACH_BYTE: u64 = 16;
const WORK_FOR_ALL: u64 = 64 << 20;

/// The ratio counts from here on.
const RATIO_FREE: u64 = 1 << 20;

const INPUT: usize = 32 << 10;

impl Inflater {
    /// For an archive of so many bytes.
    pub(crate) fn new(archive: u64, limits: &Limits) -> Self {
        let work = archive.saturating_mul(WORK_FOR_EACH_BYTE).saturating_add(WORK_FOR_ALL);
        Self {
            decompress: Decompress::new(false),
            input: Vec::new(),
            left: work.min(limits.archive_bytes),
            ratio: u64::from(limits.ratio.max(1)),
        }
    }

    /// Counts work that brings nothing forth, such as reading a directory.
    pub(crate) fn spend(&mut self, work: u64) -> Result<(), InflateError> {
        match self.left.checked_sub(work) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                self.left = 0;
                Err(InflateError::TooMuchWork)
            }
        }
    }

    /// The first bytes of an entry: no more are inflated.
    pub(crate) fn beginning(
        &mut self,
        file: &mut dyn RandomAccess,
        place: Place,
        name: &str,
        most: u64,
    ) -> Result<Vec<u8>, InflateError> {
        self.take(file, place, name, most, true)
    }

    /// A whole entry, which may have so many bytes at most.
    pub(crate) fn whole(
        &mut self,
        file: &mut dyn RandomAccess,
        place: Place,
        name: &str,
        most: u64,
    ) -> Result<Vec<u8>, InflateError> {
        if place.size > most {
            return Err(InflateError::TooLarge(most));
        }
        self.take(file, place, name, most, false)
    }

    fn take(
        &mut self,
        file: &mut dyn RandomAccess,
        place: Place,
        name: &str,
        most: u64,
        beginning: bool,
    ) -> Result<Vec<u8>, InflateError> {
        self.spend(1)?;
        if place.encrypted {
            return Err(InflateError::Encrypted);
        }
        let content = place.content(file, name)?;
        match place.method {
            STORED if place.compressed > most && !beginning => Err(InflateError::TooLarge(most)),
            STORED => {
                let bytes = place.compressed.min(most);
                self.spend(bytes)?;
                let mut output = vec![0; usize::try_from(bytes).map_err(|_| InflateError::TooLarge(most))?];
                file.read_at(content, &mut output).map_err(ZipError::from)?;
                Ok(output)
            }
            DEFLATED => self.inflate(file, content, place.compressed, most, beginning),
            method => Err(InflateError::Method(method)),
        }
    }

    fn inflate(
        &mut self,
        file: &mut dyn RandomAccess,
        mut at: u64,
        compressed: u64,
        most: u64,
        beginning: bool,
    ) -> Result<Vec<u8>, InflateError> {
        let end = at + compressed;
        self.decompress.reset(false);
        // The vector grows with what comes, not with what is stated.
        let mut output = Vec::with_capacity(INPUT.min(usize::try_from(most).unwrap_or(INPUT)));
        loop {
            let piece = usize::try_from(end - at).unwrap_or(INPUT).min(INPUT);
            self.input.resize(piece, 0);
            file.read_at(at, &mut self.input).map_err(ZipError::from)?;
            at += piece as u64;
            let mut taken = 0;
            loop {
                if output.len() == output.capacity() {
                    output.reserve(output.len().max(INPUT));
                }
                let (read, written) = (self.decompress.total_in(), output.len());
                let status = self
                    .decompress
                    .decompress_vec(&self.input[taken..], &mut output, FlushDecompress::None)
                    .map_err(|_| InflateError::Damaged)?;
                let consumed = usize::try_from(self.decompress.total_in() - read).unwrap_or(usize::MAX);
                taken += consumed;
                let (produced, total) = (output.len() - written, output.len() as u64);
                self.spend(produced as u64)?;
                if total > RATIO_FREE && total / self.ratio > compressed {
                    return Err(InflateError::Ratio(self.ratio));
                }
                if total > most && !beginning {
                    return Err(InflateError::TooLarge(most));
                }
                if status == Status::StreamEnd || (beginning && total >= most) {
                    output.truncate(usize::try_from(most).unwrap_or(usize::MAX));
                    return Ok(output);
                }
                if taken == self.input.len() && output.len() < output.capacity() {
                    break;
                }
                if consumed == 0 && produced == 0 && output.len() < output.capacity() {
                    return Err(InflateError::Damaged);
                }
            }
            if at == end {
                return Err(InflateError::Damaged);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::DeflateEncoder;

    use super::*;
    use crate::in_memory::InMemory;

    /// An entry of so many zeros.
    fn zeros(count: usize) -> (Vec<u8>, Place) {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&vec![0; count]).unwrap();
        let body = encoder.finish().unwrap();
        let mut file = b"PK\x03\x04".to_vec();
        file.extend([0; 26]);
        file.extend(&body);
        let place = Place {
            method: DEFLATED,
            encrypted: false,
            compressed: body.len() as u64,
            size: count as u64,
            header: 0,
        };
        (file, place)
    }

    fn limits() -> Limits {
        Limits { archive_bytes: 3 << 20, ..Limits::default() }
    }

    #[test]
    fn no_more_is_inflated_than_is_wanted() {
        let (file, place) = zeros(2 << 20);
        let mut inflater = Inflater::new(file.len() as u64, &limits());
        let beginning = inflater.beginning(&mut InMemory(&file), place, "x", 100).unwrap();
        assert_eq!(beginning, [0; 100]);
        assert!(inflater.left > (2 << 20), "{}", inflater.left);
        assert_eq!(inflater.whole(&mut InMemory(&file), place, "x", 2 << 20).unwrap().len(), 2 << 20);
        // What was brought forth before counts.
        let again = inflater.whole(&mut InMemory(&file), place, "x", 2 << 20);
        assert!(matches!(again, Err(InflateError::TooMuchWork)));
    }

    #[test]
    fn bounds_are_told_apart() {
        let (file, place) = zeros(2 << 20);
        let whole = |place, most, limits: &Limits| {
            Inflater::new(file.len() as u64, limits).whole(&mut InMemory(&file), place, "x", most)
        };
        assert!(matches!(whole(place, 100, &limits()), Err(InflateError::TooLarge(100))));
        assert!(matches!(
            whole(Place { size: 1, ..place }, 100, &limits()),
            Err(InflateError::TooLarge(100))
        ));
        let steep = Limits { ratio: 10, ..limits() };
        assert!(matches!(whole(place, 2 << 20, &steep), Err(InflateError::Ratio(10))));
        let cut = Place { compressed: place.compressed - 1, ..place };
        assert!(matches!(whole(cut, 2 << 20, &limits()), Err(InflateError::Damaged)));
        let none = Place { compressed: 0, ..place };
        assert!(matches!(whole(none, 2 << 20, &limits()), Err(InflateError::Damaged)));
    }
}
