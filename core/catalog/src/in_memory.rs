//! A file whose content, or whose beginning, is in memory.

use std::io;

use lazaret_model::RandomAccess;

pub(crate) struct InMemory<'b>(pub(crate) &'b [u8]);

impl RandomAccess for InMemory<'_> {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let part = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.0.get(offset..offset.checked_add(buffer.len())?))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(part);
        Ok(())
    }
}
