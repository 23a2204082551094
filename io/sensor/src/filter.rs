//! Filters of system calls (seccomp(2)), which container runtimes put before a container's first program. Here it is only
//! tried whether the kernel has them: what they refuse is written by who starts containers.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::OnceLock;

/// What the filter says of the call that it is made for, and of the others.
const REFUSED: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned();
const ALLOWED: u32 = libc::SECCOMP_RET_ALLOW;
/// The child that was refused is to start no program.
const HELD: i32 = libc::ECANCELED;

/// Whether a filter keeps a system call from a process: what was seen, or why not, in words for people.
pub fn refuses() -> Result<String, String> {
    static TRIED: OnceLock<Result<String, String>> = OnceLock::new();
    let tried = || match try_it() {
        Ok(HELD) => Ok("it was tried, and refused".to_owned()),
        Ok(libc::EISDIR) => Err("it was tried, and what is not allowed was done".to_owned()),
        Ok(other) => Err(format!("it was tried, and failed: {}", io::Error::from_raw_os_error(other))),
        Err(problem) => Err(format!("it cannot be tried: {problem}")),
    };
    TRIED.get_or_init(tried).clone()
}

/// One instruction (`struct sock_filter`): code, where to go on if so and if not, and a number.
const fn instruction(code: u32, then: u8, otherwise: u8, number: u32) -> libc::sock_filter {
    // Codes are below 256.
    let [low, ..] = code.to_le_bytes();
    libc::sock_filter { code: u16::from_le_bytes([low, 0]), jt: then, jf: otherwise, k: number }
}

/// [`HELD`], EISDIR if the call was made, or the number of another error.
#[expect(unsafe_code, reason = "between fork and exec only system calls may be made")]
fn try_it() -> io::Result<i32> {
    let call = u32::try_from(libc::SYS_getppid).map_err(|_| io::ErrorKind::Unsupported)?;
    let mut program = [
        // The call's number is first in what a filter sees.
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, call),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, REFUSED),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, ALLOWED),
    ];
    let mut command = Command::new("/");
    // SAFETY: the closure makes system calls, with a program that it owns and that is as long as it says.
    unsafe {
        command.pre_exec(move || {
            let filter = libc::sock_fprog { len: 4, filter: program.as_mut_ptr() };
            if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
                || libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter) != 0
            {
                return Err(io::Error::last_os_error());
            }
            let end = match libc::syscall(libc::SYS_getppid) {
                -1 if io::Error::last_os_error().raw_os_error() == Some(libc::EPERM) => HELD,
                _ => libc::EISDIR,
            };
            Err(io::Error::from_raw_os_error(end))
        });
    }
    match command.spawn() {
        Err(problem) => Ok(problem.raw_os_error().unwrap_or(libc::EIO)),
        Ok(_) => Err(io::Error::other("a directory was executed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_tried_and_nothing_of_it_stays() {
        assert_eq!(refuses().unwrap(), "it was tried, and refused");
        assert_ne!(nix::unistd::getppid().as_raw(), -1);
    }
}
