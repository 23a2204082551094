use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(10);

/// A shell among mounts of its own, told what to do line by line.
pub(crate) struct Shell {
    child: Child,
    input: ChildStdin,
    output: mpsc::Receiver<String>,
}

impl Shell {
    pub(crate) fn start() -> Self {
        Self::with(&["--mount"])
    }

    /// The first process of a PID namespace.
    pub(crate) fn first() -> Self {
        Self::with(&["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"])
    }

    fn with(namespaces: &[&str]) -> Self {
        let script = "exec 2>&1; exec sh";
        let mut child = Command::new("unshare")
            .args(namespaces)
            .args(["sh", "-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, lines) =
            (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()).lines());
        let (teller, output) = mpsc::channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| teller.send(line)));
        let mut shell = Self { child, input, output };
        assert_eq!(shell.ask("echo ready"), "ready");
        shell
    }

    /// As the host has it.
    pub(crate) fn pid(&self) -> u32 {
        let own = self.child.id();
        let children = fs::read_to_string(format!("/proc/{own}/task/{own}/children")).unwrap();
        children.trim().parse().unwrap_or(own)
    }

    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }

    pub(crate) fn hear(&self, patience: Duration) -> Option<String> {
        self.output.recv_timeout(patience).ok()
    }

    /// What it says to a line until it has done it, with spaces between lines.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        const DONE: &str = "-- done --";
        self.tell(&format!("{line}\necho '{DONE}'"));
        let until = Instant::now() + 6 * PATIENCE;
        let mut said = Vec::new();
        loop {
            match self.hear(until.saturating_duration_since(Instant::now())) {
                Some(line) if line == DONE => return said.join(" "),
                Some(line) => said.push(line),
                None => panic!("{line}: no end of it, but {said:?}"),
            }
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
