//! Extraction from files that are read as a whole, because they are small.

use std::io;

use lazaret_model::{Extracted, Limits, Problem, ProblemKind, RandomAccess};

use crate::reading::lossy;

/// What `reduce` makes of a file's content; a problem for files beyond [`Limits::file_bytes`].
pub(crate) fn extract(
    file: &mut dyn RandomAccess,
    path: &[u8],
    limits: &Limits,
    reduce: impl FnOnce(&[u8]) -> Vec<u8>,
) -> Extracted {
    let problem = |kind, detail: String| Extracted {
        bytes: Vec::new(),
        problems: vec![Problem::new(kind, lossy(path), detail)],
    };
    let length = match usize::try_from(file.size()) {
        Ok(length) if file.size() <= limits.file_bytes => length,
        _ => return problem(ProblemKind::Limit, format!("more than {} bytes", limits.file_bytes)),
    };
    let mut content = vec![0; length];
    match file.read_at(0, &mut content) {
        Ok(()) => Extracted { bytes: reduce(&content), problems: Vec::new() },
        Err(error) => problem(ProblemKind::Unreadable, error.to_string()),
    }
}

/// Bytes as a file.
pub(crate) struct Slice<'a>(pub(crate) &'a [u8]);

impl RandomAccess for Slice<'_> {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).ok();
        let bytes = start.and_then(|start| self.0.get(start..start.checked_add(buffer.len())?));
        buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_within_the_limits() {
        let read = |limit| {
            let limits = Limits { file_bytes: limit, ..Limits::default() };
            extract(&mut Slice(b"abc"), b"x", &limits, |content| content.to_ascii_uppercase())
        };
        assert_eq!(read(3), Extracted { bytes: b"ABC".to_vec(), problems: vec![] });
        assert_eq!(read(2).problems[0].kind, ProblemKind::Limit);
    }
}
