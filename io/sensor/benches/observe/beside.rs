//! Others who watch program starts, each as their users run them.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::tool;

/// One of them at work; it ends when this is dropped.
pub(crate) struct Beside {
    child: Child,
    audits: bool,
    _place: TempDir,
}

impl Beside {
    /// With its rules for program starts, writing its log. Not where somebody audits already.
    pub(crate) fn auditd() -> Option<Self> {
        let name = "auditd beside";
        let (program, _) = (tool(name, "auditd")?, tool(name, "auditctl")?);
        let status = Command::new("auditctl").arg("-s").output().ok()?;
        if !status.status.success() || !String::from_utf8_lossy(&status.stdout).contains("\npid 0\n") {
            eprintln!("SKIPPED: {name}: the kernel's audit has a reader, or none is allowed");
            return None;
        }
        let place = TempDir::new().ok()?;
        let log = place.path().join("audit.log");
        let settings = format!(
            "log_file = {}\nlog_format = RAW\nwrite_logs = yes\nflush = INCREMENTAL_ASYNC\nfreq = 50\n\
             disk_full_action = IGNORE\nspace_left_action = IGNORE\nadmin_space_left_action = IGNORE\n\
             disk_error_action = IGNORE\n",
            log.display()
        );
        fs::write(place.path().join("auditd.conf"), settings).ok()?;
        let child = Command::new(program)
            .args(["-n", "-c"])
            .arg(place.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let beside = Self { child, audits: true, _place: place };
        let rules = ["-D", "-b 8192", "-a always,exit -F arch=b64 -S execve,execveat -k starts", "-e 1"];
        std::thread::sleep(Duration::from_millis(300));
        rules.into_iter().all(rule).then_some(beside)
    }

    /// Printing each program start.
    pub(crate) fn bpftrace() -> Option<Self> {
        let program = tool("bpftrace beside", "bpftrace")?;
        let place = TempDir::new().ok()?;
        let log = place.path().join("log");
        let child = Command::new("unshare")
            .args(["--mount", "sh", "-c"])
            // It looks for tracepoints there.
            .arg(
                "mountpoint -q /sys/kernel/tracing || mount -t tracefs none /sys/kernel/tracing; \
                 exec \"$0\" -B line -e \"$1\"",
            )
            .arg(program)
            .arg(
                "BEGIN { printf(\"ready\\n\"); } \
                 tracepoint:sched:sched_process_exec { printf(\"%d %s\\n\", pid, str(args->filename)); }",
            )
            .stdin(Stdio::null())
            // A file of its own (`-o`) it would write when it ends.
            .stdout(File::create(&log).ok()?)
            .stderr(File::create(place.path().join("complaints")).ok()?)
            .spawn()
            .ok()?;
        let complaints = place.path().join("complaints");
        let beside = Self { child, audits: false, _place: place };
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until {
            if fs::read_to_string(&log).is_ok_and(|text| text.contains("ready")) {
                return Some(beside);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let why = fs::read_to_string(complaints).unwrap_or_default();
        eprintln!("SKIPPED: bpftrace beside: it does not start here: {why}");
        None
    }
}

fn rule(rule: &str) -> bool {
    let quiet = || File::create("/dev/null").map_or_else(|_| Stdio::inherit(), Stdio::from);
    let status = Command::new("auditctl").args(rule.split(' ')).stdout(quiet()).stderr(quiet()).status();
    status.is_ok_and(|status| status.success())
}

impl Drop for Beside {
    fn drop(&mut self) {
        if self.audits {
            // Once it was in use, the kernel gives each new process what audit needs, until the next boot, unless
            // this rule says not to. Whoever starts auditd begins with rules of his own.
            for step in ["-D", "-e 0", "-a never,task"] {
                rule(step);
            }
        }
        let _ = self.child.kill().and_then(|()| self.child.wait());
    }
}
