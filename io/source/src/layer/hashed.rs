//! The digest of what a decoder takes, made while it takes it.

use std::cell::RefCell;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

use lazaret_model::Digest;
use sha2::{Digest as _, Sha256};

/// Passes bytes on; its clones know what passed.
pub(crate) struct Hashed<R> {
    inner: R,
    passed: Passed,
}

/// What passed so far.
#[derive(Clone, Default)]
pub(crate) struct Passed(Rc<RefCell<(Sha256, u64)>>);

impl Passed {
    /// The digest of what passed and how many bytes it has.
    pub(crate) fn so_far(&self) -> (Digest, u64) {
        let (hash, length) = &*self.0.borrow();
        (Digest::from_bytes(hash.clone().finalize().into()), *length)
    }

    fn add(&self, bytes: &[u8]) {
        let (hash, length) = &mut *self.0.borrow_mut();
        hash.update(bytes);
        *length += bytes.len() as u64;
    }
}

impl<R: BufRead> Hashed<R> {
    pub(crate) fn new(inner: R) -> (Self, Passed) {
        let passed = Passed::default();
        (Self { inner, passed: passed.clone() }, passed)
    }
}

impl<R: BufRead> BufRead for Hashed<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        // What is consumed was given by `fill_buf` before, and lies in the buffer still.
        if let Ok(there) = self.inner.fill_buf() {
            self.passed.add(there.get(..bytes).unwrap_or(there));
        }
        self.inner.consume(bytes);
    }
}

impl<R: BufRead> Read for Hashed<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        self.passed.add(&out[..read]);
        Ok(read)
    }
}
