//! A small authorization plugin around the decoder: refuses what is undecided, privileged or a login.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use lazaret_engine::docker::request::{RawRequest, Request, decode};
use serde_json::{Value, json};

/// Every request that the engine told of, with the answer: empty for yes.
pub(super) type Seen = Arc<Mutex<Vec<(String, String)>>>;

pub(super) struct Plugin {
    socket: PathBuf,
    pub(super) seen: Seen,
}

impl Plugin {
    pub(super) fn start(name: &str) -> std::io::Result<Self> {
        let folder = PathBuf::from("/run/docker/plugins");
        std::fs::create_dir_all(&folder)?;
        let socket = folder.join(format!("{name}.sock"));
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket)?;
        let seen = Seen::default();
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &seen));
            }
        });
        Ok(Self { socket, seen })
    }

    /// Forgets what was seen and answers it.
    pub(super) fn take(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.socket);
    }
}

fn serve(stream: UnixStream, seen: &Seen) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut length = 0;
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header).unwrap_or(0) == 0 || header == "\r\n" {
                break;
            }
            if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let answer = match path.as_str() {
            "/Plugin.Activate" => json!({"Implements": ["authz"]}),
            "/AuthZPlugin.AuthZReq" => judge(&serde_json::from_slice(&body).unwrap(), seen),
            _ => json!({"Allow": true}),
        };
        let text = answer.to_string();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            text.len()
        );
        if writer.write_all(format!("{head}{text}").as_bytes()).is_err() {
            return;
        }
    }
}

fn judge(told: &Value, seen: &Seen) -> Value {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (method, uri) = (text(&told["RequestMethod"]), text(&told["RequestUri"]));
    let body = base64::engine::general_purpose::STANDARD.decode(text(&told["RequestBody"])).unwrap();
    let raw = RawRequest {
        method: &method,
        uri: &uri,
        content_type: told["RequestHeaders"]["Content-Type"].as_str(),
        body: Some(&body).filter(|body| !body.is_empty()).map(Vec::as_slice),
    };
    let mut asked = format!("{method} {uri}");
    let decoded = decode(&raw);
    if let Ok(Request::CreateContainer(create)) = &decoded {
        asked.push_str(&crate::requests::facts(&create.run));
    }
    let refusal = match decoded {
        Err(error) => format!("undecided: {error}"),
        Ok(Request::CreateContainer(create)) if create.run.privileged => "privileged".to_owned(),
        Ok(Request::LogIn(_)) => "nobody logs in".to_owned(),
        Ok(_) => String::new(),
    };
    seen.lock().unwrap().push((asked, refusal.clone()));
    json!({"Allow": refusal.is_empty(), "Msg": refusal})
}
