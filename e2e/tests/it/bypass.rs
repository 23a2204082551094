use std::fmt::Write as _;

use lazaret_e2e::story::{bypass, run_shop_once};
use lazaret_e2e::{Lab, Result, check};

use crate::world::World;

/// What the engine has, to see that a refused request left nothing.
fn inventory(lab: &Lab) -> Result<String> {
    let mut text = String::new();
    for command in [
        ["container", "ls", "--all", "--quiet"].as_slice(),
        &["volume", "ls", "--quiet"],
        &["network", "ls", "--quiet"],
        &["image", "ls", "--all", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}"],
    ] {
        // The engine lists what was made at the same second in an order of its own, another one each time.
        let listed = lab.docker.docker(command).ok()?.stdout;
        let mut lines: Vec<&str> = listed.lines().collect();
        lines.sort_unstable();
        let _ = writeln!(text, "{}\n", lines.join("\n"));
    }
    Ok(text)
}

pub(crate) fn every_disguise_is_refused(world: &mut World) -> Result<()> {
    let (lab, told) = world.told()?;
    let before = inventory(lab)?;
    let mut wrong = String::new();
    for attempt in bypass::attempts(&told.built.v2.by_digest) {
        if let Err(failure) = attempt.refused(&lab.docker) {
            let _ = writeln!(wrong, "{failure}");
        }
    }
    for (attempt, status) in bypass::turned_away(&told.built.v2.by_digest) {
        if let Err(failure) = attempt.answered(&lab.docker, status) {
            let _ = writeln!(wrong, "{failure}");
        }
    }
    check!(wrong.is_empty(), "not refused as it should be:\n{wrong}");
    let after = inventory(lab)?;
    check!(after == before, "a refused request left something:\n{before}\nbefore,\n{after} after");
    Ok(())
}

/// A guard that refuses everything would pass every other test.
pub(crate) fn harmless_requests_are_answered(world: &mut World) -> Result<()> {
    let (lab, _) = world.told()?;
    for path in [
        "/_ping",
        "/version",
        "/v1.41/version",
        "/v1.41/info",
        "/v1.41/containers/json?all=1",
        "/v1.41/containers/shop/json",
        "/v1.41/containers/shop/logs?stdout=1",
        "/v1.41/containers/shop/top",
        "/v1.41/containers/shop/stats?stream=0&one-shot=1",
        "/v1.41/images/json",
        "/v1.41/networks",
        "/v1.41/volumes",
        "/v1.41/events?since=0&until=1",
    ] {
        let answer = lab.docker.peer().get(path)?;
        check!(answer.status == 200, "GET {path} was answered {} {}", answer.status, answer.body);
    }
    for (command, code) in
        [(["version"].as_slice(), 0), (&["ps"], 0), (&["inspect", "shop"], 0), (&["logs", "shop"], 0)]
    {
        lab.docker.docker(command).code(code)?;
    }
    Ok(())
}

/// The plugin sees a wish, the start hook sees what really starts: a name that changed its image in between, and a
/// container that was made before it was forbidden, are caught there.
pub(crate) fn the_start_decides_again(world: &mut World) -> Result<()> {
    let (lab, told) = world.told()?;
    let (good, bad) = (&told.built.v2, &told.built.old);
    lab.docker.docker(["pull", "--quiet", &bad.by_digest]).ok()?;
    // By its configuration's digest, which the engine's own store knows: the other way to name the promoted image.
    let by_id = lab.docker.docker(["run", "--detach", "--rm", &good.config]).end()?;
    check!(by_id.code == 0, "the promoted image does not run by its image ID:\n{}", by_id.said());
    lab.docker.docker(["rm", "--force", by_id.stdout.trim()]).ok()?;
    let refused = lab.docker.docker(["run", "--detach", "--rm", &bad.config]).code(125)?;
    check!(refused.said().contains("not promoted"), "the refusal does not say why:\n{}", refused.said());
    // The engine's own refusals reach the user as they are.
    let twice = run_shop_once(lab, good)?;
    check!(twice.said().contains("already in use"), "the second container of one name: {}", twice.said());
    Ok(())
}
