//! The program that a held container starts with, and how it gets to it: through descriptors that the runtime passes
//! on, so that nothing is mounted, made or named in the container, and what is executed cannot be changed from there.

use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::sys::memfd::{MFdFlags, memfd_create};

use super::{Domain, kernel};
use crate::record::{Kind, Record, flag};

static PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/starter"));
/// Begins the file's name.
const NAME: &str = "lazaret-start-";
/// Begins what the runtime is told to execute.
const CALLED: &str = "/proc/self/fd/";

/// What a held container starts with.
#[derive(Debug)]
pub struct StartFiles {
    program: OwnedFd,
    rules: OwnedFd,
}

/// Why a container cannot be started so that it is held.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {problem}")]
pub struct NotHanded {
    what: String,
    problem: io::Error,
}

impl StartFiles {
    /// Writes the program into a directory of the agent, and returns where. A file that runs stays as it is.
    ///
    /// # Errors
    /// The directory takes no file.
    pub fn install(directory: &Path) -> io::Result<PathBuf> {
        use sha2::{Digest, Sha256};
        let digest = lazaret_model::Digest::from_bytes(Sha256::digest(PROGRAM).into()).to_string();
        let short: String = digest.chars().skip_while(|letter| *letter != ':').skip(1).take(16).collect();
        let path = directory.join(format!("{NAME}{short}"));
        if fs::read(&path).is_ok_and(|found| found == PROGRAM) {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o555))?;
            return Ok(path);
        }
        let aside = directory.join(format!("{NAME}new"));
        let _ = fs::remove_file(&aside);
        let mut file = File::create_new(&aside)?;
        file.write_all(PROGRAM)?;
        file.set_permissions(fs::Permissions::from_mode(0o555))?;
        // A name that is there after a crash of the machine must have all of its content.
        file.sync_all()?;
        drop(file);
        fs::rename(&aside, &path)?;
        Ok(path)
    }

    /// Opens the program, which [`install`](Self::install) wrote, and writes the rules, which [`rules`] made.
    ///
    /// # Errors
    /// The kernel gives no mount or no memory for them.
    pub fn open(program: &Path, rules: &[u8]) -> Result<Self, NotHanded> {
        let failed = |what: String| move |problem| NotHanded { what, problem };
        let made = kernel::detached(program)
            .map_err(failed(format!("{} cannot be mounted for the container", program.display())))?;
        let written = || {
            let mut file = File::from(memfd_create(c"lazaret-rules", MFdFlags::MFD_CLOEXEC)?);
            file.write_all(rules)?;
            file.rewind()?;
            Ok(OwnedFd::from(file))
        };
        let rules = written().map_err(failed("the rules cannot be written".to_owned()))?;
        Ok(Self { program: made, rules })
    }

    /// How many descriptors [`hand_over`](Self::hand_over) takes.
    pub const DESCRIPTORS: i32 = 2;

    /// From its return on, a program that this process becomes inherits both, from this number on.
    ///
    /// # Errors
    /// Too many files are open.
    pub fn hand_over(self, first: i32) -> Result<(), NotHanded> {
        let failed = |problem| NotHanded { what: "descriptors cannot be passed on".to_owned(), problem };
        let above = first + Self::DESCRIPTORS;
        // Neither may lie where the other is to be.
        let program = kernel::moved(self.program, above).map_err(failed)?;
        let rules = kernel::moved(self.rules, above).map_err(failed)?;
        kernel::inherit_as(&program, first)
            .and_then(|()| kernel::inherit_as(&rules, first + 1))
            .map_err(failed)
    }

    /// What the runtime is to execute, with the container's own program and arguments behind it.
    pub fn called(first: i32) -> String {
        format!("{CALLED}{first}")
    }
}

impl Domain {
    /// What the starter is to read, on this kernel.
    ///
    /// # Errors
    /// The kernel has no Landlock.
    pub fn rules(&self) -> io::Result<Vec<u8>> {
        Ok(self.bytes(kernel::version()?))
    }
}

/// Whether that is what a runtime is told to execute for a held container.
pub fn is_start(argument: &str) -> bool {
    argument
        .strip_prefix(CALLED)
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether the record tells of a container's way to its program, and not of the program: a runtime executed the starter,
/// which is the root of a mount that is nowhere.
pub(crate) fn is_starter(record: &Record) -> bool {
    let [_, called, resolved, _] = &record.texts;
    record.kind == Kind::Exec
        && record.has(flag::FOREIGN_PARENT)
        && record.has(flag::OUTSIDE_ROOT)
        && resolved.is_empty()
        && std::str::from_utf8(called).is_ok_and(is_start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::sample;

    #[test]
    fn only_what_a_runtime_executes_from_nowhere_is_the_starter() {
        let texts = [vec![], b"/proc/self/fd/3".to_vec(), vec![], vec![]];
        let start = Record { flags: flag::FOREIGN_PARENT | flag::OUTSIDE_ROOT, texts, ..sample() };
        assert!(is_starter(&start));
        let named = |called: &[u8], resolved: &[u8]| [vec![], called.to_vec(), resolved.to_vec(), vec![]];
        for other in [
            Record { flags: flag::OUTSIDE_ROOT, ..start.clone() },
            Record { flags: flag::FOREIGN_PARENT, ..start.clone() },
            Record { kind: Kind::Open, ..start.clone() },
            Record { texts: named(b"/bin/sh", b""), ..start.clone() },
            Record { texts: named(b"/proc/self/fd/", b""), ..start.clone() },
            Record { texts: named(b"/proc/self/fd/3", b"sh\0bin\0"), ..start.clone() },
        ] {
            assert!(!is_starter(&other), "{other:?}");
        }
    }

    #[test]
    fn the_program_is_written_once_and_mended() {
        let directory = tempfile::tempdir().unwrap();
        let path = StartFiles::install(directory.path()).unwrap();
        let inode = |path: &Path| std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).unwrap());
        let first = inode(&path);
        assert_eq!(StartFiles::install(directory.path()).unwrap(), path);
        assert_eq!(inode(&path), first, "what may be running is not replaced");
        fs::remove_file(&path).unwrap();
        fs::write(&path, "something else").unwrap();
        assert_eq!(StartFiles::install(directory.path()).unwrap(), path);
        assert_eq!(fs::read(&path).unwrap(), PROGRAM);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
