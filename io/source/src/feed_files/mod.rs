//! Files that advisories are published in: a document, an archive of documents, a directory of both.
//!
//! A document may be compressed (gzip, zstd, bzip2, xz), an archive is a zip or a tar, which may be compressed too.
//! Everything is told by content, streams by within [`Limits`] and is never unpacked to disk. Links are not
//! followed, and what is hidden in a directory (`.git`) is not looked at.

mod compressed;
mod directory;
mod pass;
mod zip;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use lazaret_model::{Digest, Limits, Problem, ProblemKind};
use sha2::{Digest as _, Sha256};

use crate::budget::{Budget, Exceeded};
use crate::error::SourceError;
use crate::layer::{Kind, StreamInput, TarReader, Window, fill};
use crate::problems::Problems;
use pass::Pass;

/// Gets a document's name and bytes, and says whether to go on.
pub type Visit<'v> = &'v mut dyn FnMut(&str, Vec<u8>) -> ControlFlow<()>;

/// How documents lie at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Document,
    Archive,
    Directory,
}

/// What a passage came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// Documents that were given.
    pub documents: u64,
    /// What could not be read, while the rest was.
    pub problems: Vec<Problem>,
}

/// Gives every document at a path: those of archives in their order, those of directories by name.
///
/// An archive that is cut off or damaged is an error, however much of it was given before: what is missing may be
/// anything. A document that is too large, or stored in a way that is not read, is a problem.
pub fn documents(path: &Path, limits: &Limits, visit: Visit<'_>) -> Result<Passed, SourceError> {
    let mut pass = Pass::new(limits, visit);
    let _flow = match path.is_dir() {
        true => directory::documents(path, &mut pass)?,
        false => {
            let file = File::open(path).map_err(|source| file_error(path, source))?;
            in_file(&name_of(path), file, &mut pass).map_err(|error| broken(path, error))?
        }
    };
    Ok(Passed { documents: pass.documents, problems: pass.problems.into_list() })
}

/// Looks at the beginning of a path.
pub fn shape(path: &Path, limits: &Limits) -> Result<Shape, SourceError> {
    if path.is_dir() {
        return Ok(Shape::Directory);
    }
    let look = || {
        let mut input = BufReader::new(File::open(path)?);
        if zip::is_zip(input.fill_buf()?) {
            return Ok(Shape::Archive);
        }
        let mut head = [0; BLOCK];
        let read = fill(&mut compressed::open(input, &Budget::new(limits))?, &mut head)?;
        Ok(if is_tar(&head[..read]) { Shape::Archive } else { Shape::Document })
    };
    look().map_err(|error| broken(path, error))
}

/// SHA-256 of a file, or of the names and contents of all files in a directory: the same as long as nothing changed.
pub fn digest(path: &Path, limits: &Limits) -> Result<Digest, SourceError> {
    let budget = &mut Budget::new(limits);
    let digest = match path.is_dir() {
        true => directory::digest(path, budget)?,
        false => file_digest(File::open(path), budget).map_err(|source| file_error(path, source))?,
    };
    Ok(Digest::from_bytes(digest))
}

const BLOCK: usize = 512;

/// The magic of POSIX and GNU tar (POSIX.1-2024, "ustar Interchange Format").
fn is_tar(head: &[u8]) -> bool {
    head.get(257..).is_some_and(|rest| rest.starts_with(b"ustar"))
}

fn in_file(name: &str, file: File, pass: &mut Pass<'_>) -> io::Result<ControlFlow<()>> {
    let mut input = BufReader::with_capacity(64 << 10, file);
    if zip::is_zip(input.fill_buf()?) {
        let file = input.into_inner();
        let length = file.metadata()?.len();
        return zip::documents(&Window::new(Arc::new(file), length), pass);
    }
    let mut content = compressed::open(input, &pass.budget)?;
    let mut head = [0; BLOCK];
    let read = fill(&mut content, &mut head)?;
    let whole = Cursor::new(head[..read].to_vec()).chain(content);
    if is_tar(&head[..read]) {
        return in_tar(name, whole, pass);
    }
    pass.budget.take_entry(name.len()).map_err(Exceeded::io)?;
    let most = pass.budget.limits.file_bytes;
    let mut bytes = Vec::new();
    whole.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if let Err(exceeded) = pass.budget.check_file(bytes.len() as u64) {
        pass.problem(ProblemKind::Limit, name, exceeded.to_string());
        return Ok(ControlFlow::Continue(()));
    }
    Ok(pass.document(compressed::stripped(name), bytes))
}

fn in_tar(name: &str, input: impl BufRead, pass: &mut Pass<'_>) -> io::Result<ControlFlow<()>> {
    let mut archive = TarReader::new(StreamInput::new(input), name);
    let mut problems = Problems::default();
    while let Some(member) = archive.next(&mut problems) {
        let name = String::from_utf8_lossy(archive.name()).into_owned();
        pass.budget.take_entry(name.len()).map_err(Exceeded::io)?;
        if member.kind != Kind::File {
            continue;
        }
        if let Err(exceeded) = pass.budget.check_file(member.size) {
            pass.problem(ProblemKind::Limit, &name, exceeded.to_string());
            continue;
        }
        let mut bytes = Vec::new();
        archive.content(&member, &mut |part| {
            bytes.extend_from_slice(part);
            Ok(())
        })?;
        if pass.document(&name, bytes).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    match archive.rest() {
        // The checksum of what it is compressed with is behind it.
        Some(rest) => rest.drain()?,
        None => {
            let last = problems.into_list().pop();
            let (kind, why) = last.map_or((ProblemKind::Malformed, String::new()), |it| (it.kind, it.detail));
            return Err(match kind {
                ProblemKind::Limit => Exceeded::new(why).io(),
                _ => io::Error::new(io::ErrorKind::InvalidData, why),
            });
        }
    }
    pass.problems.append(problems);
    Ok(ControlFlow::Continue(()))
}

fn file_digest(file: io::Result<File>, budget: &Budget) -> io::Result<[u8; 32]> {
    let (mut file, mut hash, mut buffer) = (file?, Sha256::new(), vec![0; 256 << 10]);
    loop {
        budget.deadline.check().map_err(Exceeded::io)?;
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hash.finalize().into()),
            Ok(read) => hash.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn file_error(path: &Path, source: io::Error) -> SourceError {
    SourceError::File { path: path.to_owned(), source }
}

/// Tells what this machine refuses from what is wrong with the file.
fn broken(path: &Path, error: io::Error) -> SourceError {
    let subject = path.display().to_string();
    if error.raw_os_error().is_some() {
        return file_error(path, error);
    }
    match error.get_ref().is_some_and(|inner| inner.is::<Exceeded>()) {
        true => SourceError::TooLarge { subject, why: error.to_string() },
        false => SourceError::Corrupt { subject, why: error.to_string() },
    }
}

#[cfg(test)]
mod tests;
