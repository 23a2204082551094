use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use lazaret_e2e::story::{Detail, Screen, seconds, tell, wait_for_version};
use lazaret_e2e::{Lab, Result, check, until, until_true};
use serde_json::Value;

use crate::world::{Swept, World, folder, fresh, last_words};

/// `kill -9` of server and agent before every step of the story: every assertion of it still holds.
pub(crate) fn kills_before_every_step_change_nothing(world: &mut World) -> Result<()> {
    // Two whole hosts at once are much for a small machine.
    world.clear();
    let _swept = Swept(folder("k"));
    let mut lab = fresh("k")?;
    let told = tell(&mut lab, Screen::new(Detail::Steps), &mut |_, lab| {
        lab.server.kill();
        lab.agent.kill();
        lab.server.restart()?;
        lab.agent.restart()
    });
    if let Err(failure) = told {
        lazaret_e2e::fail!("{failure}\n{}", last_words(&lab));
    }
    check_no_gaps(&events(&lab)?)?;
    lab.lazaret(["audit", "verify"])?.ok()?;
    lab.stop().map(drop)
}

/// While the server is away, hosts decide alone and keep what happened; then they send it, once.
pub(crate) fn a_dead_server_loses_nothing(world: &mut World) -> Result<()> {
    let (lab, told) = world.told()?;
    let image = &told.built.v2.by_digest;
    let before = events(lab)?.len();

    lab.server.kill();
    let ran = lab.docker.docker(["run", "--detach", "--name", "alone", image]).ok()?;
    let container = ran.stdout.trim().to_owned();
    lab.docker.docker(["run", "--detach", "--privileged", image]).code(125)?;
    lab.docker.docker(["rm", "--force", "alone"]).ok()?;
    // The agent dies too, with everything unsent: the spool is on disk.
    lab.agent.kill();
    lab.agent.restart()?;
    lab.server.restart()?;

    let all = until("the events of the time without a server", Duration::from_secs(20), || {
        let all = events(lab).ok()?;
        let ended = all.iter().any(|event| {
            event["event"]["kind"] == "container-ended" && event["event"]["container"] == container.as_str()
        });
        ended.then_some(all)
    })?;
    check!(all.len() > before, "nothing arrived");
    let started = all.iter().filter(|event| {
        event["event"]["kind"] == "container-started" && event["event"]["container"] == container.as_str()
    });
    check!(started.count() == 1, "the start of the container is there not exactly once");
    let refused = all.iter().any(|event| {
        event["event"]["kind"] == "decided"
            && event["event"]["allow"] == false
            && event["position"].as_u64() > Some(before as u64)
    });
    check!(refused, "the refusal of the time without a server did not arrive");
    // The shop ran on while the agent was dead: that nobody watched it must not be silent.
    let told =
        all.iter().any(|event| event["event"]["kind"] == "gap" && event["event"]["what"] == WHILE_DEAD);
    check!(told, "the agent does not say that it was dead");
    check_no_gaps(&all)
}

/// With the agent dead the engine starts nothing and says why; what runs goes on.
pub(crate) fn a_dead_agent_lets_nothing_start(world: &mut World) -> Result<()> {
    let (lab, told) = world.told()?;
    let image = &told.built.v2.by_digest;
    lab.agent.kill();
    wait_for_version(lab, "1.1-1")?;

    let begun = Instant::now();
    let body = format!("{{\"Image\":\"{image}\"}}");
    let answer = lab.docker.peer().post_json("/v1.41/containers/create?name=orphan", &body)?;
    let time = begun.elapsed();
    check!(answer.status >= 400, "a container was made with the agent dead: {}", answer.body);
    check!(answer.body.contains(&lab.folders.plugin()), "the engine does not say why: {}", answer.body);
    // The engine itself tries for 15 s (1 + 2 + 4 + 8) to reach its plugin.
    check!(time < Duration::from_secs(40), "the refusal took {}", seconds(time));
    wait_for_version(lab, "1.1-1")?;

    lab.agent.restart()?;
    let all = lab.docker.docker(["ps", "--all", "--format", "{{.Names}}"]).ok()?.stdout;
    check!(!all.contains("orphan"), "a container was made with the agent dead:\n{all}");
    until_true("the engine to start containers again", Duration::from_secs(20), || {
        lab.docker
            .docker(["run", "--detach", "--name", "again", image])
            .end()
            .is_ok_and(|ended| ended.code == 0)
    })?;
    lab.docker.docker(["rm", "--force", "again"]).ok()?;
    check_no_gaps(&events(lab)?)
}

fn events(lab: &Lab) -> Result<Vec<Value>> {
    let ended = lab.lazaret(["--format", "json", "events"])?.ok()?;
    Ok(ended.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// What a restarted agent truthfully says of the time in which nobody held running containers to their images. It is
/// no loss of events, which is what these tests are about.
const WHILE_DEAD: &str = "containers whose executions nobody decided on while no agent ran";
/// As truthfully, after `kill -9`: the last seconds of learning were not on disk.
const NOT_LEARNED: &str = "what was learned shortly before the last agent was killed";

/// And of the last second before, what the killed agent took from the kernel and did not write down; of a container, what
/// of its profile is not refused, or not yet.
const SAID: [&str; 3] =
    ["that the last agent may have taken and told nobody about", "alerted on", "from its next start on"];
/// What of an image's profile this kernel cannot refuse, or refuses besides.
const OF_A_PROFILE: &str = "image sha256:";

/// Each agent numbers its events 1, 2, 3 …: none is there twice, none is missing, and none was lost.
fn check_no_gaps(events: &[Value]) -> Result<()> {
    let mut numbers = BTreeSet::new();
    for event in events {
        let number = event["event"]["seq"].as_u64().unwrap_or_default();
        check!(numbers.insert(number), "event {number} is there twice: {event}");
        let what = &event["event"]["what"];
        let is_truth = *what == WHILE_DEAD
            || *what == NOT_LEARNED
            || what.as_str().is_some_and(|what| {
                what.starts_with(OF_A_PROFILE) || SAID.iter().any(|said| what.contains(said))
            });
        let lost = event["event"]["kind"] == "gap" && !is_truth;
        check!(!lost, "the agent lost something: {event}");
    }
    let last = numbers.last().copied().unwrap_or_default();
    check!(numbers.len() as u64 == last, "of {last} events {} are there", numbers.len());
    Ok(())
}
