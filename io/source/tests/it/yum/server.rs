//! A web server for repositories on loopback: validators as real ones have them, and failures on demand.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use sha2::{Digest as _, Sha256};

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    folder: PathBuf,
    /// What was asked for and how it was answered, with the headers that matter.
    log: Mutex<Vec<String>>,
    /// Answers instead of files, by path: a status line with headers, and a body.
    instead: Mutex<BTreeMap<String, (String, Vec<u8>)>>,
}

impl Server {
    pub(crate) fn start(host: &str, folder: &Path) -> Self {
        let listener = TcpListener::bind((host, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State { folder: folder.to_owned(), ..State::default() });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || answer(&connection, &shared));
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// What happened since it was asked last: `/path 200`.
    pub(crate) fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.state.log.lock().unwrap())
    }

    pub(crate) fn instead(&self, path: &str, head: &str, body: impl AsRef<[u8]>) {
        let answer = (head.to_owned(), body.as_ref().to_vec());
        self.state.instead.lock().unwrap().insert(format!("/{path}"), answer);
    }

    pub(crate) fn as_it_is(&self) {
        self.state.instead.lock().unwrap().clear();
    }
}

fn answer(connection: &TcpStream, state: &State) {
    let mut lines = BufReader::new(connection.try_clone().unwrap()).lines();
    while let Some(Ok(line)) = lines.next() {
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let headers: Vec<String> =
            lines.by_ref().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
        let header = |name: &str| {
            headers.iter().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            })
        };
        let instead = state.instead.lock().unwrap().get(&path).cloned();
        let (head, body) =
            instead.unwrap_or_else(|| match std::fs::read(state.folder.join(path.trim_start_matches('/'))) {
                Err(_) => ("404 Not Found".to_owned(), Vec::new()),
                Ok(body) => {
                    let etag: String =
                        Sha256::digest(&body).iter().take(8).map(|it| format!("{it:02x}")).collect();
                    match header("if-none-match").is_some_and(|known| known == format!("\"{etag}\"")) {
                        true => ("304 Not Modified".to_owned(), Vec::new()),
                        false => (format!("200 OK\r\nETag: \"{etag}\""), body),
                    }
                }
            });
        let login = header("authorization").map_or(String::new(), |login| format!(" {login}"));
        let status = head.split(' ').next().unwrap_or_default();
        state.log.lock().unwrap().push(format!("{path} {status}{login}"));
        let head = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n", body.len());
        let mut connection = connection;
        if connection.write_all(head.as_bytes()).and_then(|()| connection.write_all(&body)).is_err() {
            return;
        }
    }
}
