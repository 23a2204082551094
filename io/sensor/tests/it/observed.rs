//! What containers do is told in facts, each by what really happened.

use std::fs;
use std::net::IpAddr;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use lazaret_model::{Fact, FileOperation, FileOrigin, KernelOperation, RUNTIME, Transport};
use lazaret_sensor::{Observation, Options, Outcome, Sensor, Sighting};
use tokio::sync::mpsc::Receiver;

use crate::cell::{Cell, act};
use crate::jail::Jail;
use crate::support::{sensor, variant, victim};

const PATIENCE: Duration = Duration::from_secs(5);

/// A sensor that observes, or a loud line. Somebody has to take its other events, too.
pub(crate) fn observing(test: &str, options: Options) -> Option<(Sensor, Receiver<Sighting>)> {
    let (sensor, mut events) = sensor(test, &Options { observe: true, ..options })?;
    std::thread::spawn(move || while events.blocking_recv().is_some() {});
    for part in [sensor.observation(), sensor.requests(), sensor.network()] {
        if let Err(problem) = part {
            eprintln!("SKIPPED: {test}: {problem}");
            return None;
        }
    }
    let sightings = sensor.sightings().unwrap();
    Some((sensor, sightings))
}

/// Waits for an observation of the control group that `wanted` accepts.
pub(crate) fn await_fact(
    sightings: &mut Receiver<Sighting>,
    cgroup: u64,
    wanted: impl Fn(&Observation) -> bool,
) -> Option<Observation> {
    let until = Instant::now() + PATIENCE;
    let mut others = Vec::new();
    while Instant::now() < until {
        match sightings.try_recv() {
            Ok(Sighting::Behaviour(observation)) if observation.cgroup_id == cgroup => {
                if wanted(&observation) {
                    return Some(*observation);
                }
                others.push(observation);
            }
            Ok(_) => {}
            Err(_) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
    for other in others {
        eprintln!("instead: {:?} {:?}", other.behaviour.fact, other.outcome);
    }
    None
}

#[test]
fn an_exec_is_told_with_all_that_matters() {
    let test = "an_exec_is_told_with_all_that_matters";
    let Some((_sensor, mut sightings)) = observing(test, Options::default()) else { return };
    let cell = Cell::new();
    let mut command = cell.command(act(), &["nothing", "a b", "é"]);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LD_PRELOAD", "/nowhere.so").env("SECRET", "kept");
    command.output().unwrap();
    let told = await_fact(
        &mut sightings,
        cell.cgroup_id,
        |told| matches!(&told.behaviour.fact, Fact::Exec(exec) if exec.executable == act().to_str().unwrap()),
    );
    let told = told.expect("not told");
    let Fact::Exec(exec) = &told.behaviour.fact else { unreachable!() };
    assert_eq!(told.container, cell.id);
    assert_eq!(told.behaviour.actor.executable, RUNTIME);
    assert_eq!(exec.arguments[1..], ["nothing", "a b", "é"]);
    assert_eq!(exec.loader_environment, ["LD_PRELOAD=/nowhere.so"]);
    assert!(exec.entered && !exec.arguments_cut && !exec.socket_stdio && !told.incomplete);
    assert!(!format!("{exec:?}").contains("kept"), "the rest of the environment is nobody's business");
}

#[test]
fn the_origin_of_what_is_executed_is_known() {
    let test = "the_origin_of_what_is_executed_is_known";
    let Some(victim) = victim(test) else { return };
    let Some((_sensor, mut sightings)) = observing(test, Options::default()) else { return };
    let jail = Jail::new(test, &[("bin/image", victim, 0o755), ("bin/touched", victim, 0o755)]);
    jail.write("/bin/dropped", &variant(victim, 1), 0o755);
    jail.write("/bin/touched", victim, 0o755);
    jail.write("/dev/shm/mounted", victim, 0o755);
    let deep = format!("/{}/deep", ["a-directory-of-some-length"; 100].join("/"));
    jail.inside({
        let (deep, victim) = (deep.clone(), victim.to_vec());
        move || {
            fs::create_dir_all(deep.rsplit_once('/').unwrap().0).unwrap();
            crate::support::install(std::path::Path::new(&deep), &victim, 0o755);
            std::os::unix::fs::symlink("/bin/image", "/link").unwrap();
        }
    });
    let group =
        fs::metadata(own_group()).map(|metadata| std::os::unix::fs::MetadataExt::ino(&metadata)).unwrap();
    for (called, path, origin) in [
        ("/bin/image", "/bin/image", FileOrigin::Image),
        ("/link", "/bin/image", FileOrigin::Image),
        ("/bin/dropped", "/bin/dropped", FileOrigin::Upper),
        ("/bin/touched", "/bin/touched", FileOrigin::Upper),
        ("/dev/shm/mounted", "/dev/shm/mounted", FileOrigin::Mounted),
        (deep.as_str(), deep.as_str(), FileOrigin::Upper),
    ] {
        assert_eq!(jail.execute(called), Ok(()));
        let told = await_fact(
            &mut sightings,
            group,
            |told| matches!(&told.behaviour.fact, Fact::Exec(exec) if exec.executable == path && exec.origin == origin),
        );
        assert!(!told.unwrap_or_else(|| panic!("{called} was not told")).incomplete);
    }
}

fn own_group() -> std::path::PathBuf {
    let text = fs::read_to_string("/proc/self/cgroup").unwrap();
    let path = text.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default().to_owned();
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let mut points = mounts.lines().filter(|line| line.split(' ').nth(2) == Some("cgroup2"));
    std::path::Path::new(points.next().unwrap().split(' ').nth(1).unwrap()).join(path)
}

/// Runs `act` with the words in a new container and waits for the fact.
fn does(sightings: &mut Receiver<Sighting>, words: &[&str], wanted: impl Fn(&Observation) -> bool) {
    let cell = Cell::new();
    let outcome = cell.act(words);
    let told = await_fact(sightings, cell.cgroup_id, wanted);
    let told = told.unwrap_or_else(|| panic!("{words:?} with outcome {outcome:?} was not told"));
    assert_eq!(told.container, cell.id, "{words:?}");
    assert_eq!(told.behaviour.actor.executable, act().to_str().unwrap(), "{words:?}");
    assert!(!told.incomplete, "{words:?}");
}

#[test]
fn what_reaches_into_the_kernel_or_others_is_told() {
    let test = "what_reaches_into_the_kernel_or_others_is_told";
    let Some((_sensor, mut sightings)) = observing(test, Options::default()) else { return };
    let kernel = |operation| move |told: &Observation| told.behaviour.fact == Fact::Kernel(operation);
    let place = tempfile::tempdir().unwrap();
    let effect = place.path().join("effect");
    let effect = effect.to_str().unwrap();
    for (words, operation) in [
        (&["ptrace", effect][..], KernelOperation::Trace),
        (&["module"], KernelOperation::LoadModule),
        (&["bpf"], KernelOperation::Bpf),
        (&["user-namespace"], KernelOperation::UserNamespace),
        (&["setns"], KernelOperation::EnterNamespace),
        (&["code"], KernelOperation::WrittenCode),
        (&["uring-open", "/etc/shadow"], KernelOperation::IoUring),
        #[cfg(target_arch = "x86_64")]
        (&["compat-setns"], KernelOperation::EnterNamespace),
    ] {
        does(&mut sightings, words, kernel(operation));
    }
    let target = place.path().to_str().unwrap();
    does(
        &mut sightings,
        &["mount", target],
        |told| matches!(&told.behaviour.fact, Fact::Mount(mount) if mount.target == target && mount.kind == "tmpfs"),
    );
    does(
        &mut sightings,
        &["copy-mount", "/"],
        |told| matches!(&told.behaviour.fact, Fact::Mount(mount) if mount.kind == "copy" && mount.source == "/" && !told.incomplete),
    );
    does(
        &mut sightings,
        &["setuid"],
        |told| matches!(&told.behaviour.fact, Fact::Identity(change) if change.to_uid == 1),
    );
    does(&mut sightings, &["module"], |told| matches!(told.outcome, Outcome::Failed(errno) if errno != 0));
    does(
        &mut sightings,
        &["packet"],
        |told| matches!(&told.behaviour.fact, Fact::RawSocket(socket) if socket.family == 17),
    );
    does(
        &mut sightings,
        &["uring-open", "/etc/shadow"],
        |told| matches!(&told.behaviour.fact, Fact::File(file) if file.path == "/etc/shadow"),
    );
}

#[test]
fn a_program_that_has_no_file_is_told() {
    let test = "a_program_that_has_no_file_is_told";
    let Some((_sensor, mut sightings)) = observing(test, Options::default()) else { return };
    let cell = Cell::new();
    let effect = cell.place.path().join("effect");
    assert_eq!(cell.act(&["memfd", effect.to_str().unwrap()]), Some(0));
    let told = await_fact(
        &mut sightings,
        cell.cgroup_id,
        |told| matches!(&told.behaviour.fact, Fact::Exec(exec) if exec.origin == FileOrigin::Nameless),
    );
    assert_eq!(told.unwrap().behaviour.actor.executable, act().to_str().unwrap());
}

#[test]
fn files_are_told_by_where_they_are_and_not_by_what_they_are_called() {
    let test = "files_are_told_by_where_they_are_and_not_by_what_they_are_called";
    let Some((_sensor, mut sightings)) = observing(test, Options::default()) else { return };
    let place = tempfile::tempdir().unwrap();
    // As the kernel knows it.
    let root = place.path().canonicalize().unwrap();
    let at = |name: &str| root.join(name).to_str().unwrap().to_owned();
    fs::write(at("secret"), "x").unwrap();
    fs::write(at("log"), "x").unwrap();
    fs::write(at("old"), "x").unwrap();
    std::os::unix::fs::symlink(at("secret"), at("alias")).unwrap();
    fs::hard_link(at("secret"), at("twin")).unwrap();
    let _listener = UnixListener::bind(at("engine.sock")).unwrap();
    std::os::unix::fs::symlink(at("engine.sock"), at("harmless")).unwrap();
    let mut opens = |words: [&str; 2], path: String, operation| {
        let path = path.as_str();
        does(
            &mut sightings,
            &words,
            |told| matches!(&told.behaviour.fact, Fact::File(file) if file.path == path && file.operation == operation),
        );
    };
    opens(["read", &at("alias")], at("secret"), FileOperation::Read);
    opens(["read", &at("twin")], at("twin"), FileOperation::Read);
    opens(["append", &at("new")], at("new"), FileOperation::Create);
    opens(["append", &at("log")], at("log"), FileOperation::Append);
    opens(["cut", &at("log")], at("log"), FileOperation::Truncate);
    opens(["chmod", &at("log")], at("log"), FileOperation::SetUserId);
    opens(["stamp", &at("log")], at("log"), FileOperation::Attributes);
    opens(["device", &at("sda")], at("sda"), FileOperation::Device);
    opens(["unix", &at("harmless")], at("engine.sock"), FileOperation::Connect);
    opens(["unlink", &at("log")], at("log"), FileOperation::Delete);
    let mut pairs = |words: [&str; 3], path: String, operation, other: String| {
        let (path, other) = (path.as_str(), Some(other.as_str()));
        does(&mut sightings, &words, |told| {
            matches!(&told.behaviour.fact, Fact::File(file)
                if file.path == path && file.operation == operation && file.other.as_deref() == other)
        });
    };
    let relative = at("old").replacen("/tmp/", "./", 1);
    if relative.starts_with("./") {
        pairs(["rename", &relative, &at("moved")], at("old"), FileOperation::Rename, at("moved"));
    }
    pairs(["link", &at("secret"), &at("hard")], at("hard"), FileOperation::Link, at("secret"));
    pairs(
        ["symlink", "/etc/shadow", &at("soft")],
        at("soft"),
        FileOperation::Symlink,
        "/etc/shadow".to_owned(),
    );
    does(
        &mut sightings,
        &["map", &at("secret")],
        |told| matches!(&told.behaviour.fact, Fact::Map(mapping) if mapping.path == at("secret")),
    );
}

#[test]
fn peers_ports_and_names_are_told() {
    let test = "peers_ports_and_names_are_told";
    let Some((_sensor, mut sightings)) = observing(test, Options::default()) else { return };
    let connects = |address: &str, port, transport| {
        let address: IpAddr = address.parse().unwrap();
        move |told: &Observation| {
            matches!(&told.behaviour.fact, Fact::Connect(to)
                if (to.address, to.port, to.transport) == (address, port, transport))
        }
    };
    does(&mut sightings, &["connect", "127.0.0.1", "9"], connects("127.0.0.1", 9, Transport::Tcp));
    does(&mut sightings, &["connect", "::ffff:127.0.0.2", "9"], connects("127.0.0.2", 9, Transport::Tcp));
    does(&mut sightings, &["connect", "::1", "9"], connects("::1", 9, Transport::Tcp));
    does(&mut sightings, &["udp", "127.0.0.1", "9"], connects("127.0.0.1", 9, Transport::Udp));
    does(&mut sightings, &["uring-connect", "127.0.0.3", "9"], connects("127.0.0.3", 9, Transport::Tcp));
    does(&mut sightings, &["listen", "127.0.0.1", "31337"], |told| {
        matches!(&told.behaviour.fact, Fact::Listen(listen)
            if listen.port == 31337 && listen.address == IpAddr::from([127, 0, 0, 1]))
    });
    does(
        &mut sightings,
        &["dns"],
        |told| matches!(&told.behaviour.fact, Fact::Lookup(lookup) if lookup.name == "secret.example.org" && lookup.kind == 16),
    );
}
