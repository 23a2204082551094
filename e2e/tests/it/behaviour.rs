use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use lazaret_e2e::http::Peer;
use lazaret_e2e::story::wait_for_version;
use lazaret_e2e::{Context as _, Lab, Result, check, until};
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
    check!(
        again.contains("/bin/true"),
        "what was on disk before the agent was killed is lost:\n{learned}\nbecame\n{again}"
    );

    run_in_service(lab, "/usr/bin/dpkg")?;
    let event = until("the event of a broken rule", Duration::from_secs(10), || {
        deviation(lab, "rule", "package-manager", &config)
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

/// From what was seen to what the kernel refuses: learned on the host, drawn and signed by a person, believed by the
/// agent, in force before the entrypoint runs, and while no agent does.
pub(crate) fn what_was_learned_and_promoted_is_enforced(world: &mut World) -> Result<()> {
    let (lab, told) = world.told()?;
    let image = &told.built.v2;
    let (usual, strange) = (peer()?, peer()?);
    let gateway = gateway(lab)?;
    check!(reaches(lab, &gateway, usual)?, "the service does not reach a peer that nobody forbids");
    until("the server to hear of the peer", Duration::from_secs(30), || {
        let said =
            lab.lazaret(["--format", "json", "profile", "learn", &image.by_digest]).ok()?.end().ok()?;
        said.stdout.contains(&gateway).then_some(())
    })?;
    let key = lab.folders.private_key().display().to_string();
    let promoted = ["--key", &key, "--accept", "all", "--mode", "network=block"];
    lab.lazaret(["profile", "promote", &image.by_digest].into_iter().chain(promoted))?.ok()?;
    until("the profile to be in force", Duration::from_secs(30), || {
        reaches(lab, &gateway, strange).is_ok_and(|reached| !reached).then_some(())
    })?;
    is_held(lab, &gateway, usual, strange)?;
    until("the event of a connection that was prevented", Duration::from_secs(10), || {
        let told = deviation(lab, "category", "network.connect", &image.config)?;
        let (outcome, rung) = (&told["event"]["outcome"], &told["event"]["rung"]);
        (outcome == "prevented" && rung == "cgroup-bpf").then_some(())
    })?;

    lab.agent.kill();
    is_held(lab, &gateway, usual, strange)?;
    lab.agent.restart()?;
    is_held(lab, &gateway, usual, strange)?;

    lab.docker.docker(["restart", "--time", "3", "shop"]).ok()?;
    wait_for_version(lab, "1.1-1")?;
    is_held(lab, &gateway, usual, strange)
}

/// What was learned goes on, and nothing else is reached.
fn is_held(lab: &Lab, gateway: &str, usual: u16, strange: u16) -> Result<()> {
    check!(!reaches(lab, gateway, strange)?, "a peer is reached that the profile does not name");
    check!(reaches(lab, gateway, usual)?, "a peer that was learned is not reached");
    let answer = Peer::loopback(lab.shop_port).get("/version")?;
    check!(answer.status == 200, "the service does not answer any more: {}", answer.body);
    Ok(())
}

/// Somebody outside the container who answers whatever is asked, on the port that is returned, as long as this program
/// runs.
fn peer() -> Result<u16> {
    let listener = TcpListener::bind("0.0.0.0:0").context(|| "no port can be listened on".to_owned())?;
    let port = listener.local_addr().context(|| "the listener has no port".to_owned())?.port();
    std::thread::spawn(move || {
        for mut caller in listener.incoming().flatten() {
            let _ = caller.read(&mut [0; 1024]);
            let _ = caller.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
        }
    });
    Ok(port)
}

/// This host, as the service sees it.
fn gateway(lab: &Lab) -> Result<String> {
    let format = "{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}";
    let ended = lab.docker.docker(["inspect", "--format", format, "shop"]).ok()?;
    Ok(ended.stdout.trim().to_owned())
}

/// Whether a program in the container gets an answer from there.
fn reaches(lab: &Lab, address: &str, port: u16) -> Result<bool> {
    let arguments = ["--silent", "--show-error", "--max-time", "5", &format!("http://{address}:{port}/")];
    let query: String = arguments.iter().flat_map(|argument| ["&argument=", argument]).collect();
    let path = format!("/run?path=/usr/bin/curl{query}");
    let answer = Peer::loopback(lab.shop_port).request("POST", &path, &[], b"")?;
    check!(answer.body.contains("\"code\""), "curl did not run: {}", answer.body);
    Ok(answer.body.contains("\"code\": 0"))
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
    // What is being written beside a file does not count yet.
    let is_of = |name: &str| name.starts_with(hex) && name.ends_with(".json");
    let files = entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(is_of));
    let texts: Vec<String> = files.filter_map(|entry| fs::read_to_string(entry.path()).ok()).collect();
    (!texts.is_empty()).then(|| texts.concat())
}

/// What was told of a container of this image: the first event of which one member has this value.
fn deviation(lab: &Lab, member: &str, value: &str, config: &str) -> Option<Value> {
    let ended = lab.lazaret(["--format", "json", "events"]).ok()?.ok().ok()?;
    let mut events = ended.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events.find(|event| {
        let event = &event["event"];
        event["kind"] == "deviation" && event[member] == value && event["image_config"] == config
    })
}
