//! What the kernel opens after a file to execute it: of a script its interpreter, of a program its loader. Asked of the
//! file's beginning, as execve(2) and elf(5) describe it.

use std::sync::Arc;

use object::Endianness;
use object::elf::{EM_386, EM_AARCH64, EM_ARM, EM_X86_64, FileHeader32, FileHeader64};
use object::read::elf::{FileHeader, ProgramHeader};

/// Of a script's first line the kernel reads no more (`BINPRM_BUF_SIZE`).
const LINE: usize = 256;
/// PATH_MAX
const LONGEST: usize = 4096;

/// What follows a file that the kernel opened for execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    Nothing,
    /// This, as the file spells it.
    Named(Arc<[u8]>),
    /// Whatever this host has registered for such files (binfmt_misc).
    Unknown,
}

impl Next {
    pub(crate) fn of(head: &[u8]) -> Self {
        let named = match head {
            [b'#', b'!', line @ ..] => interpreter(line),
            _ if head.starts_with(&object::elf::ELFMAG) => return loader(head).unwrap_or(Self::Unknown),
            _ => return Self::Unknown,
        };
        // Nothing is executed by it.
        named.map_or(Self::Nothing, |name| Self::Named(name.into()))
    }
}

fn interpreter(line: &[u8]) -> Option<&[u8]> {
    let line = &line[..line.len().min(LINE - 2)];
    let line = line.split(|byte| matches!(byte, b'\n' | 0)).next()?;
    line.split(|byte| matches!(byte, b' ' | b'\t')).find(|word| !word.is_empty())
}

/// `None`: not of this host's kind, or not to be read.
fn loader(head: &[u8]) -> Option<Next> {
    match FileHeader64::<Endianness>::parse(head) {
        Ok(header) => requested(header, head),
        Err(_) => requested(FileHeader32::<Endianness>::parse(head).ok()?, head),
    }
}

fn requested<H: FileHeader>(header: &H, head: &[u8]) -> Option<Next> {
    let endian = header.endian().ok()?;
    let machine = header.e_machine(endian);
    let own: &[_] = if cfg!(target_arch = "aarch64") { &[EM_AARCH64, EM_ARM] } else { &[EM_X86_64, EM_386] };
    if !own.contains(&machine) {
        return None;
    }
    for segment in header.program_headers(endian, head).ok()? {
        let Some(name) = segment.interpreter(endian, head).ok()? else { continue };
        return (name.len() < LONGEST).then(|| Next::Named(name.into()));
    }
    Some(Next::Nothing)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn named(name: &str) -> Next {
        Next::Named(name.as_bytes().into())
    }

    #[test]
    fn a_script_names_its_interpreter() {
        assert_eq!(Next::of(b"#!/bin/sh\nexit"), named("/bin/sh"));
        assert_eq!(Next::of(b"#! \t/usr/bin/env -S perl -w\n"), named("/usr/bin/env"));
        assert_eq!(Next::of(b"#!/bin/sh"), named("/bin/sh"));
        for nothing in [&b"#!\n/bin/sh"[..], b"#!  \n", b"#!\0/bin/sh"] {
            assert_eq!(Next::of(nothing), Next::Nothing);
        }
        let long = [&b"#!/"[..], &[b'x'; 4096]].concat();
        assert_eq!(Next::of(&long), named(std::str::from_utf8(&long[2..LINE]).unwrap()));
    }

    #[test]
    fn a_program_names_its_loader() {
        let shell = std::fs::read("/bin/sh").unwrap();
        let Next::Named(loader) = Next::of(&shell) else { panic!("the shell is linked to its libraries") };
        let loader = String::from_utf8(loader.to_vec()).unwrap();
        assert!(loader.starts_with("/lib") && std::fs::metadata(&loader).is_ok(), "{loader}");
        let mut foreign = shell;
        // e_machine: another one.
        foreign[18] ^= 0x55;
        assert_eq!(Next::of(&foreign), Next::Unknown);
        assert_eq!(Next::of(b"MZ"), Next::Unknown);
    }

    proptest! {
        #[test]
        fn any_file_may_be_executed(at in 0usize..4096, bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut shell = std::fs::read("/bin/sh").unwrap();
            shell[at..at + bytes.len()].copy_from_slice(&bytes);
            let _ = Next::of(&shell);
            let _ = Next::of(&shell[..at]);
            let _ = Next::of(&bytes);
        }
    }
}
