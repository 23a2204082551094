//! Serves a folder over HTTP on loopback.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

pub(crate) struct Server {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    stopped: AtomicBool,
    held: AtomicBool,
    requests: AtomicUsize,
}

impl Server {
    pub(crate) fn start(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let (folder, shared) = (folder.to_owned(), state.clone());
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if shared.stopped.load(Ordering::Relaxed) {
                    return;
                }
                let (folder, shared) = (folder.clone(), shared.clone());
                std::thread::spawn(move || answer(connection, &folder, &shared));
            }
        });
        Self { address, state }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn requests(&self) -> usize {
        self.state.requests.load(Ordering::Relaxed)
    }

    /// Answers nothing while it is held.
    pub(crate) fn hold(&self, held: bool) {
        self.state.held.store(held, Ordering::Relaxed);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

fn answer(connection: TcpStream, folder: &Path, state: &State) {
    let mut lines = BufReader::new(connection.try_clone().unwrap()).lines();
    while let Some(Ok(line)) = lines.next() {
        let path = line
            .split(' ')
            .nth(1)
            .unwrap_or_default()
            .trim_start_matches('/')
            .replace("%2b", "+")
            .replace("%7e", "~");
        while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
        while state.held.load(Ordering::Relaxed) && !state.stopped.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(20));
        }
        if state.stopped.load(Ordering::Relaxed) {
            return;
        }
        state.requests.fetch_add(1, Ordering::Relaxed);
        let (status, body) = match std::fs::read(PathBuf::from(folder).join(path)) {
            Ok(body) => ("200 OK", body),
            Err(_) => ("404 Not Found", Vec::new()),
        };
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
        if (&connection).write_all(head.as_bytes()).and_then(|()| (&connection).write_all(&body)).is_err() {
            return;
        }
    }
}
