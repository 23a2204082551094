//! A user's folder, the program in it, and what it speaks to.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

#[expect(clippy::print_stderr, reason = "a test that did not run, and a figure, must be seen")]
pub(crate) fn say(what: &str) {
    eprintln!("{what}");
}

pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lazaret"));
        command.args(arguments).args(["--format", "json"]).env("LAZARET_DB", self.path("db.lzdb"));
        command.env("HOME", self.0.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub(crate) fn ok(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Exit code and standard error.
    pub(crate) fn fails(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments);
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    pub(crate) fn feed(&self, name: &str) -> Value {
        let status = self.ok(&["db", "status"]);
        let feeds = status["feeds"].as_array().unwrap();
        feeds.iter().find(|feed| feed["name"] == name).cloned().unwrap_or(Value::Null)
    }

    /// Names of all files in the folder of the database.
    pub(crate) fn names(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.0.path()).unwrap();
        names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }

    /// Private and public.
    pub(crate) fn key(&self, name: &str) -> (PathBuf, PathBuf) {
        let out = self.path(name);
        self.ok(&["key", "generate", "--out", text(&out)]);
        (out.join("lazaret.key"), out.join("lazaret.pub"))
    }

    /// Imports so many advisories, each of a package of its own.
    pub(crate) fn fill(&self, count: usize) {
        let documents: Vec<Value> = (0..count).map(|number| document(number, "1.0")).collect();
        let path = self.write("many.json", Value::from(documents).to_string());
        self.ok(&["db", "import", text(&path)]);
    }
}

pub(crate) fn document(number: usize, fixed: &str) -> Value {
    // Summaries that do not compress to nothing.
    let noise = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let noise = format!("{noise:x} {:x}", noise.wrapping_mul(0xd134_2543_de82_ef95));
    json!({
        "id": format!("X-{number}"), "modified": "2026-01-01T00:00:00Z", "summary": format!("a flaw {noise}"),
        "affected": [{ "package": { "ecosystem": "PyPI", "name": format!("package-{number}") },
            "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }, { "fixed": fixed }] }] }],
    })
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// `lazaret db serve`; ends with the test.
pub(crate) struct Served {
    pub(crate) process: Child,
    pub(crate) address: SocketAddr,
    pub(crate) hello: Value,
}

impl Served {
    pub(crate) fn start(place: &Place, more: &[&str]) -> Self {
        let mut arguments = vec!["db", "serve", "--listen", "127.0.0.1:0"];
        arguments.extend(more);
        let mut command = place.command(&arguments);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut said = String::new();
        let hello = loop {
            assert_ne!(output.read_line(&mut said).unwrap(), 0, "it did not start: {said}");
            if let Ok(hello) = serde_json::from_str::<Value>(&said) {
                break hello;
            }
        };
        // Nobody reads on; the pipe stays open.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        let address = hello["listen"].as_str().unwrap().parse().unwrap();
        Self { process, address, hello }
    }

    pub(crate) fn reference(&self) -> String {
        self.hello["reference"].as_str().unwrap().to_owned()
    }

    pub(crate) fn etag(&self) -> String {
        get(self.address, "/v2/lazaret/advisories/manifests/latest", "").header("etag")
    }

    /// Waits until something else is served than before.
    pub(crate) fn wait_for_other_than(&self, etag: &str) {
        for _ in 0..600 {
            if self.etag() != etag {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the new database is not served");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> String {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map_or(String::new(), |(_, value)| value.trim().to_owned())
    }
}

/// A request with headers of our own, each ending with a line break.
pub(crate) fn get(address: SocketAddr, path: &str, headers: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n").unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    let end = all.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&all[..end]).into_owned();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: all[end + 4..].to_vec() }
}

/// A network of a few kilobytes a second to a server.
pub(crate) struct Slow {
    pub(crate) address: SocketAddr,
    stopped: Arc<AtomicBool>,
}

impl Slow {
    pub(crate) fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stopped = Arc::new(AtomicBool::new(false));
        let shared = Arc::clone(&stopped);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if shared.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(server) = TcpStream::connect(server) else { continue };
                let (mut up, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut up, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Write);
                });
                std::thread::spawn(move || trickle(server, &client));
            }
        });
        Self { address, stopped }
    }
}

fn trickle(mut from: TcpStream, mut to: &TcpStream) {
    let mut buffer = [0; 2048];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        std::thread::sleep(Duration::from_millis(100));
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}

impl Drop for Slow {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

/// Debian's registry on a port of its own; ends with the test.
pub(crate) struct DebianRegistry {
    process: Child,
    pub(crate) address: String,
    _directory: tempfile::TempDir,
}

impl DebianRegistry {
    pub(crate) fn start() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let config = directory.path().join("config.yml");
        let storage = directory.path().join("storage");
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: '{address}'}}\n",
            storage.display()
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(process) = command.spawn() else {
            say("SKIPPED: docker-registry is not installed");
            return None;
        };
        let registry = Self { process, address, _directory: directory };
        for _ in 0..200 {
            if TcpStream::connect(&registry.address).is_ok() {
                return Some(registry);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("docker-registry did not start at {}", registry.address);
    }
}

impl Drop for DebianRegistry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
