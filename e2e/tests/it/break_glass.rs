use std::fs;
use std::time::Duration;

use lazaret_e2e::{Context as _, Ended, Lab, Result, check, fail, until};
use serde_json::Value;

use crate::world::World;

/// The one way in: opened by a person, for one container, for a while, with all that is run in it on record.
pub(crate) fn one_container_is_opened_recorded_and_closed_again(world: &mut World) -> Result<()> {
    let (lab, _) = world.told()?;
    let said = refused(lab, &["exec", "shop", "id"])?;
    check!(said.contains("lazaret break-glass open"), "the refusal does not say what to do:\n{said}");

    let opening = ["break-glass", "open", "shop", "--host", "lab", "--reason", "orders hang", "--for", "10m"];
    let opened = lab.ask(opening)?;
    check!(opened["in_force"].is_string(), "the host did not hear of it: {opened}");
    let Some(id) = opened["id"].as_str().map(str::to_owned) else { fail!("it has no id: {opened}") };

    let answer = docker(lab, &["exec", "shop", "sh", "-c", "id -u; cat /etc/hostname password=hunter2"])?;
    check!(answer.stdout.lines().count() == 2, "the commands did not run:\n{}", answer.said());
    refused(lab, &["exec", "edge", "id"])?;
    refused(lab, &["exec", "--privileged", "shop", "id"])?;
    refused(lab, &["cp", "shop:/etc/hostname", "-"])?;
    let drop = "cp /bin/true /tmp/dropped && echo changed >> /tmp/dropped && /tmp/dropped && echo it ran";
    let dropped = docker(lab, &["exec", "shop", "sh", "-c", drop])?;
    check!(dropped.code == 126, "a dropped program ran in a session:\n{}", dropped.said());

    // What is open stays open for the next life of the agent, and what it began before is its session still.
    lab.agent.kill();
    lab.agent.restart()?;
    lab.docker.docker(["exec", "--detach", "shop", "sh", "-c", "sleep 300 & sleep 301"]).ok()?;
    until("the commands in the transcript", Duration::from_secs(20), || {
        let told = transcript(lab, &id).ok()?;
        let ran = |words: &str| told.iter().any(|event| command(event).is_some_and(|line| line == words));
        (ran("id -u") && ran("cat /etc/hostname password=hunter2") && ran("sleep 300") && ran("sleep 301"))
            .then_some(())
    })?;
    let told = transcript(lab, &id)?;
    let begin = told.iter().find(|event| event["entered"] == true);
    check!(
        begin.is_some_and(|event| command(event).is_some_and(|line| line.starts_with("sh -c"))),
        "it is not told who came in: {told:?}"
    );
    let login = told.iter().find(|event| event["kind"] == "deviation" && event["category"] == "login.exec");
    check!(
        login.is_some_and(|event| event["severity"] == "low" && event["grant"] == id.as_str()),
        "who was let in is told as an intruder: {login:?}"
    );
    check!(
        told.iter().any(|event| event["kind"] == "decided" && event["grant"]["reason"] == "orders hang"),
        "the decision does not say why: {told:?}"
    );

    lab.lazaret(["break-glass", "close", &id])?.ok()?;
    until("log-ins to be refused again", Duration::from_secs(10), || {
        refused(lab, &["exec", "shop", "id"]).ok()
    })?;
    until("the end of the session that went on", Duration::from_secs(10), || {
        let told = transcript(lab, &id).ok()?;
        let killed = |event: &Value| event["kind"] == "session-ended" && event["killed"].as_u64() >= Some(2);
        told.iter().any(killed).then_some(())
    })?;
    let left = docker(lab, &["top", "shop"])?.stdout;
    check!(!left.contains("sleep 30"), "what was started in the session goes on:\n{left}");
    let shown = lab.lazaret(["break-glass", "show", &id])?.ok()?.stdout;
    check!(shown.contains("`cat /etc/hostname password=hunter2`"), "the transcript cannot be read:\n{shown}");
    is_in_the_log(lab, &id)
}

/// Opening, commands and closing, and no arguments.
fn is_in_the_log(lab: &Lab, id: &str) -> Result<()> {
    let file = lab.folders.state().join("opened.lzlog");
    let path = file.display().to_string();
    let log_key = lab.folders.server().join("log.pub").display().to_string();
    lab.lazaret(["audit", "export", "--out", &path])?.ok()?;
    lab.lazaret(["audit", "verify", "--file", &path, "--log-key", &log_key])?.ok()?;
    let text = fs::read_to_string(&file).context(|| format!("cannot read {path}"))?;
    let export: Value = serde_json::from_str(&text).context(|| format!("{path} is no JSON"))?;
    let leaves: Vec<&str> =
        export["entries"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut last = 0;
    for (kind, words) in [
        ("break-glass-opened", "orders hang"),
        ("break-glass-in-force", id),
        ("decision", id),
        ("session-command", "/bin/"),
        ("break-glass-closed", "user admin"),
        ("session-ended", id),
    ] {
        let kind_member = format!("\"kind\":\"{kind}\"");
        let is_it = |leaf: &&str| [kind_member.as_str(), id, words].iter().all(|part| leaf.contains(*part));
        let place = leaves.iter().skip(last).position(is_it);
        let Some(place) = place else {
            fail!("the audit log has no {kind} with {words} behind entry {last}")
        };
        last += place;
    }
    check!(!leaves.iter().any(|leaf| leaf.contains("hunter2")), "the audit log keeps arguments");
    Ok(())
}

/// All that is told of it, in its order.
fn transcript(lab: &Lab, id: &str) -> Result<Vec<Value>> {
    let shown = lab.ask(["break-glass", "show", id])?;
    Ok(shown["events"].as_array().into_iter().flatten().map(|event| event["event"].clone()).collect())
}

fn command(event: &Value) -> Option<String> {
    let words = event["process"]["argv"].as_array().filter(|_| event["kind"] == "session-command")?;
    let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
    Some(words.join(" "))
}

fn docker(lab: &Lab, arguments: &[&str]) -> Result<Ended> {
    lab.docker.docker(arguments.iter().copied()).end()
}

/// What the refusal says.
fn refused(lab: &Lab, arguments: &[&str]) -> Result<String> {
    let ended = docker(lab, arguments)?;
    let said = ended.said();
    check!(ended.code != 0 && said.contains("lazaret: "), "`{}` was not refused:\n{said}", ended.shown);
    Ok(said)
}
