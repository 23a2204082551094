use std::fs;
use std::path::Path;

use lazaret_e2e::story::{spawn, unmanaged};
use lazaret_e2e::{Context as _, Result, Run, cache_folder, check, fail};

use crate::world::World;

pub(crate) fn namespaces_runc_and_containerd_are_found(world: &mut World) -> Result<()> {
    let (lab, _) = world.told()?;
    let folder = lab.folders.state().join("behind");
    let root = folder.join("rootfs");
    unpack(&root)?;
    let (root_text, folder_text) = (root.display().to_string(), folder.display().to_string());

    let found =
        unmanaged(lab, "unshare", |mark| spawn(&["unshare", "--mount", "--pid", "--fork", "sleep", mark]))?;
    found.end(lab)?;

    let found = unmanaged(lab, "unshare and another root", |mark| {
        spawn(&["unshare", "--mount", "--pid", "--net", "--fork", "--root", &root_text, "/bin/sleep", mark])
    })?;
    found.end(lab)?;

    let socket = lab.docker.containerd_socket().display().to_string();
    let ctr = |words: &[&str]| Run::new("ctr").args(["--address", &socket]).args(words).end();
    // The runtime keeps its list of names in a folder that all engines of a machine share.
    let name = &format!("lazaret-test-{}", std::process::id());
    let found = unmanaged(lab, "ctr", |mark| {
        spawn(&["ctr", "--address", &socket, "run", "--rm", "--rootfs", &root_text, name, "/bin/sleep", mark])
    });
    let _ = ctr(&["task", "kill", "--signal", "SIGKILL", name]);
    let ended = found?.end(lab);
    let _ = ctr(&["task", "rm", "--force", name]);
    let _ = ctr(&["container", "rm", name]);
    ended?;

    let runc_root = folder.join("runc").display().to_string();
    let name = format!("{name}-runc");
    let found = unmanaged(lab, "runc", |mark| {
        bundle(&folder, &lab.folders.cgroup(), mark)?;
        spawn(&["runc", "--root", &runc_root, "run", "--bundle", &folder_text, &name])
    });
    let _ = Run::new("runc").args(["--root", &runc_root, "kill", &name, "KILL"]).end();
    let ended = found?.end(lab);
    let _ = Run::new("runc").args(["--root", &runc_root, "delete", "--force", &name]).end();
    ended
}

/// A small Debian: the base system of the images.
fn unpack(root: &Path) -> Result<()> {
    let images = cache_folder()?.join("images");
    let archives = fs::read_dir(&images).context(|| format!("cannot read {}", images.display()))?;
    let archive = archives
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|end| end == "tar"));
    let Some(archive) = archive else { fail!("no base system in {}", images.display()) };
    fs::create_dir_all(root).context(|| format!("cannot create {}", root.display()))?;
    Run::new("tar")
        .args([
            "--extract",
            "--file",
            &archive.display().to_string(),
            "--directory",
            &root.display().to_string(),
        ])
        .ok()?;
    check!(root.join("bin/sleep").exists(), "the base system has no /bin/sleep");
    Ok(())
}

fn bundle(folder: &Path, cgroup: &str, seconds: &str) -> Result<()> {
    let text = Run::new("runc").args(["spec", "--bundle", &folder.display().to_string()]).ok()?;
    drop(text);
    let path = folder.join("config.json");
    let doing = || format!("cannot write {}", path.display());
    let mut config: serde_json::Value =
        fs::read(&path).context(doing).and_then(|bytes| serde_json::from_slice(&bytes).context(doing))?;
    config["process"]["terminal"] = serde_json::json!(false);
    config["process"]["args"] = serde_json::json!(["/bin/sleep", seconds]);
    config["linux"]["cgroupsPath"] = serde_json::json!(format!("/{cgroup}/behind"));
    fs::write(&path, config.to_string()).context(doing)
}
