//! A registry, a server that trusts one key, and agents that tell what they learned.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use lazaret_model::Digest;
use lazaret_profile::learn::Learned;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::place::{Place, text};
use crate::registry::DebianRegistry;

fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

pub(crate) struct World {
    pub(crate) place: Place,
    registry: DebianRegistry,
    pub(crate) server: Server,
    pub(crate) key: PathBuf,
    pub(crate) public: PathBuf,
    http: tokio::runtime::Runtime,
}

pub(crate) struct Server {
    pub(crate) process: Child,
    pub(crate) address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    pub(crate) fn start(place: &Place, address: &str, public: &str) -> Self {
        let state = place.path("state");
        let mut command = place.program();
        command.args(["serve", "--listen", address, "--state", text(&state), "--trusted-key", public]);
        let process = command.stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let server = Self { process, address: address.to_owned() };
        let begun = Instant::now();
        while std::net::TcpStream::connect(address).is_err() || !state.join("admin.token").exists() {
            assert!(begun.elapsed() < Duration::from_secs(60), "the server does not start");
            std::thread::sleep(Duration::from_millis(30));
        }
        server
    }
}

impl World {
    pub(crate) fn new() -> Option<Self> {
        let registry = DebianRegistry::start()?;
        let place = Place::new();
        let (key, public) = place.key("keys");
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let server = Server::start(&place, &address, text(&public));
        let http = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Some(Self { place, registry, server, key, public, http })
    }

    /// `--server` and `--token-file` come behind every command that asks the server.
    fn arguments<'a>(arguments: &[&'a str], extra: &'a [String]) -> Vec<&'a str> {
        arguments.iter().copied().chain(extra.iter().map(String::as_str)).collect()
    }

    pub(crate) fn surroundings(&self) -> Vec<String> {
        let token = text(&self.place.path("state/admin.token")).to_owned();
        vec![
            "--server".to_owned(),
            format!("http://{}", self.server.address),
            "--token-file".to_owned(),
            token,
        ]
    }

    pub(crate) fn ok(&self, arguments: &[&str]) -> Value {
        self.place.ok(&Self::arguments(arguments, &self.surroundings()))
    }

    pub(crate) fn fails(&self, arguments: &[&str]) -> (i32, String) {
        self.place.fails(&Self::arguments(arguments, &self.surroundings()))
    }

    /// As people see it.
    pub(crate) fn table(&self, arguments: &[&str]) -> String {
        let output = self.place.program().args(arguments).args(self.surroundings()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn send(
        &self,
        method: Method,
        url: &str,
        token: &str,
        kind: &str,
        body: Vec<u8>,
    ) -> (u16, String, String) {
        self.http.block_on(async {
            let request = reqwest::Client::new().request(method, url).header("content-type", kind);
            let answer = request.bearer_auth(token).body(body).send().await.unwrap();
            let status = answer.status().as_u16();
            let location = answer.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
            (status, location.unwrap_or_default(), answer.text().await.unwrap())
        })
    }

    fn blob(&self, bytes: &[u8]) -> String {
        let base = format!("http://{}", self.registry.address);
        let kind = "application/octet-stream";
        let (_, place, _) =
            self.send(Method::POST, &format!("{base}/v2/shop/blobs/uploads/"), "", kind, Vec::new());
        let digest = sha256(bytes);
        let (status, _, said) =
            self.send(Method::PUT, &format!("{place}&digest={digest}"), "", kind, bytes.to_vec());
        assert_eq!(status, 201, "{said}");
        digest
    }

    /// An image with one program, in the registry: its reference and the digest of its configuration.
    pub(crate) fn image(&self, program: &str) -> (String, Digest) {
        let mut layer = vec![0_u8; 512];
        layer[..9].copy_from_slice(b"app/serve");
        layer[100..107].copy_from_slice(b"0000755");
        layer[108..115].copy_from_slice(b"0000000");
        layer[116..123].copy_from_slice(b"0000000");
        layer[124..135].copy_from_slice(format!("{:011o}", program.len()).as_bytes());
        layer[136..147].copy_from_slice(b"00000000000");
        layer[148..156].copy_from_slice(b"        ");
        layer[156] = b'0';
        layer[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = layer.iter().map(|byte| u32::from(*byte)).sum();
        layer[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        layer.extend(program.bytes());
        layer.resize(layer.len().next_multiple_of(512) + 1024, 0);
        let layer_digest = self.blob(&layer);
        let config = json!({
            "architecture": "amd64", "os": "linux",
            "config": {"User": "33", "Entrypoint": ["/app/serve"], "Cmd": ["--all"]},
            "rootfs": {"type": "layers", "diff_ids": [layer_digest]},
            "history": [{"created_by": "COPY . /"}],
        })
        .to_string();
        let config_digest = self.blob(config.as_bytes());
        let manifest = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config_digest, "size": config.len()},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer_digest, "size": layer.len()}],
        })
        .to_string();
        let digest = sha256(manifest.as_bytes());
        let url = format!("http://{}/v2/shop/manifests/{digest}", self.registry.address);
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let (status, _, said) = self.send(Method::PUT, &url, "", kind, manifest.into_bytes());
        assert_eq!(status, 201, "{said}");
        (format!("{}/shop@{digest}", self.registry.address), config_digest.parse().unwrap())
    }

    /// The key of a new agent.
    pub(crate) fn agent(&self, host: &str) -> String {
        let token = self.ok(&["token", "create", "--kind", "enrolment", "--name", host]);
        let body = json!({"host": host, "machine_id": format!("machine-of-{host}"), "version": "0.1.0"});
        let url = format!("http://{}/v1/agents/enroll", self.server.address);
        let (status, _, said) = self.send(
            Method::POST,
            &url,
            token["token"].as_str().unwrap(),
            "application/json",
            body.to_string().into_bytes(),
        );
        assert_eq!(status, 200, "{said}");
        serde_json::from_str::<Value>(&said).unwrap()["key"].as_str().unwrap().to_owned()
    }

    pub(crate) fn tell(&self, agent: &str, learned: &Learned) {
        let subject = learned.subject();
        let url =
            format!("http://{}/v1/learned/{}/{}", self.server.address, subject.image, subject.variant.key());
        let (status, _, said) = self.send(Method::PUT, &url, agent, "application/json", learned.to_json());
        assert_eq!(status, 204, "{said}");
    }

    pub(crate) fn admitted_profile(&self, agent: &str) -> Option<String> {
        let url = format!("http://{}/v1/agent/admissions", self.server.address);
        let (status, _, said) = self.send(Method::GET, &url, agent, "application/json", Vec::new());
        assert_eq!(status, 200, "{said}");
        let snapshot: Value = serde_json::from_str(&said).unwrap();
        snapshot["images"][0]["profile"].as_str().map(str::to_owned)
    }
}
