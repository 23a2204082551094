//! Starts as the hook asks about them: a process that waits in namespaces of its own, an OCI bundle as an engine
//! writes it, and the kernel's own guard. Needs root.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use lazaret_agent::behaviour::expectation::Expectations;
use lazaret_agent::behaviour::keeper::Keeper;
use lazaret_agent::desk::Desk;
use lazaret_agent::hook;
use lazaret_agent::socket;
use lazaret_agent::start::{self, begin::Beginnings, judge::StartJudge};
use lazaret_agent::watch::inventory::Inventory;
use lazaret_agent::watch::running::Running;
use lazaret_engine::docker::StoreReader;
use lazaret_format::v1::EventKind;
use lazaret_sensor::{Options, Sensor};
use serde_json::Value;

use crate::world::{CONTAINER, GOOD, NOT_PROMOTED, World, bad_config, good_config, stage, write_container};

/// A configuration that dockerd 20.10 wrote for a container without any options.
const PLAIN: &str = include_str!("../../../../io/engine/testdata/specs/plain.json");
const PLAIN_ID: &str = "d4a5ca0df4579fa57e3258bbeccfde8f66e82fee73bd140dcaf3b885e4a92c56";

struct Host {
    world: World,
    inventory: Arc<Mutex<Inventory>>,
    sensor: Arc<Sensor>,
    socket: PathBuf,
    /// The container's first process.
    init: Child,
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.init.kill();
        let _ = self.init.wait();
    }
}

impl Host {
    async fn new(world: World) -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            crate::skipped("starts need root");
            return None;
        }
        let bundle = world.directory.path().join("bundle");
        std::fs::create_dir_all(&bundle).unwrap();
        write_bundle(&bundle, &world.data_root(), |_| {});
        let (running, _) = Running::load(&world.directory.path().join("running.json"), "boot").unwrap();
        let inventory = Arc::new(Mutex::new(Inventory::new(running)));
        let (sensor, mut events) = Sensor::start(&Options::default()).unwrap();
        tokio::spawn(async move { while events.recv().await.is_some() {} });
        let sensor = Arc::new(sensor);
        let expectations =
            Expectations::new(Arc::clone(&world.admissions), StoreReader::new(world.data_root()));
        let keeper = Arc::new(Keeper::new(expectations, Arc::clone(&sensor), world.spool.clone()));
        let judge = StartJudge {
            stage: stage(),
            admissions: Arc::clone(&world.admissions),
            engine_socket: "/nonexistent/docker.sock".into(),
            engine_files: StoreReader::new(world.data_root()),
            desk: Arc::new(Desk::new("testhost", world.spool.clone())),
            sensor: Arc::clone(&sensor),
            inventory: Arc::clone(&inventory),
            keeper,
            beginnings: Beginnings::new(world.directory.path()),
        };
        let socket = world.directory.path().join("agent.sock");
        let listener = socket::listen(&socket).await.unwrap();
        tokio::spawn(start::serve(listener, Arc::new(judge)));
        let init = Command::new("unshare")
            .args(["--mount", "--pid", "--fork", "sleep", "60"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        Some(Self { world, inventory, sensor, socket, init })
    }

    /// The process in the new namespaces: the child of `unshare`.
    fn pid(&self) -> u32 {
        let children = format!("/proc/{0}/task/{0}/children", self.init.id());
        for _ in 0..1000 {
            let child = std::fs::read_to_string(&children).unwrap_or_default().trim().parse();
            if let Ok(pid) = child {
                return pid;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        panic!("unshare(1) started nothing");
    }

    async fn start(&self, container: &str, pid: u32) -> Result<(), String> {
        let (socket, bundle) = (self.socket.clone(), self.world.directory.path().join("bundle"));
        let state = serde_json::json!({"ociVersion": "1.0.2", "id": container, "pid": pid, "bundle": bundle})
            .to_string();
        let ask = move || hook::run(&socket, state.as_bytes()).map_err(|failure| failure.to_string());
        tokio::task::spawn_blocking(ask).await.unwrap()
    }

    fn is_running(&self) -> bool {
        self.inventory.lock().unwrap().running().get(CONTAINER).is_some()
    }

    /// Refused, said why, nothing left behind.
    fn check_refused(&self, result: Result<(), String>, word: &str) {
        let why = result.unwrap_err();
        assert!(why.starts_with("lazaret: ") && why.contains(word), "{why}");
        assert!(!self.is_running() && self.sensor.guarded() == 0, "{why}");
    }
}

/// The engine's own configuration, of this container and with this data root.
fn write_bundle(bundle: &Path, data_root: &Path, change: impl FnOnce(&mut Value)) {
    let text = PLAIN.replace("/srv/engine/data", data_root.to_str().unwrap()).replace(PLAIN_ID, CONTAINER);
    let mut spec: Value = serde_json::from_str(&text).unwrap();
    change(&mut spec);
    std::fs::write(bundle.join("config.json"), spec.to_string()).unwrap();
    if let Some(root) =
        spec["root"]["path"].as_str().filter(|root| root.starts_with(data_root.to_str().unwrap()))
    {
        std::fs::create_dir_all(root).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admitted_start_is_guarded_remembered_and_on_record() {
    let Some(host) = Host::new(World::new()).await else { return };
    let begun = std::time::Instant::now();
    host.start(CONTAINER, host.pid()).await.unwrap();
    crate::say(&format!("start decided, guarded and recorded in {:?}", begun.elapsed()));
    assert!(host.is_running());
    assert_eq!(host.sensor.guarded(), 1);
    let saved = std::fs::read_to_string(host.world.directory.path().join("running.json")).unwrap();
    assert!(saved.contains(CONTAINER));
    // The process is in no control group of its own, which is told first.
    let mut events = host.world.events();
    events.retain(|event| !matches!(event.what, EventKind::Gap { .. }));
    let [decided, started] = &events[..] else { panic!("{events:?}") };
    let EventKind::Decided { decision, allow: true, container, image_config, .. } = &decided.what else {
        panic!("{decided:?}")
    };
    assert_eq!(
        (container.as_deref(), image_config.clone()),
        (Some(CONTAINER), Some(good_config().to_string()))
    );
    let EventKind::ContainerStarted { decision: by, name, image_name, pid, .. } = &started.what else {
        panic!("{started:?}")
    };
    assert_eq!(
        (by.as_ref(), name.as_str(), image_name.as_str(), *pid),
        (Some(decision), "shop", GOOD, host.pid())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_engine_made_of_the_wish_decides() {
    let Some(host) = Host::new(World::new()).await else { return };
    let bundle = host.world.directory.path().join("bundle");
    let data_root = host.world.data_root();
    // Given another image since it was created, or created past the plugin.
    write_container(&data_root, bad_config(), NOT_PROMOTED);
    host.check_refused(host.start(CONTAINER, host.pid()).await, "not known");
    write_container(&data_root, good_config(), GOOD);
    for (what, change) in [
        (
            "bind",
            (|spec: &mut Value| {
                spec["mounts"].as_array_mut().unwrap().push(serde_json::json!({"destination": "/host", "type": "bind", "source": "/", "options": ["rbind"]}))
            }) as fn(&mut Value),
        ),
        ("seccomp", |spec| spec["linux"]["seccomp"] = Value::Null),
        ("hook", |spec| spec["hooks"]["poststart"] = serde_json::json!([{"path": "/tmp/evil"}])),
        ("root file system", |spec| spec["root"]["path"] = "/".into()),
        ("namespace", |spec| spec["linux"]["namespaces"] = serde_json::json!([{"type": "mount"}])),
    ] {
        write_bundle(&bundle, &data_root, change);
        host.check_refused(host.start(CONTAINER, host.pid()).await, what);
    }
    std::fs::write(bundle.join("config.json"), "{").unwrap();
    host.check_refused(host.start(CONTAINER, host.pid()).await, "cannot be read");
    std::fs::remove_file(bundle.join("config.json")).unwrap();
    host.check_refused(host.start(CONTAINER, host.pid()).await, "cannot be read");
    assert_eq!(host.world.decisions().len(), 8, "each refusal is on record");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_missing_refuses() {
    let Some(host) = Host::new(World::new()).await else { return };
    host.check_refused(host.start(&"d".repeat(64), host.pid()).await, "cannot be read");
    host.check_refused(host.start("../../etc", host.pid()).await, "cannot be read");
    // A process of the host itself can never be a container's.
    host.check_refused(host.start(CONTAINER, std::process::id()).await, "guard");
    host.check_refused(host.start(CONTAINER, 4_194_304).await, "guard");
    host.world.spool.close();
    host.check_refused(host.start(CONTAINER, host.pid()).await, "on record");

    let Some(host) = Host::new(World::with_policy_unset()).await else { return };
    host.check_refused(host.start(CONTAINER, host.pid()).await, "no policy");
}
