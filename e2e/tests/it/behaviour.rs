use std::fs;
use std::time::Duration;

use lazaret_e2e::http::Peer;
use lazaret_e2e::{Lab, Result, check, until};
use serde_json::Value;

use crate::world::World;

/// What a service does is learned on its host, survives the agent, and what no service should do is told with the line of
/// processes that led to it.
pub(crate) fn a_service_is_learned_from_and_held_to_the_fixed_rules(world: &mut World) -> Result<()> {
    let (lab, told) = world.told()?;
    let config = told.built.v2.config.clone();
    run_in_service(lab, "/bin/true")?;
    let learned = until("what the service did to be on disk", Duration::from_secs(20), || {
        learned_of(lab, &config).filter(|text| text.contains("/bin/true"))
    })?;
    check!(learned.contains("\"version\":1"), "what was learned has another form: {learned:.200}");

    lab.agent.kill();
    lab.agent.restart()?;
    run_in_service(lab, "/bin/date")?;
    let again = until("what the service did then to be on disk", Duration::from_secs(20), || {
        learned_of(lab, &config).filter(|text| text.contains("/bin/date"))
    })?;
    check!(again.contains("/bin/true"), "what was on disk before the agent was killed is lost");

    run_in_service(lab, "/usr/bin/dpkg")?;
    let event = until("the event of a broken rule", Duration::from_secs(10), || {
        broken(lab, "package-manager", &config)
    })?;
    let deviation = &event["event"];
    check!(
        deviation["outcome"] == "happened" && deviation["rung"] == "alert",
        "it is called prevented: {event}"
    );
    let ancestors = deviation["process"]["ancestors"].as_array().cloned().unwrap_or_default();
    let by =
        |name: &str| ancestors.iter().any(|one| one["exe"].as_str().is_some_and(|exe| exe.contains(name)));
    check!(by("python3") && by("@runtime"), "the event does not say how it came to be: {event}");
    Ok(())
}

/// Through the door that the laboratory's service has for this.
fn run_in_service(lab: &Lab, program: &str) -> Result<()> {
    let answer = Peer::loopback(lab.shop_port).request("POST", &format!("/run?path={program}"), &[], b"")?;
    check!(answer.body.contains("\"code\""), "{program} did not run: {}", answer.body);
    Ok(())
}

/// What the agent has on disk of this image, in whatever ways it is run.
fn learned_of(lab: &Lab, config: &str) -> Option<String> {
    let hex = config.strip_prefix("sha256:").unwrap_or(config);
    let entries = fs::read_dir(lab.folders.agent().join("learned")).ok()?;
    let files = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(hex));
    let texts: Vec<String> = files.filter_map(|entry| fs::read_to_string(entry.path()).ok()).collect();
    (!texts.is_empty()).then(|| texts.concat())
}

/// What was told of a container of this image.
fn broken(lab: &Lab, rule: &str, config: &str) -> Option<Value> {
    let ended = lab.lazaret(["--format", "json", "events"]).ok()?.ok().ok()?;
    let mut events = ended.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events.find(|event| {
        let event = &event["event"];
        event["kind"] == "deviation" && event["rule"] == rule && event["image_config"] == config
    })
}
