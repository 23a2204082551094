//! An engine of the tests' own, with its own folders, socket, bridge and cgroup, and nothing left behind.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

pub(super) struct Engine {
    folder: tempfile::TempDir,
    process: Child,
    bridge: String,
    cgroup: String,
}

/// A program for an image: `sleep` waits for ever, `fail` fails, anything else succeeds.
const PROGRAM: &str = r#"
#include <string.h>
#include <unistd.h>
int main(int c, char **v) {
    if (c > 1 && !strcmp(v[1], "sleep")) for (;;) pause();
    return c > 1 && !strcmp(v[1], "fail") ? 3 : 0;
}
"#;

impl Engine {
    /// Starts it with an authorization plugin; says why not where that is impossible.
    pub(super) fn start(plugin: &str) -> Result<Self, String> {
        for program in ["dockerd", "docker", "cc", "ip", "tar"] {
            if Command::new("sh")
                .args(["-c", &format!("command -v {program}")])
                .stdout(Stdio::null())
                .status()
                .is_ok_and(|s| !s.success())
            {
                return Err(format!("there is no {program}"));
            }
        }
        let number = std::process::id() % 10_000;
        let (bridge, cgroup) = (format!("lzeng{number}"), format!("lzeng-{number}"));
        if !run("ip", &["link", "add", &bridge, "type", "bridge"]).status.success() {
            return Err("this user may not make a network bridge (not root?)".to_owned());
        }
        let address = format!("10.231.{}.1/24", number % 250);
        run("ip", &["address", "add", &address, "dev", &bridge]);
        run("ip", &["link", "set", &bridge, "up"]);
        let folder = tempfile::Builder::new().prefix("lz").tempdir().map_err(|error| error.to_string())?;
        let at = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(at("daemon.json"), format!(r#"{{"authorization-plugins":["{plugin}"]}}"#)).unwrap();
        let log = std::fs::File::create(at("log")).unwrap();
        let process = Command::new("dockerd")
            .args(["--data-root", &at("data"), "--exec-root", &at("exec"), "--pidfile", &at("pid")])
            .args(["-H", &format!("unix://{}", at("sock")), "--config-file", &at("daemon.json")])
            .args([
                &format!("--bridge={bridge}"),
                "--iptables=false",
                "--ip-masq=false",
                "--cgroup-parent",
                &format!("/{cgroup}"),
            ])
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .map_err(|error| error.to_string())?;
        let engine = Self { folder, process, bridge, cgroup };
        let begun = Instant::now();
        while engine.ask("GET", "/_ping", None, "").0 != 200 {
            if begun.elapsed() > Duration::from_secs(30) {
                let log = std::fs::read_to_string(engine.path("log")).unwrap_or_default();
                panic!(
                    "the engine does not answer: {}",
                    log.lines().rev().take(5).collect::<Vec<_>>().join("\n")
                );
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(engine)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn cgroup_parent(&self) -> String {
        format!("/{}", self.cgroup)
    }

    /// Runs Docker's command line; answers what it said, or its complaint.
    pub(super) fn docker(&self, words: &[&str]) -> Result<String, String> {
        let host = format!("unix://{}", self.path("sock").display());
        let output = Command::new("docker")
            .env("DOCKER_HOST", host)
            .args(words)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// Makes an image of one static program.
    pub(super) fn image(&self, name: &str, changes: &[&str]) {
        let root = self.path("root");
        if !root.exists() {
            std::fs::create_dir_all(root.join("tmp")).unwrap();
            std::fs::write(self.path("program.c"), PROGRAM).unwrap();
            let (source, program) = (self.path("program.c"), root.join("program"));
            let made = Command::new("cc")
                .args(["-static", "-Os", "-o"])
                .arg(&program)
                .arg(&source)
                .output()
                .unwrap();
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        }
        let archive = self.path("root.tar").display().to_string();
        assert!(run("tar", &["-C", &root.display().to_string(), "-cf", &archive, "."]).status.success());
        let mut words = vec!["import"];
        for change in changes {
            words.extend(["-c", change]);
        }
        words.extend([archive.as_str(), name]);
        self.docker(&words).unwrap();
    }

    /// Speaks to the engine in plain HTTP, as an attacker might. Answers status and body; 0 when it hangs up.
    pub(super) fn ask(&self, method: &str, target: &str, headers: Option<&str>, body: &str) -> (u16, String) {
        let headers = headers.map_or_else(|| format!("Content-Length: {}\r\n", body.len()), str::to_owned);
        let Ok(mut stream) = UnixStream::connect(self.path("sock")) else { return (0, String::new()) };
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let head =
            format!("{method} {target} HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n{headers}\r\n");
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        (status, answer.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_owned()))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = run("kill", &["-TERM", &self.process.id().to_string()]);
        let begun = Instant::now();
        while self.process.try_wait().is_ok_and(|status| status.is_none()) {
            if begun.elapsed() > Duration::from_secs(20) {
                let _ = self.process.kill();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        // The engine leaves its data root mounted, its bridge and its cgroups.
        run("umount", &[&self.path("data").display().to_string()]);
        run("ip", &["link", "delete", &self.bridge]);
        for controller in std::fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten() {
            let _ = std::fs::remove_dir(controller.path().join(&self.cgroup));
        }
    }
}

fn run(program: &str, words: &[&str]) -> Output {
    Command::new(program).args(words).output().unwrap_or_else(|error| panic!("{program}: {error}"))
}
