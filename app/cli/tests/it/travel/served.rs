//! The database as it is served, and a slow way to it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::place::Place;

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
