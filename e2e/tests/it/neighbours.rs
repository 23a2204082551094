//! Engines beside the one that is guarded: Podman, and containerd by itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lazaret_e2e::story::{seconds, spawn};
use lazaret_e2e::{Context as _, Lab, Result, Run, check, until};
use serde_json::Value;

use crate::world::World;

/// "Within a second of its start."
const LIMIT: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(10);

/// They are unmanaged, but no strangers: each is known by its id, its name and, where its engine says so, its image; who
/// comes in is told, once and as what it is; and their ends are known.
pub(crate) fn podman_and_containerd_are_known_and_who_comes_in(world: &mut World) -> Result<()> {
    let (lab, _) = world.told()?;
    let folder = lab.folders.state().join("neighbours");
    let root = folder.join("root");
    small_system(&root)?;
    let after = newest(lab)?;
    podman(lab, &folder, &root)?;
    containerd(lab, &root)?;
    old_groups_alone(lab, &root)?;
    let escapes = events(lab, after)?;
    let escape = escapes.iter().find(|event| {
        event["category"] == "escape.attempt"
            && (event["process"]["exe"].as_str().is_some_and(|exe| exe.contains("runc"))
                || event["process"]["argv"][0] == "runc")
    });
    check!(
        escape.is_none(),
        "a runtime that starts a program in a container is told as an escape: {escape:?}"
    );
    Ok(())
}

fn podman(lab: &Lab, folder: &Path, root: &Path) -> Result<()> {
    let podman = Podman { folder: folder.join("podman") };
    let archive = folder.join("small.tar").display().to_string();
    Run::new("tar").args(["-C", &root.display().to_string(), "-cf", &archive, "."]).ok()?;
    let image = podman.run(&["import", "--quiet", &archive, "odd:1"])?;
    let parent = format!("/{}/podman", lab.folders.cgroup());
    let id = podman.run(&[
        "run",
        "--detach",
        "--name",
        "odd",
        "--network",
        "none",
        "--cgroup-parent",
        &parent,
        // More than this host may have is the default.
        "--ulimit",
        "nofile=1024:1024",
        "--ulimit",
        "nproc=1024:1024",
        "odd:1",
        "/bin/sleep",
        "1000",
    ])?;
    let seen = seen(lab, "Podman", |container| container["container"] == id.as_str())?;
    check!(
        seen["management"] == "unmanaged" && seen["name"] == "odd" && seen["image_name"] == "localhost/odd:1",
        "Podman's container is not called as Podman calls it: {seen}"
    );
    let config = if image.starts_with("sha256:") { image } else { format!("sha256:{image}") };
    check!(seen["image_config"] == config.as_str(), "its image is {config}, told was {seen}");
    podman.run(&["exec", "odd", "/bin/true"])?;
    came_in(lab, &id)?;
    podman.run(&["rm", "--force", "--time", "0", "odd"])?;
    gone(lab, &id)
}

/// Its own storage, and no network: that would be the host's.
struct Podman {
    folder: PathBuf,
}

impl Podman {
    fn run(&self, words: &[&str]) -> Result<String> {
        let at = |name: &str| self.folder.join(name).display().to_string();
        let ended = Run::new("podman")
            .args(["--root", &at("store"), "--runroot", &at("run"), "--tmpdir", &at("tmp")])
            .args(["--cgroup-manager", "cgroupfs", "--runtime", "runc"])
            .args(words)
            .ok()?;
        Ok(ended.stdout.trim().to_owned())
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        let _ = self.run(&["rm", "--force", "--all", "--time", "0"]);
    }
}

fn containerd(lab: &Lab, root: &Path) -> Result<()> {
    let socket = lab.docker.containerd_socket().display().to_string();
    let name = format!("odd-{}", std::process::id());
    let ctr = |words: &[&str]| Run::new("ctr").args(["--address", &socket]).args(words);
    let root = root.display().to_string();
    ctr(&["run", "--detach", "--rootfs", &root, &name, "/bin/sleep", "1000"]).ok()?;
    let held = (|| {
        let seen = seen(lab, "containerd", |container| container["name"] == name.as_str())?;
        check!(seen["management"] == "unmanaged", "containerd's container is taken for ours: {seen}");
        let id = seen["container"].as_str().unwrap_or_default().to_owned();
        ctr(&["task", "exec", "--exec-id", "visit", &name, "/bin/true"]).ok()?;
        came_in(lab, &id)?;
        Ok(id)
    })();
    let _ = ctr(&["task", "kill", "--signal", "SIGKILL", &name]).end();
    let ended = held.and_then(|id: String| gone(lab, &id));
    let _ = ctr(&["task", "rm", "--force", &name]).end();
    let _ = ctr(&["container", "rm", &name]).end();
    ended
}

/// On a host with hierarchies of both versions, an engine of old makes its groups in the old ones alone.
fn old_groups_alone(lab: &Lab, root: &Path) -> Result<()> {
    let pids = Path::new("/sys/fs/cgroup/pids");
    if !pids.join("cgroup.procs").exists() {
        return Ok(());
    }
    let id = format!("{:064x}", std::process::id());
    let group = pids.join(lab.folders.cgroup()).join(&id);
    fs::create_dir_all(&group).context(|| format!("cannot create {}", group.display()))?;
    let script = format!(
        "echo $$ > {}/cgroup.procs; exec unshare --mount --pid --fork --root {} /bin/sleep 1000",
        group.display(),
        root.display()
    );
    let mut child = spawn(&["sh", "-c", &script])?;
    let held = seen(lab, "an engine of old", |container| container["container"] == id.as_str());
    for pid in fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default().lines() {
        let _ = pid.parse().map(lazaret_e2e::lab::kill_now);
    }
    let _ = child.wait();
    held?;
    gone(lab, &id)
}

/// The container as `lazaret ps` shows it, soon enough.
fn seen(lab: &Lab, by: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
    let begun = Instant::now();
    let found = until(&format!("the container of {by}"), PATIENCE, || find(lab, &wanted))?;
    let time = begun.elapsed();
    check!(time < LIMIT, "the container of {by} was known only {} after its start", seconds(time));
    Ok(found)
}

fn gone(lab: &Lab, id: &str) -> Result<()> {
    until(&format!("the end of {id}"), PATIENCE, || {
        find(lab, |container| container["container"] == id).is_none().then_some(())
    })
}

fn find(lab: &Lab, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
    let list = lab.ask(["ps"]).ok()?;
    list.as_array()?.iter().find(|container| wanted(container)).cloned()
}

/// Somebody started `/bin/true` in it.
fn came_in(lab: &Lab, id: &str) -> Result<()> {
    until(&format!("the visit to {id}"), PATIENCE, || {
        let told = events(lab, 0).ok()?;
        let is_it = |event: &&Value| {
            event["category"] == "login.exec"
                && event["container"] == id
                && event["what"].as_str().is_some_and(|what| what.contains("/bin/true"))
        };
        told.iter().find(is_it).map(drop)
    })
}

fn events(lab: &Lab, after: u64) -> Result<Vec<Value>> {
    let shown = lab.lazaret(["--format", "json", "events", "--since", &after.to_string()])?.ok()?;
    let stored = shown.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    Ok(stored.map(|mut stored| stored["event"].take()).collect())
}

fn newest(lab: &Lab) -> Result<u64> {
    let shown = lab.lazaret(["--format", "json", "events"])?.ok()?;
    let last = shown.stdout.lines().last().and_then(|line| serde_json::from_str::<Value>(line).ok());
    Ok(last.and_then(|stored| stored["position"].as_u64()).unwrap_or_default())
}

/// Programs of this host with their libraries, where they find them.
fn small_system(root: &Path) -> Result<()> {
    let text = root.display().to_string();
    for folder in ["proc", "dev", "sys", "tmp", "etc"] {
        let folder = root.join(folder);
        fs::create_dir_all(&folder).context(|| format!("cannot create {}", folder.display()))?;
    }
    let mut files: Vec<String> = ["/bin/sleep", "/bin/true"].map(str::to_owned).to_vec();
    let linked = Run::new("ldd").args(&files).ok()?;
    files.extend(
        linked
            .stdout
            .split_whitespace()
            .filter(|word| word.starts_with('/') && !word.ends_with(':'))
            .map(str::to_owned),
    );
    files.sort();
    files.dedup();
    for file in &files {
        Run::new("install").args(["-D", file, &format!("{text}{file}")]).ok()?;
    }
    Ok(())
}
