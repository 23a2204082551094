use lazaret_e2e::image::bases;
use lazaret_e2e::lab::{Engine, Folders, processes, sweep};
use lazaret_e2e::{Result, Run, check};

use crate::world::{Swept, World, folder, fresh};

/// What an engine that was here first has on this host.
fn traces(engine: &Engine, folders: &Folders) -> Result<String> {
    let containers =
        engine.docker(["ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.State}}"]).ok()?.stdout;
    let pid =
        engine.docker(["inspect", "--format", "{{.State.Pid}} {{.State.StartedAt}}", "theirs"]).ok()?.stdout;
    let bridge =
        Run::new("ip").args(["-oneline", "link", "show", "dev", &folders.bridge("build")]).ok()?.stdout;
    let rules = Run::new(lazaret_e2e::tool("iptables-save")?).end()?.stdout;
    let rules: Vec<&str> = rules
        .lines()
        .filter(|line| line.starts_with("-A") || line.starts_with(":"))
        .map(|line| line.split('[').next().unwrap_or(line))
        .collect();
    let forwarding = std::fs::read_to_string("/proc/sys/net/ipv4/ip_forward").unwrap_or_default();
    Ok(format!("{containers}{pid}{:?}\n{bridge}{}\n{forwarding}", engine.pids(), rules.join("\n")))
}

/// A laboratory starts, is killed, starts again and is stopped, beside an engine with a running container.
pub(crate) fn another_engine_is_not_touched(world: &mut World) -> Result<()> {
    world.clear();
    let (theirs, ours) = (folder("u"), folder("b"));
    let (_swept, _swept_too) = (Swept(theirs.clone()), Swept(ours.clone()));
    let engine = Engine::of_somebody_else(&theirs)?;
    let their_folders = Folders::new(&theirs)?;
    let (_, base) = bases()?;
    engine.docker(["import", &base.archive.display().to_string(), "theirs:1"]).ok()?;
    engine.docker(["run", "--detach", "--name", "theirs", "theirs:1", "sleep", "1000"]).ok()?;
    let before = traces(&engine, &their_folders)?;

    let lab = fresh("b")?;
    check!(
        traces(&engine, &their_folders)? == before,
        "the start of a laboratory changed something of the other engine"
    );
    for pid in lab.docker.pids().into_iter().chain(lab.build.pids()).chain(lab.agent.pid()) {
        lazaret_e2e::lab::kill_now(pid);
    }
    drop(lab);
    let lab = fresh("b")?;
    lab.stop()?;
    let after = traces(&engine, &their_folders)?;
    check!(after == before, "the other engine was touched:\n{before}\nbefore,\n{after}\nafter");
    Ok(())
}

/// `kill -9` of everything: the next run finds and removes it, and `make stop` too.
pub(crate) fn leftovers_of_a_killed_run_are_removed(_: &mut World) -> Result<()> {
    let state = folder("d");
    let _swept = Swept(state.clone());
    let lab = fresh("d")?;
    let folders = lab.folders.clone();
    let inside = format!("{}/", state.display());
    let ours = || {
        processes()
            .into_iter()
            .filter(|process| process.arguments.iter().any(|argument| argument.contains(&inside)))
            .collect::<Vec<_>>()
    };
    check!(ours().len() >= 7, "a laboratory is fewer processes than thought: {:?}", ours());
    for process in ours() {
        lazaret_e2e::lab::kill_now(process.pid);
    }
    drop(lab);
    fresh("d")?.lazaret(["agents"])?.ok()?;
    let swept = sweep(&folders)?;
    check!(!swept.is_empty() && ours().is_empty(), "still running: {:?}", ours());
    check!(!state.exists(), "{} is still there", state.display());
    for name in ["docker", "build"] {
        let bridge = format!("/sys/class/net/{}", folders.bridge(name));
        check!(!std::path::Path::new(&bridge).exists(), "{bridge} is still there");
    }
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    check!(!mounts.contains(&inside), "something is still mounted in {inside}");
    let groups =
        Run::new("find").args(["/sys/fs/cgroup", "-maxdepth", "2", "-name", &folders.cgroup()]).ok()?.stdout;
    check!(groups.is_empty(), "control groups are still there:\n{groups}");
    check!(sweep(&folders)?.is_empty(), "a second sweep found something");
    Ok(())
}
