use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use lazaret_e2e::http::Peer;
use lazaret_e2e::story::{Image, wait_for_version};
use lazaret_e2e::{Context as _, Lab, Result, check, fail, until};
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
    promote(lab, image, "network=block")?;
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

/// Files that no rule names are refused from the service's next start on, and for as long as it runs, with an agent and
/// without. Its own go on.
pub(crate) fn a_service_changes_no_files_but_those_of_its_profile(world: &mut World) -> Result<()> {
    let (lab, told) = world.told()?;
    let image = &told.built.v2;
    until("the server to hear of the service's files", Duration::from_secs(30), || {
        let said = lab.ask(["profile", "learn", &image.by_digest]).ok()?.to_string();
        said.contains("/tmp/nginx.pid").then_some(())
    })?;
    promote(lab, image, "files=block")?;
    until("the service to begin with what holds it", Duration::from_secs(60), || {
        start_again(lab).ok()?;
        touches(lab, "/var/tmp/held").is_ok_and(|touched| !touched).then_some(())
    })?;
    changes_its_own(lab)?;
    until("the event of a change that was prevented", Duration::from_secs(10), || {
        changes_its_own(lab).ok()?;
        let told = deviation(lab, "rung", "landlock", &image.config)?;
        (told["event"]["outcome"] == "prevented" && told["event"]["dimension"] == "files").then_some(())
    })?;

    lab.agent.kill();
    changes_its_own(lab)?;
    lab.agent.restart()?;
    changes_its_own(lab)?;
    start_again(lab)?;
    changes_its_own(lab)?;
    let events = lab.lazaret(["--format", "json", "events"])?.ok()?.stdout;
    let starter = events.lines().find(|line| line.contains("/proc/self/fd/3"));
    check!(starter.is_none(), "what a container begins with is told as if it had done it: {starter:?}");

    promote(lab, image, "files=alert")?;
    until("the service to be held no longer", Duration::from_secs(60), || {
        start_again(lab).ok()?;
        touches(lab, "/var/tmp/free").is_ok_and(|touched| touched).then_some(())
    })
}

/// Calls that no profile names get an error from the service's next start on, where the process was ended before. The
/// process goes on, in what the engine lets in too.
pub(crate) fn a_service_gets_no_system_calls_but_those_of_its_profile(world: &mut World) -> Result<()> {
    let (lab, told) = world.told()?;
    let image = &told.built.v2;
    promote(lab, image, "system-calls=block")?;
    until("the service to begin without calls", Duration::from_secs(60), || {
        start_again(lab).ok()?;
        is_refused_to_trace(lab).is_ok_and(|refused| refused).then_some(())
    })?;
    until("the event of a call that was prevented", Duration::from_secs(10), || {
        is_refused_to_trace(lab).ok()?;
        let told = deviation(lab, "rung", "seccomp", &image.config)?;
        (told["event"]["outcome"] == "prevented" && told["event"]["category"] == "injection.ptrace")
            .then_some(())
    })?;
    lab.agent.kill();
    check!(is_refused_to_trace(lab)?, "with the agent dead the call is made");
    lab.agent.restart()?;
    check!(is_refused_to_trace(lab)?, "with another agent the call is made");
    promote(lab, image, "system-calls=alert")?;
    until("the service to be free again", Duration::from_secs(60), || {
        start_again(lab).ok()?;
        is_refused_to_trace(lab).is_ok_and(|refused| !refused).then_some(())
    })
}

/// Whether a program in the service that asks to be traced gets EPERM, and goes on. 101 is ptrace(2).
fn is_refused_to_trace(lab: &Lab) -> Result<bool> {
    let argument = "syscall(101,0,0,0,0);print%20$!%2B0";
    let path = format!("/run?path=/usr/bin/perl&argument=-e&argument={argument}");
    let answer = Peer::loopback(lab.shop_port).request("POST", &path, &[], b"")?;
    check!(answer.body.contains("\"code\": 0"), "perl did not go on: {}", answer.body);
    Ok(answer.body.contains("\"output\": \"1\""))
}

/// All that was learned, in force as soon as the host hears of it.
fn promote(lab: &Lab, image: &Image, mode: &str) -> Result<()> {
    let key = lab.folders.private_key().display().to_string();
    let arguments =
        ["profile", "promote", &image.by_digest, "--key", &key, "--accept", "all", "--mode", mode];
    lab.lazaret(arguments)?.ok().map(drop)
}

fn start_again(lab: &Lab) -> Result<()> {
    lab.docker.docker(["restart", "--time", "3", "shop"]).ok()?;
    wait_for_version(lab, "1.1-1").map(drop)
}

/// And no others.
fn changes_its_own(lab: &Lab) -> Result<()> {
    check!(!touches(lab, "/var/tmp/strange")?, "a file is made that the profile does not name");
    check!(touches(lab, "/tmp/own")?, "a file is not made where the profile has some");
    Ok(())
}

/// Whether a program in the service can make a file there.
fn touches(lab: &Lab, path: &str) -> Result<bool> {
    let path = format!("/run?path=/usr/bin/touch&argument={path}");
    let answer = Peer::loopback(lab.shop_port).request("POST", &path, &[], b"")?;
    check!(answer.body.contains("\"code\""), "touch did not run: {}", answer.body);
    Ok(answer.body.contains("\"code\": 0"))
}

/// Of two vulnerable packages one runs: the answer to who is affected tells which, for as long as somebody watched.
pub(crate) fn what_runs_is_in_use_and_what_never_ran_is_told_apart(world: &mut World) -> Result<()> {
    let (lab, told) = world.told()?;
    let manifest = &told.built.v2.manifest;
    for (id, package) in [("CVE-2999-0002", "curl"), ("CVE-2999-0003", "tar")] {
        let file = lab.folders.state().join(format!("{package}.json"));
        fs::write(&file, vulnerable(id, package)).context(|| format!("cannot write {}", file.display()))?;
        lab.lazaret(["advisory", "import", &file.display().to_string()])?.ok()?;
    }
    // Whatever was missed of the container while its agent was dead: now it is watched from its start on.
    lab.docker.docker(["restart", "--time", "3", "shop"]).ok()?;
    wait_for_version(lab, "1.1-1")?;
    run_in_service(lab, "/usr/bin/curl")?;
    let mut last = Value::Null;
    let both = until("the server to hear what is in use", Duration::from_secs(30), || {
        let (curl, tar) = (in_use(lab, "CVE-2999-0002", manifest)?, in_use(lab, "CVE-2999-0003", manifest)?);
        last = serde_json::json!([curl, tar]);
        (curl["state"] == "in-use" && tar["state"] == "not-seen").then_some((curl, tar))
    });
    let Ok((curl, tar)) = both else { fail!("what is in use is not told: {last}") };
    check!(curl["since"].is_string() && curl["last"].is_string(), "it is not said since when: {curl}");
    check!(tar["containers"].as_u64() >= Some(1), "it is not said where it was not seen: {tar}");

    let findings = lab.ask(["findings", "--observed", "1s", "--limit", "10000"])?;
    let states: Vec<&str> = findings["findings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|finding| finding["in_use"]["state"].as_str())
        .collect();
    let rank = |state: &str| ["in-use", "unknown", "not-seen"].iter().position(|known| *known == state);
    check!(
        states.first() == Some(&"in-use") && states.is_sorted_by_key(|state| rank(state)),
        "what is in use does not come first: {states:?}"
    );
    let longer = lab.ask(["affected", "CVE-2999-0003", "--observed", "365d"])?;
    check!(state_of(&longer, manifest)["state"] == "unknown", "nobody watched for a year: {longer}");

    lab.agent.kill();
    lab.agent.restart()?;
    let unknown = until("the gap to be known", Duration::from_secs(30), || {
        in_use(lab, "CVE-2999-0003", manifest).filter(|tar| tar["state"] == "unknown")
    })?;
    check!(
        unknown["why"].as_str().is_some_and(|why| why.contains("without a gap")),
        "it is not said that something may have been missed: {unknown}"
    );
    let still = in_use(lab, "CVE-2999-0002", manifest).unwrap_or_default();
    check!(still["state"] == "in-use", "what was seen is forgotten: {still}");
    Ok(())
}

/// A vulnerability of all versions of a package of Debian.
fn vulnerable(id: &str, package: &str) -> String {
    serde_json::json!({
        "schema_version": "1.6.0",
        "id": id,
        "summary": "Invented",
        "modified": "2026-01-01T00:00:00Z",
        "affected": [{
            "package": { "ecosystem": "Debian:12", "name": package },
            "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }] }],
        }],
    })
    .to_string()
}

/// Whether the image's package that has the vulnerability is in use.
fn in_use(lab: &Lab, id: &str, manifest: &str) -> Option<Value> {
    let answer = lab.ask(["affected", id, "--observed", "1s"]).ok()?;
    Some(state_of(&answer, manifest)).filter(Value::is_object)
}

fn state_of(answer: &Value, manifest: &str) -> Value {
    let image = answer["images"].as_array().into_iter().flatten().find(|image| image["manifest"] == manifest);
    image.map(|image| image["in_use"].clone()).unwrap_or_default()
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
