//! A process of our own that may write to one device, and tries two.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::OnceLock;

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use super::{ALL, KNOWS_REFERENCES, KNOWS_TRUNCATION, REFER, TRUNCATE, WRITE_FILE, kernel};

/// Where it may write, and where not: both take anything.
const OPEN: &str = "/dev/zero";
const CLOSED: &str = "/dev/null";
/// The child that was held is to start no program.
const HELD: i32 = libc::ECANCELED;

/// Whether Landlock holds a process to where it may change files: what was seen, or why not, in words for people.
pub fn refuses() -> Result<String, String> {
    static TRIED: OnceLock<Result<String, String>> = OnceLock::new();
    TRIED.get_or_init(tried).clone()
}

fn tried() -> Result<String, String> {
    let version = kernel::version().map_err(|why| format!("the kernel has no Landlock: {why}"))?;
    if version < KNOWS_REFERENCES {
        return Err(format!(
            "the kernel's Landlock has version {version}, with which no file can be moved to another directory (it needs \
             Linux 5.19)"
        ));
    }
    match try_it(version).map_err(|problem| format!("it cannot be tried: {problem}"))? {
        HELD => {}
        0 => return Err("it was tried, and what is not allowed was done".to_owned()),
        other => return Err(format!("it was tried, and failed: {}", io::Error::from_raw_os_error(other))),
    }
    let missing = match version {
        ..KNOWS_TRUNCATION => "; cutting a file by its name is refused from Linux 6.2 on",
        _ => "",
    };
    Ok(format!("it was tried, and refused (version {version}){missing}"))
}

/// [`HELD`], 0 if it was not held, or the number of another error.
#[expect(unsafe_code, reason = "between fork and exec only system calls may be made")]
fn try_it(version: u32) -> io::Result<i32> {
    let (allowed, refused) = (File::options().write(true).open(OPEN)?, CString::new(CLOSED)?);
    let known = if version < KNOWS_TRUNCATION { ALL & !TRUNCATE } else { ALL };
    debug_assert!(known & REFER != 0);
    let mut command = Command::new("/");
    // SAFETY: the closure makes system calls, with what was opened and made before, and asks for no memory.
    unsafe {
        command.pre_exec(move || {
            let ruleset = kernel::ruleset(known)?;
            kernel::allow(&ruleset, allowed.as_fd(), WRITE_FILE)?;
            kernel::restrict(&ruleset)?;
            let write = OFlag::O_WRONLY | OFlag::O_CLOEXEC;
            open(OPEN, write, Mode::empty())?;
            let end = match open(refused.as_c_str(), write, Mode::empty()) {
                Err(nix::errno::Errno::EACCES) => HELD,
                Err(other) => other as i32,
                Ok(_) => libc::EISDIR,
            };
            Err(io::Error::from_raw_os_error(end))
        });
    }
    match command.spawn() {
        // What a process that is not held would get for starting a directory, too.
        Err(problem) if problem.raw_os_error() == Some(libc::EISDIR) => Ok(0),
        Err(problem) => Ok(problem.raw_os_error().unwrap_or(libc::EIO)),
        Ok(_) => Err(io::Error::other("a directory was executed")),
    }
}
