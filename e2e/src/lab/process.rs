use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::{Context, Failure, Result, wait};

/// A daemon of the laboratory: own session, output in a log file, number in a pid file. It lives on when
/// the program that started it ends.
#[derive(Debug)]
pub struct Daemon {
    name: String,
    child: Child,
    log: PathBuf,
    pid_file: PathBuf,
}

impl Daemon {
    pub fn start(name: &str, folders: &super::Folders, program: &Path, arguments: &[String]) -> Result<Self> {
        let log = folders.logs().join(format!("{name}.log"));
        let doing = || format!("cannot start {name}");
        let output = File::options().create(true).append(true).open(&log).context(doing)?;
        // setsid(1) becomes the program: same process, but out of reach of the terminal's signals.
        let child = Command::new("setsid")
            .arg(program)
            .args(arguments)
            .current_dir("/")
            .env("DOCKER_CONFIG", folders.docker_config())
            .stdin(Stdio::null())
            .stdout(output.try_clone().context(doing)?)
            .stderr(output)
            .spawn()
            .context(doing)?;
        super::cgroups::adopt(&folders.cgroup(), child.id());
        let pid_file = folders.run().join(format!("{name}.pid"));
        fs::write(&pid_file, format!("{}\n", child.id())).context(doing)?;
        Ok(Self { name: name.to_owned(), child, log, pid_file })
    }

    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until the daemon answers; a daemon that dies instead is reported with the end of its log.
    pub fn ready(&mut self, limit: Duration, mut answers: impl FnMut() -> bool) -> Result<()> {
        let mut died = false;
        let waited = wait::until_true(&format!("{} to answer", self.name), limit, || {
            died = !self.is_alive();
            died || answers()
        });
        match waited {
            Ok(()) if !died => Ok(()),
            Ok(()) => Err(Failure::new(format!(
                "{} died at its start; its log ends:\n{}",
                self.name,
                self.log_end()
            ))),
            Err(failure) => Err(Failure::new(format!("{failure}; its log ends:\n{}", self.log_end()))),
        }
    }

    /// The last lines of the log.
    pub fn log_end(&self) -> String {
        let text =
            fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }

    /// `kill -9`: no chance to say good-bye.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks to end, and insists after `limit`.
    pub fn stop(&mut self, limit: Duration) {
        let _ = kill(Pid::from_raw(self.pid()), Signal::SIGTERM);
        if wait::until_true("the end", limit, || !self.is_alive()).is_err() {
            self.kill();
        }
        let _ = fs::remove_file(&self.pid_file);
    }
}

/// A process as `/proc` shows it.
#[derive(Debug, Clone)]
pub struct Process {
    pub pid: i32,
    pub parent: i32,
    /// File name of the executable; empty for kernel threads and zombies.
    pub program: String,
    pub arguments: Vec<String>,
}

/// All processes except zombies (which have no executable any more) and kernel threads.
pub fn processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| process(entry.file_name().to_str()?.parse().ok()?)).collect()
}

fn process(pid: i32) -> Option<Process> {
    let executable = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    // A program that was replaced on disk while running: "/path/lazaret (deleted)".
    let program = executable.file_name()?.to_string_lossy().trim_end_matches(" (deleted)").to_owned();
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let arguments = text.trim_end_matches('\0').split('\0').map(str::to_owned).collect();
    // proc(5): `pid (name) state parent …`, and the name may hold anything.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let parent = stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()?;
    Some(Process { pid, parent, program, arguments })
}

/// Kills at once and waits until the process is gone; one that belongs to somebody else's parent may stay a
/// zombie, which counts as gone.
pub fn kill_now(pid: i32) {
    let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    let _ = wait::until_true("a killed process", Duration::from_secs(5), || process(pid).is_none());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_itself_and_not_the_dead() {
        let own = i32::try_from(std::process::id()).unwrap();
        let found = processes().into_iter().find(|process| process.pid == own).unwrap();
        assert!(!found.program.is_empty() && !found.arguments.is_empty());

        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let pid = child.id().cast_signed();
        assert!(process(pid).is_some_and(|process| process.parent == own));
        kill_now(pid);
        assert!(process(pid).is_none(), "a zombie counts as gone");
        child.wait().unwrap();
    }
}
