//! Running apt's programs: bounded, cancellable, with progress.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::error::AptError;

/// One call of a program.
#[derive(Debug, Clone, Default)]
pub(super) struct Invocation<'a> {
    pub(super) program: &'static str,
    pub(super) arguments: Vec<String>,
    /// apt's settings; absent: the machine's own.
    pub(super) settings: Option<&'a Path>,
    pub(super) folder: Option<&'a Path>,
}

#[derive(Debug)]
pub(super) struct Finished {
    pub(super) status: ExitStatus,
    /// Lines of the standard output.
    pub(super) lines: Vec<String>,
    /// Errors and warnings, in the program's words.
    pub(super) complaints: Vec<String>,
}

/// Longest time for one call.
const LIMIT: Duration = Duration::from_secs(3600);
const MOST_LINES: usize = 100_000;
const MOST_LINE: u64 = 64 << 10;
const MOST_COMPLAINTS: u64 = 256 << 10;

/// Settings of the environment that reach the program: where programs are and how the network is reached.
const ENVIRONMENT: [&str; 12] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "http_proxy",
    "https_proxy",
    "ftp_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "all_proxy",
    "ALL_PROXY",
];

/// Runs a program to its end and gives each line of its output to `watch` as it comes.
pub(super) fn run(
    invocation: &Invocation<'_>,
    cancel: &AtomicBool,
    watch: &mut dyn FnMut(&str),
) -> Result<Finished, AptError> {
    let program = invocation.program;
    let mut command = Command::new(program);
    command.args(&invocation.arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env_clear().envs(ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    // Complaints are read here: in one language.
    command.env("LC_ALL", "C.UTF-8").env("DEBIAN_FRONTEND", "noninteractive");
    if let Some(settings) = invocation.settings {
        command.env("APT_CONFIG", settings);
    }
    if let Some(folder) = invocation.folder {
        command.current_dir(folder);
    }
    let mut child = Running(command.spawn().map_err(|error| AptError::Start { program, error })?);
    let output = read_lines(child.0.stdout.take());
    let complaints = read_complaints(child.0.stderr.take());
    let started = Instant::now();
    let mut lines = Vec::new();
    loop {
        if cancel.load(Ordering::Relaxed) {
            return Err(AptError::Cancelled);
        }
        if started.elapsed() > LIMIT {
            return Err(AptError::Time { program, limit: LIMIT });
        }
        match output.recv_timeout(Duration::from_millis(50)) {
            Ok(line) => {
                watch(&line);
                if lines.len() < MOST_LINES {
                    lines.push(line);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let status = child.0.wait().map_err(|error| AptError::Start { program, error })?;
    let complaints = complaints.join().unwrap_or_default();
    Ok(Finished { status, lines, complaints: complaints.lines().map(str::to_owned).collect() })
}

/// Ends the program if it is left before it ended.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Its helpers end as soon as their pipes close.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn read_lines(output: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, receiver) = sync_channel(1024);
    std::thread::spawn(move || {
        let Some(output) = output else { return };
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while let Ok(1..) = output.by_ref().take(MOST_LINE).read_until(b'\n', &mut line) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            if sender.send(text).is_err() {
                return;
            }
        }
    });
    receiver
}

fn read_complaints(output: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let Some(mut output) = output else { return String::new() };
        let mut kept = Vec::new();
        let _ = output.by_ref().take(MOST_COMPLAINTS).read_to_end(&mut kept);
        // A full pipe would stop the program.
        let _ = std::io::copy(&mut output, &mut std::io::sink());
        String::from_utf8_lossy(&kept).into_owned()
    })
}

impl Finished {
    /// Complaints that mean something here.
    pub(super) fn serious(&self) -> impl Iterator<Item = &str> {
        self.complaints.iter().map(String::as_str).filter(|line| {
            (line.starts_with("E: ") || line.starts_with("W: "))
                && !line.contains("Download is performed unsandboxed")
        })
    }

    /// The first serious complaints as one text.
    pub(super) fn reason(&self) -> String {
        let reasons: Vec<&str> = self.serious().take(3).map(|line| &line[3..]).collect();
        match reasons.is_empty() {
            true => format!("it ended with {}", self.status),
            false => reasons.join("; "),
        }
    }
}

/// How far apt is, from a line of its status output: `dlstatus:3:42.5:…`, in percent.
pub(super) fn percent(line: &str) -> Option<u8> {
    let percent = line.strip_prefix("dlstatus:")?.split(':').nth(1)?;
    percent.split('.').next()?.parse().ok().filter(|percent| *percent <= 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Invocation<'static> {
        Invocation { program: "sh", arguments: vec!["-c".into(), script.into()], ..Invocation::default() }
    }

    #[test]
    fn output_and_complaints_are_told_apart() {
        let mut seen = Vec::new();
        let script = "echo dlstatus:1:42.5:x; echo E: bad >&2; echo noise >&2; echo W: Download is performed unsandboxed >&2; exit 3";
        let finished =
            run(&shell(script), &AtomicBool::new(false), &mut |line| seen.extend(percent(line))).unwrap();
        assert_eq!(seen, [42]);
        assert_eq!(finished.status.code(), Some(3));
        assert_eq!(finished.serious().collect::<Vec<_>>(), ["E: bad"]);
        assert_eq!(finished.reason(), "bad");
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        let missing = Invocation { program: "lazaret-no-such-program", ..Invocation::default() };
        let error = run(&missing, &AtomicBool::new(false), &mut |_| {}).unwrap_err();
        assert!(error.to_string().starts_with("cannot start `lazaret-no-such-program`"), "{error}");
    }

    #[test]
    fn cancelling_ends_the_program() {
        let cancel = std::sync::Arc::new(AtomicBool::new(false));
        let setter = cancel.clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            setter.store(true, Ordering::Relaxed);
        });
        let started = Instant::now();
        let error = run(&shell("exec sleep 60"), &cancel, &mut |_| {}).unwrap_err();
        assert!(matches!(error, AptError::Cancelled));
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn much_output_neither_blocks_nor_grows() {
        let script = "yes | head -c 3000000; yes E: x | head -c 3000000 >&2";
        let finished = run(&shell(script), &AtomicBool::new(false), &mut |_| {}).unwrap();
        assert_eq!(finished.lines.len(), MOST_LINES);
        assert!(finished.complaints.len() < 100_000);
    }
}
