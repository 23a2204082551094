//! The engine, the application that is attacked, and the machine on the network that attacks lead to.

use std::fs;
use std::io::Read as _;
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lazaret_e2e::http::Peer;
use lazaret_e2e::image::release_base;
use lazaret_e2e::lab::Engine;
use lazaret_e2e::{Context, Failure, Result, Run, fail, until_true};
use lazaret_model::{Digest, HealthCheck, Image, ImageConfiguration, Platform};
use lazaret_profile::ImageExecutable;
use lazaret_profile::check::ImageFiles;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::corpus::Corpus;
use crate::world::{Swept, folder};

const IMAGE: &str = "victim:1";
const NETWORK: &str = "sink";
/// As the cases name it.
const SINK: &str = "198.51.100.2";
const SINK_NAME: &str = "lz-sinkc";
/// What the application talks to when all is well.
const BACKEND: &str = "BACKEND=198.51.100.2:5432";
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Host {
    pub(crate) engine: Engine,
    place: PathBuf,
    _listener: UnixListener,
    _swept: Swept,
}

/// The cases name addresses, so that the network cannot be one that the laboratory chooses and removes.
const SUBNET: &str = "198.51.100.0/24";

impl Drop for Host {
    fn drop(&mut self) {
        remove_bridges();
    }
}

fn remove_bridges() {
    let Ok(shown) = Run::new("ip").args(["-4", "-oneline", "addr", "show", "to", SUBNET]).ok() else {
        return;
    };
    for bridge in shown.stdout.lines().filter_map(|line| line.split_whitespace().nth(1)) {
        let _ = Run::new("ip").args(["link", "del", bridge]).end();
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) pid: u32,
    /// The control group's id in the unified hierarchy.
    pub(crate) group: u64,
    pub(crate) merged: PathBuf,
    pub(crate) address: SocketAddr,
}

/// An executable of the image: where it is, and what it holds.
pub(crate) type Found = (String, [u8; 32], u16);

impl Host {
    pub(crate) fn start(corpus: &Corpus) -> Result<Self> {
        let state = folder("a");
        let swept = Swept(state.clone());
        let engine = Engine::of_somebody_else(&state)?;
        let place = state.join("attacks");
        let context = place.join("image");
        fs::create_dir_all(place.join("socket")).context(|| "cannot create a folder".to_owned())?;
        let listener = UnixListener::bind(place.join("socket/docker.sock"))
            .context(|| "cannot make the bait of an engine's socket".to_owned())?;
        Run::new("cp").args(["-r", &text(&corpus.folder.join("image")), &text(&context)]).ok()?;
        let (program, source) = (text(&context.join("tool")), text(&context.join("helper.c")));
        Run::new("cc").args(["-O2", "-static", "-w", "-o", &program, &source]).ok()?;
        engine.docker(["import", &text(&release_base()?.archive), "debian:bookworm"]).ok()?;
        engine.docker(["build", "-q", "-t", IMAGE, &text(&context)]).ok()?;
        remove_bridges();
        engine.docker(["network", "create", "--internal", "--subnet", SUBNET, NETWORK]).ok()?;
        let script = format!("{}:/sink.pl:ro", text(&corpus.folder.join("sink.pl")));
        engine
            .docker(["run", "-d", "--name", SINK_NAME, "--network", NETWORK, "--ip", SINK])
            .args(["-v", &script, "debian:bookworm", "perl", "/sink.pl"])
            .ok()?;
        Ok(Self { engine, place, _listener: listener, _swept: swept })
    }

    fn inspect(&self, what: &str) -> Result<Value> {
        let shown = self.engine.docker(["inspect", what]).ok()?.json()?;
        shown.get(0).cloned().ok_or_else(|| Failure::new(format!("the engine does not know {what}")))
    }

    /// `docker create` and its arguments, those of the case among them.
    pub(crate) fn create(&self, arguments: &str) -> Result<String> {
        let bait = text(&self.place.join("socket"));
        let arguments = arguments.replace("@FAKESOCK@", &bait).replace("lz-sinkc", SINK_NAME);
        let created = self
            .engine
            .docker(["create", "--network", NETWORK, "-e", BACKEND])
            .args(arguments.split_whitespace())
            .args([IMAGE])
            .ok()?;
        Ok(created.stdout.trim().to_owned())
    }

    /// The body of the request that makes such a container, as the engine was asked.
    pub(crate) fn request(&self, arguments: &str) -> Result<Value> {
        let bait = text(&self.place.join("socket"));
        let arguments = arguments.replace("@FAKESOCK@", &bait);
        let created = self.engine.docker(["create"]).args(arguments.split_whitespace()).args([IMAGE]).ok()?;
        let id = created.stdout.trim().to_owned();
        let shown = self.inspect(&id)?;
        self.remove(&id);
        let mut settings = shown["HostConfig"].clone();
        // What the engine adds by itself was not asked for.
        for added in ["CgroupnsMode", "Runtime"] {
            settings.as_object_mut().map(|settings| settings.remove(added));
        }
        Ok(serde_json::json!({ "Image": IMAGE, "HostConfig": settings }))
    }

    pub(crate) fn begin(&self, id: &str) -> Result<Container> {
        self.engine.docker(["start", id]).ok()?;
        until_true("the application", PATIENCE, || {
            self.engine.docker(["logs", id]).end().is_ok_and(|said| said.stdout.contains("READY"))
        })?;
        let shown = self.inspect(id)?;
        let pid = shown["State"]["Pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
        let address = shown["NetworkSettings"]["Networks"][NETWORK]["IPAddress"].as_str();
        let merged = shown["GraphDriver"]["Data"]["MergedDir"].as_str();
        let (Some(pid), Some(address), Some(merged)) = (pid, address, merged) else {
            fail!("the engine does not say where {id} is: {shown}")
        };
        let address = format!("{address}:8080").parse().context(|| "the container's address".to_owned())?;
        Ok(Container { id: id.to_owned(), pid, group: group(pid)?, merged: merged.into(), address })
    }

    pub(crate) fn remove(&self, id: &str) {
        let _ = self.engine.docker(["rm", "-f", "-v", id]).end();
    }

    /// The image as a scan would find it.
    pub(crate) fn image(&self) -> Result<Image> {
        let shown = self.inspect(IMAGE)?;
        let id = shown["Id"].as_str().unwrap_or_default();
        let strings = |value: &Value| -> Vec<String> {
            let items = value.as_array().into_iter().flatten().filter_map(Value::as_str);
            items.map(str::to_owned).collect()
        };
        let config = &shown["Config"];
        let ports = config["ExposedPorts"].as_object().into_iter().flatten();
        Ok(Image {
            manifest: None,
            config: Digest::from_hex(id.trim_start_matches("sha256:")).context(|| "image id".to_owned())?,
            platform: Platform { os: "linux".into(), architecture: "amd64".into(), variant: None },
            created: None,
            configuration: ImageConfiguration {
                entrypoint: strings(&config["Entrypoint"]),
                command: strings(&config["Cmd"]),
                exposed_ports: ports.map(|(port, _)| port.clone()).collect(),
                health_check: Some(HealthCheck { test: strings(&config["Healthcheck"]["Test"]) }),
                ..ImageConfiguration::default()
            },
            layers: Vec::new(),
        })
    }

    /// All that the image brought and that can be executed or loaded.
    pub(crate) fn executables(&self) -> Result<Vec<Found>> {
        let id = self.create("")?;
        // Its file system is there only while it runs.
        self.engine.docker(["start", &id]).ok()?;
        let shown = self.inspect(&id)?;
        let merged = shown["GraphDriver"]["Data"]["MergedDir"].as_str().unwrap_or_default().to_owned();
        let mut found = Vec::new();
        collect(Path::new(&merged), Path::new(&merged), &mut found);
        self.remove(&id);
        match found.is_empty() {
            true => Err(Failure::new("the image has no executables")),
            false => Ok(found),
        }
    }
}

pub(crate) fn image_files(found: &[Found]) -> ImageFiles {
    ImageFiles {
        digests: found.iter().map(|(_, digest, _)| *digest).collect(),
        paths: found.iter().map(|(path, digest, _)| (path.clone(), *digest)).collect(),
    }
}

pub(crate) fn image_executables(found: &[Found]) -> Vec<ImageExecutable<'_>> {
    found
        .iter()
        .map(|(path, sha256, mode)| ImageExecutable { path, sha256: *sha256, mode: *mode, capable: false })
        .collect()
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<Found>) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && !["proc", "sys", "dev"].iter().any(|name| path == root.join(name)) {
            collect(root, &path, found);
        }
        let Some(mode) =
            entry.metadata().ok().filter(|_| kind.is_file()).map(|data| data.permissions().mode())
        else {
            continue;
        };
        let mut head = [0; 4];
        let is_program = mode & 0o111 != 0
            || fs::File::open(&path)
                .is_ok_and(|mut file| file.read_exact(&mut head).is_ok() && head == *b"\x7fELF");
        if is_program && let Ok(bytes) = fs::read(&path) {
            let inside = format!("/{}", path.strip_prefix(root).unwrap_or(&path).display());
            let mode = u16::try_from(mode & 0o7777).unwrap_or(0);
            found.push((inside, Sha256::digest(&bytes).into(), mode));
        }
    }
}

impl Container {
    pub(crate) fn get(&self, path: &str) -> Result<String> {
        Ok(Peer::Tcp(self.address).get(path)?.body)
    }

    /// The first answers belong to its start.
    pub(crate) fn warm_up(&self) -> Result<()> {
        ["/", "/health", "/work"].into_iter().try_for_each(|path| self.get(path).map(drop))
    }

    /// Runs a shell command (`/rce`) or code of the application's own language (`/eval`) inside. What it said,
    /// or nothing if it did not live to say it.
    pub(crate) fn attack(&self, path: &str, body: &str) -> Option<String> {
        Peer::Tcp(self.address).request("POST", path, &[], body.as_bytes()).ok().map(|answer| answer.body)
    }
}

fn group(pid: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let path = text.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mut mounts = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let point =
        mounts.find(|fields| fields.get(2) == Some(&"cgroup2")).and_then(|fields| fields.get(1).copied());
    let folder = point.ok_or_else(|| Failure::new("there is no unified hierarchy"))?;
    let folder = Path::new(folder).join(path);
    let data = fs::metadata(&folder).context(|| format!("cannot read {}", folder.display()))?;
    Ok(data.ino())
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
