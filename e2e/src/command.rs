use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::{Context, Failure, Result};

/// A program that runs to its end, with everything it says kept.
#[derive(Debug)]
pub struct Run {
    command: Command,
    shown: String,
    input: Vec<u8>,
    limit: Duration,
}

/// What a program said and how it ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// As a person would have typed it.
    pub shown: String,
    /// Exit code; 128 and the signal's number for a program that was killed.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    pub time: Duration,
}

impl Run {
    pub fn new(program: impl AsRef<Path>) -> Self {
        let program = program.as_ref();
        let shown = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
        Self { command: Command::new(program), shown, input: Vec::new(), limit: Duration::from_secs(120) }
    }

    pub fn args<S: AsRef<str>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        for argument in arguments {
            let argument = argument.as_ref();
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte);
            if !argument.is_empty() && argument.bytes().all(plain) {
                let _ = write!(self.shown, " {argument}");
            } else {
                let _ = write!(self.shown, " '{}'", argument.replace('\'', "'\\''"));
            }
            self.command.arg(argument);
        }
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<Path>) -> Self {
        self.command.env(name, value.as_ref());
        self
    }

    pub fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs to the end, whatever the exit code; fails when the program cannot start or takes too long.
    pub fn end(mut self) -> Result<Ended> {
        let begun = Instant::now();
        let mut child = self
            .command
            .stdin(if self.input.is_empty() { Stdio::null() } else { Stdio::piped() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context(|| format!("cannot run `{}`", self.shown))?;
        let stdout = collect(child.stdout.take());
        let stderr = collect(child.stderr.take());
        if let Some(mut pipe) = child.stdin.take() {
            // A program that ends without reading all of it closes the pipe: its exit code says more.
            let _ = pipe.write_all(&self.input);
        }
        let code = wait(&mut child, begun + self.limit);
        if code.is_none() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let time = begun.elapsed();
        let (stdout, stderr) = (join(stdout), join(stderr));
        match code {
            Some(code) => Ok(Ended { shown: self.shown, code, stdout, stderr, time }),
            None => {
                let seconds = self.limit.as_secs();
                Err(Failure::new(format!(
                    "`{}` did not end within {seconds} s; it said:\n{stdout}{stderr}",
                    self.shown
                )))
            }
        }
    }

    /// Runs to the end and fails unless the exit code is 0.
    pub fn ok(self) -> Result<Ended> {
        self.code(0)
    }

    /// Runs to the end and fails unless the exit code is this one.
    pub fn code(self, code: i32) -> Result<Ended> {
        self.end()?.expect_code(code)
    }
}

impl Ended {
    pub fn expect_code(self, code: i32) -> Result<Self> {
        if self.code == code {
            return Ok(self);
        }
        Err(Failure::new(format!(
            "`{}` ended with {} instead of {code}:\n{}",
            self.shown,
            self.code,
            self.said()
        )))
    }

    /// Both outputs, as a terminal would show them.
    pub fn said(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_str(&self.stdout)
            .context(|| format!("`{}` did not print JSON but:\n{}", self.shown, self.said()))
    }
}

fn wait(child: &mut Child, until: Instant) -> Option<i32> {
    use std::os::unix::process::ExitStatusExt as _;

    // Short naps first: most commands of the story take milliseconds, and their time is printed.
    let mut nap = Duration::from_micros(200);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status.code().unwrap_or(128 + status.signal().unwrap_or(0))),
            Ok(None) if Instant::now() < until => std::thread::sleep(nap),
            _ => return None,
        }
        nap = (nap * 2).min(Duration::from_millis(5));
    }
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn join(handle: JoinHandle<String>) -> String {
    handle.join().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_output_code_and_the_line_as_typed() {
        let script = "cat; echo no >&2; exit 3";
        let ended = Run::new("/bin/sh").args(["-c", script]).input(*b"yes\n").end().unwrap();
        assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (3, "yes\n", "no\n"));
        assert_eq!(ended.shown, format!("sh -c '{script}'"));
        let failure = ended.expect_code(0).unwrap_err();
        assert!(failure.to_string().contains("ended with 3 instead of 0"), "{failure}");
    }

    #[test]
    fn ends_what_does_not_end() {
        let begun = Instant::now();
        let failure = Run::new("sleep").args(["30"]).limit(Duration::from_millis(100)).end().unwrap_err();
        assert!(failure.to_string().contains("did not end"), "{failure}");
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}
