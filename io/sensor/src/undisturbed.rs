//! Programs are verified by the kernel in one go: whatever interrupts the thread meanwhile, a signal or a freezing of
//! the process, makes `BPF_PROG_LOAD` fail with `EAGAIN`.

use std::thread;
use std::time::{Duration, Instant};

use aya::programs::ProgramError;
use nix::sys::signal::{SigSet, SigmaskHow};

/// How long the kernel may put off loading one program.
const PATIENCE: Duration = Duration::from_secs(5);

/// While this lives, this thread takes no signals. The loader also tries small programs to find out what the kernel
/// can do, and takes any failure for a no: those it never tries again.
pub(crate) struct Undisturbed {
    before: SigSet,
}

impl Undisturbed {
    pub(crate) fn begin() -> nix::Result<Self> {
        let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        Ok(Self { before })
    }
}

impl Drop for Undisturbed {
    fn drop(&mut self) {
        // It was this thread's mask, so the kernel takes it back.
        let _ = self.before.thread_set_mask();
    }
}

/// Loads a program, again while the kernel says that it was interrupted.
pub(crate) fn patiently(load: impl FnMut() -> Result<(), ProgramError>) -> Result<(), ProgramError> {
    again_while(PATIENCE, load, |error| match error {
        ProgramError::LoadError { io_error, .. } => io_error.raw_os_error() == Some(libc::EAGAIN),
        _ => false,
    })
}

fn again_while<E>(
    patience: Duration,
    mut act: impl FnMut() -> Result<(), E>,
    interrupted: impl Fn(&E) -> bool,
) -> Result<(), E> {
    let begun = Instant::now();
    loop {
        match act() {
            Err(error) if interrupted(&error) && begun.elapsed() < patience => {
                thread::sleep(Duration::from_millis(1));
            }
            ended => return ended,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_interrupted_is_done_again_and_what_fails_is_not() {
        let mut answers = [Err("interrupted"), Err("interrupted"), Ok(())].into_iter();
        let act = || answers.next().unwrap_or(Err("asked too often"));
        assert_eq!(again_while(PATIENCE, act, |error| *error == "interrupted"), Ok(()));
        let mut times = 0;
        let act = || {
            times += 1;
            Err("refused")
        };
        assert_eq!(again_while(PATIENCE, act, |error| *error == "interrupted"), Err("refused"));
        assert_eq!(times, 1);
    }

    #[test]
    fn patience_ends() {
        let ended = again_while(Duration::from_millis(5), || Err("interrupted"), |_| true);
        assert_eq!(ended, Err("interrupted"));
    }
}
