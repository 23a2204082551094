//! Registries and engines to speak to: Debian's registry, and servers that misbehave on demand.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::{Client, StatusCode};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::made::{Made, Packing, sha256};
use crate::support::skipped;

/// Debian's `docker-registry`, on a port of its own, with its storage in a directory of its own.
pub(crate) struct DebianRegistry {
    process: Child,
    pub(crate) address: String,
    _directory: tempfile::TempDir,
}

impl Drop for DebianRegistry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl DebianRegistry {
    /// Nothing where it is not installed.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_with("127.0.0.1", "", "").await
    }

    /// With more of its configuration: top-level keys, and keys of `http`.
    pub(crate) async fn start_with(host: &str, more: &str, more_of_http: &str) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let port = TcpListener::bind((host, 0)).unwrap().local_addr().unwrap().port();
        let address = format!("{host}:{port}");
        let storage = directory.path().join("storage");
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\nhttp: {{addr: '{address}'{more_of_http}}}\n{more}",
            storage.display()
        );
        let path = directory.path().join("config.yml");
        std::fs::write(&path, config).unwrap();
        let started = Command::new("docker-registry")
            .arg("serve")
            .arg(&path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(process) = started else {
            skipped("docker-registry is not installed");
            return None;
        };
        let registry = Self { process, address, _directory: directory };
        for _ in 0..100 {
            if tokio::net::TcpStream::connect(&registry.address).await.is_ok() {
                return Some(registry);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("docker-registry did not start at {}", registry.address);
    }

    pub(crate) fn url(&self, rest: &str) -> String {
        let scheme = if self.address.starts_with("127.") { "http" } else { "https" };
        format!("{scheme}://{}/v2/{rest}", self.address)
    }

    /// For setting up only: it trusts everybody.
    fn client(&self) -> Client {
        Client::builder().no_proxy().tls_danger_accept_invalid_certs(true).build().unwrap()
    }

    /// With the only login that is ever set up; a registry without logins does not look at it.
    fn logged_in(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        request.basic_auth("me", Some("secret"))
    }

    pub(crate) async fn push_blob(&self, repository: &str, bytes: &[u8]) {
        let client = self.client();
        let begun = client.post(self.url(&format!("{repository}/blobs/uploads/")));
        let begun = self.logged_in(begun).send().await.unwrap();
        let location = begun.headers()["location"].to_str().unwrap().to_owned();
        let url = format!("{location}&digest={}", sha256(bytes));
        let stored = self.logged_in(client.put(url)).body(bytes.to_vec()).send().await.unwrap();
        assert_eq!(stored.status(), StatusCode::CREATED);
    }

    pub(crate) async fn push_manifest(&self, repository: &str, tag: &str, media_type: &str, bytes: &[u8]) {
        let url = self.url(&format!("{repository}/manifests/{tag}"));
        let request = self.client().put(url).header("content-type", media_type).body(bytes.to_vec());
        let stored = self.logged_in(request).send().await.unwrap();
        let status = stored.status();
        assert_eq!(status, StatusCode::CREATED, "{}", stored.text().await.unwrap());
    }

    /// Stores an image; gives its manifest.
    pub(crate) async fn push(&self, repository: &str, tag: &str, image: &Made, packing: Packing) -> Vec<u8> {
        for bytes in image.packed(packing).iter().chain([&image.config]) {
            self.push_blob(repository, bytes).await;
        }
        let manifest = image.manifest(packing).to_string().into_bytes();
        self.push_manifest(repository, tag, "application/vnd.oci.image.manifest.v1+json", &manifest).await;
        manifest
    }

    pub(crate) async fn get(&self, rest: &str) -> (StatusCode, Value) {
        let response = Client::new()
            .get(self.url(rest))
            .header(
                "accept",
                "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json",
            )
            .send()
            .await
            .unwrap();
        let status = response.status();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null))
    }
}

/// A request as a fake server sees it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// What a fake server answers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    /// The connection ends after so many bytes of the body.
    pub(crate) cut: Option<usize>,
}

impl Answer {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, body: body.into(), ..Self::default() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn cut_at(mut self, bytes: usize) -> Self {
        self.cut = Some(bytes);
        self
    }
}

type Handler = Arc<dyn Fn(&Asked) -> Answer + Send + Sync>;

/// An HTTP server that answers as a test tells it to.
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Fake {
    pub(crate) async fn start(handler: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (handler, log): (Handler, _) = (Arc::new(handler), Arc::clone(&asked));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&handler), Arc::clone(&log)));
            }
        });
        Self { address, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// How often something was asked for.
    pub(crate) fn count(&self, method: &str, part: &str) -> usize {
        self.asked().iter().filter(|asked| asked.method == method && asked.path.contains(part)).count()
    }
}

/// The same at a Unix socket.
pub(crate) async fn fake_engine(socket: &Path, handler: impl Fn(&Asked) -> Answer + Send + Sync + 'static) {
    let listener = tokio::net::UnixListener::bind(socket).unwrap();
    let handler: Handler = Arc::new(handler);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&handler), Arc::default()));
        }
    });
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    handler: Handler,
    log: Arc<Mutex<Vec<Asked>>>,
) {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let asked = Asked {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        headers,
        body: bytes[end..].to_vec(),
    };
    let answer = handler(&asked);
    let head_only = asked.method == "HEAD";
    log.lock().unwrap().push(asked);
    let mut head = format!(
        "HTTP/1.1 {} X\r\nconnection: close\r\ncontent-length: {}\r\n",
        answer.status,
        answer.body.len()
    );
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let body = &answer.body[..answer.cut.unwrap_or(answer.body.len()).min(answer.body.len())];
    let _ = stream.write_all(head.as_bytes()).await;
    if !head_only {
        let _ = stream.write_all(body).await;
    }
    let _ = stream.shutdown().await;
}
