//! What a real engine hands to its runtime (`testdata/capture_specs.py` wrote it down).
//!
//! `testdata/specs/expected.txt` says what facts each file shows; `UPDATE_GOLDEN=1` writes it anew.

use std::path::{Path, PathBuf};

use lazaret_engine::docker::runtime_spec::{Layout, SpecError, read};
use lazaret_model::RunConfiguration;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::requests::facts;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/specs")
}

fn load(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder().join(format!("{name}.json"))).unwrap()).unwrap()
}

/// The id stands at the end of the cgroup's path, whatever the parent.
fn container(spec: &Value) -> String {
    let path = spec["linux"]["cgroupsPath"].as_str().unwrap_or_default();
    path.rsplit(['/', ':']).next().unwrap_or_default().to_owned()
}

fn device(kind: char, major: u32, minor: u32) -> Option<String> {
    matches!((kind, major, minor), ('c', 10, 237)).then(|| "/dev/loop-control".to_owned())
}

fn layout(container: &str) -> Layout<'_> {
    Layout {
        data_root: "/srv/engine/data",
        exec_root: "/srv/engine/exec",
        container,
        cgroup_parent: Some("/lzeng"),
        has_cgroup_namespaces: false,
        hooks: &["/usr/bin/lazaret-agent"],
        device: &device,
    }
}

fn read_spec(spec: &Value) -> Result<RunConfiguration, SpecError> {
    read(spec.to_string().as_bytes(), &layout(&container(spec)))
}

#[test]
fn real_configurations_show_what_was_asked() {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".json").map(str::to_owned))
        .filter(|name| !name.contains('.'))
        .collect();
    names.sort();
    assert!(names.len() > 15, "{names:?}");
    let said: String =
        names.iter().map(|name| format!("{name:20}{}\n", facts(&read_spec(&load(name)).unwrap()))).collect();
    let golden = folder().join("expected.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, &said).unwrap();
    }
    assert_eq!(said, std::fs::read_to_string(&golden).unwrap_or_default());
}

#[test]
fn a_plain_container_shows_its_user_alone() {
    let run = read_spec(&load("plain")).unwrap();
    assert_eq!(run, RunConfiguration { user: "1000:0".to_owned(), ..RunConfiguration::default() });
}

#[test]
fn the_engines_own_mounts_are_so_only_at_their_place() {
    let plain = load("plain");
    let own = format!("/srv/engine/data/containers/{}", container(&plain));
    let other = format!("/srv/engine/data/containers/{}", "a".repeat(64));
    for (source, target, is_bind) in [
        (format!("{own}/hosts"), "/etc/hosts", false),
        (format!("{own}/mounts/shm"), "/dev/shm", false),
        ("/srv/engine/data/volumes/data/_data".to_owned(), "/data", false),
        ("/srv/engine/data/volumes/data/_data/part".to_owned(), "/data", false),
        (format!("{own}/hosts"), "/etc/passwd", true),
        (format!("{own}/config.v2.json"), "/x", true),
        (own.clone(), "/etc/hosts", true),
        (format!("{other}/hosts"), "/etc/hosts", true),
        (format!("{own}/../{}/hosts", "b".repeat(64)), "/etc/hosts", true),
        ("/srv/engine/data/volumes/data/_data/../../../containers".to_owned(), "/data", true),
        ("/srv/engine/data/volumes/data".to_owned(), "/data", true),
        ("/srv/engine/data/volumes".to_owned(), "/data", true),
        ("/srv/engine/data/volumes/data/_database".to_owned(), "/data", true),
        ("/srv/engine/data-other/volumes/data/_data".to_owned(), "/data", true),
        ("/srv/engine/data".to_owned(), "/data", true),
        ("/dev/shm".to_owned(), "/dev/shm", true),
        ("/usr/bin/docker-init".to_owned(), "/sbin/docker-init", true),
        ("/etc/shadow".to_owned(), "/sbin/docker-init", true),
    ] {
        let mut spec = plain.clone();
        let mount = json!({"destination": target, "type": "bind", "source": source, "options": ["rbind"]});
        spec["mounts"].as_array_mut().unwrap().push(mount);
        let run = read_spec(&spec).unwrap();
        let binds = facts(&run).contains(&format!("bind: {source} at {target}"));
        assert_eq!(binds, is_bind, "{source} {target}: {}", facts(&run));
    }
}

#[test]
fn every_other_way_out_leaves_a_fact() {
    let change = |pointer: &str, value: Value| {
        let mut spec = load("plain");
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        spec.pointer_mut(parent).unwrap()[key] = value;
        spec
    };
    for (spec, fact) in [
        (change("/root/path", json!("/")), "escapes: root file system /"),
        (change("/root/path", json!("/srv/engine/data/../../..")), "escapes: root file system"),
        (change("/linux/namespaces", json!([])), "host namespaces: pid, ipc, network, uts, mount"),
        (
            change("/linux/namespaces", json!([{"type": "pid", "path": "/proc/1/ns/pid"}])),
            "escapes: pid namespace /proc/1/ns/pid",
        ),
        (change("/linux/seccomp", Value::Null), "weakened: seccomp profile unconfined"),
        (
            change("/linux/seccomp", json!({"defaultAction": "SCMP_ACT_LOG"})),
            "weakened: seccomp profile of the caller",
        ),
        (change("/linux/maskedPaths", json!(["/proc/kcore"])), "weakened: masked paths uncovered"),
        (change("/linux/readonlyPaths", Value::Null), "weakened: read-only paths writable"),
        (
            change("/linux/sysctl", json!({"kernel.shm_rmid_forced": "1"})),
            "sysctls: kernel.shm_rmid_forced=1",
        ),
        (change("/linux/cgroupsPath", json!("/elsewhere")), "escapes: cgroup parent /elsewhere"),
        (
            change("/linux/personality", json!({"domain": "LINUX32"})),
            "escapes: runtime setting linux.personality",
        ),
        (
            change("/linux/resources", json!({"devices": [{"allow": true, "access": "rwm"}]})),
            "privileged: yes; devices: device rule a *:* rwm",
        ),
        (
            change(
                "/linux/resources",
                json!({"devices": [{"allow": true, "type": "b", "major": -1, "access": "rwm"}]}),
            ),
            "privileged: yes",
        ),
        (
            change(
                "/linux/resources",
                json!({"devices": [{"allow": true, "type": "c", "major": 10, "minor": 237, "access": "r"}]}),
            ),
            "devices: device rule c 10:237 r",
        ),
        (
            change("/linux/resources", json!({"memory": {"disableOOMKiller": true}})),
            "weakened: out-of-memory killer disabled",
        ),
        (
            change("/linux/devices", json!([{"type": "c", "path": "/dev/null", "major": 10, "minor": 237}])),
            "devices: /dev/loop-control",
        ),
        (
            change("/linux/devices", json!([{"type": "b", "path": "/dev/fuse", "major": 254, "minor": 0}])),
            "devices: b 254:0",
        ),
        (change("/process/capabilities", json!({"ambient": ["CAP_BPF"]})), "capabilities: BPF"),
        (
            change("/process/capabilities", json!({"other": ["CAP_BPF"]})),
            "escapes: runtime setting process.capabilities.other",
        ),
        (change("/process/apparmorProfile", json!("unconfined")), "weakened: apparmor profile unconfined"),
        (change("/process/oomScoreAdj", json!(-5)), "weakened: out-of-memory score -5"),
        (
            change("/process/scheduler", json!({"policy": "SCHED_FIFO"})),
            "escapes: runtime setting process.scheduler",
        ),
        (
            change("/hooks/createRuntime", json!([{"path": "/tmp/evil", "args": ["libnetwork-setkey"]}])),
            "escapes: hook /tmp/evil",
        ),
        (
            change("/hooks/poststop", json!([{"path": "/proc/self/exe", "args": ["libnetwork-setkey"]}])),
            "escapes: hook /proc/self/exe",
        ),
        (change("/annotations", json!({"run.oci.handler": "x"})), "escapes: annotation run.oci.handler"),
        (change("/vm", json!({"hypervisor": {"path": "/x"}})), "escapes: runtime setting vm"),
        (
            change(
                "/mounts",
                json!([{"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": []}]),
            ),
            "weakened: /sys writable",
        ),
        (
            change(
                "/mounts",
                json!([{"destination": "/sys/fs/cgroup", "type": "cgroup", "options": ["rw"]}]),
            ),
            "weakened: cgroups writable",
        ),
        (
            change("/mounts", json!([{"destination": "/x", "type": "proc", "source": "proc"}])),
            "escapes: mount of type proc from proc",
        ),
        (
            change("/mounts", json!([{"destination": "/x", "type": "ext4", "source": "/dev/vda"}])),
            "escapes: mount of type ext4 from /dev/vda",
        ),
        (
            change(
                "/mounts",
                json!([{"destination": "/x", "type": "none", "source": "/", "options": ["rbind", "rshared"]}]),
            ),
            "bind: / at /x; weakened: mount propagation rshared of /x",
        ),
        (
            change(
                "/mounts",
                json!([{"destination": "/x", "type": "tmpfs", "options": ["nosuid", "nodev", "noexec", "exec"]}]),
            ),
            "weakened: tmpfs with exec at /x",
        ),
    ] {
        let said = facts(&read(spec.to_string().as_bytes(), &layout(&container(&load("plain")))).unwrap());
        assert!(said.contains(fact), "{fact} is not in {said}");
    }
    let mut hooked = load("plain");
    hooked["hooks"]["createRuntime"] =
        json!([{"path": "/usr/bin/lazaret-agent", "args": ["lazaret-agent", "hook"]}]);
    assert!(read_spec(&hooked).unwrap().escapes.is_empty(), "the administrator's hooks are allowed");
}

#[test]
fn cgroup_namespaces_are_missed_where_they_are_usual() {
    let plain = load("plain");
    let id = container(&plain);
    let run =
        read(plain.to_string().as_bytes(), &Layout { has_cgroup_namespaces: true, ..layout(&id) }).unwrap();
    assert_eq!(facts(&run), "; user: 1000:0; host namespaces: cgroup");
}

#[test]
fn unclear_files_are_errors() {
    for text in [
        "",
        "{",
        "[]",
        "null x",
        r#"{"process": []}"#,
        r#"{"mounts": [1]}"#,
        r#"{"root": {}, "root": {}}"#,
        r#"{"linux": {"namespaces": {}}}"#,
    ] {
        assert!(read(text.as_bytes(), &layout("x")).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let _ = read(&bytes, &layout("x"));
        let mut plain = load("plain").to_string().into_bytes();
        let index = at.index(plain.len());
        plain[index] = byte;
        let _ = read(&plain, &layout("x"));
    }
}
