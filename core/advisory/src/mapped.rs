//! The one place of this crate that needs `unsafe`, and the one that touches a file.
#![expect(clippy::disallowed_types, reason = "an open file is mapped here; opening it is the caller's")]

use std::fs::File;
use std::io;

use memmap2::Mmap;

use crate::database::{Database, DatabaseError};

impl Database {
    /// Opens a database file by mapping it, which reads next to nothing. Checks the header, not the content.
    ///
    /// The file must not be written to while it is open: a new database replaces the file's name.
    pub fn map(file: &File) -> Result<Self, DatabaseError> {
        Self::from_mapping(map(file)?)
    }
}

fn map(file: &File) -> io::Result<Mmap> {
    #[expect(unsafe_code, reason = "mapping a file is unsafe: nothing can stop others from writing to it")]
    // SAFETY: a database file is never written to after it got its name: it is written under another name
    // and renamed, and a new one replaces the name and not the content, which this mapping keeps alive.
    // If someone with the right to write the file breaks that rule, reads see other bytes, which every
    // reader here checks like any foreign bytes, or the process gets SIGBUS where the file was cut off.
    unsafe {
        Mmap::map(file)
    }
}
