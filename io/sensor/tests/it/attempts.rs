//! What is asked for in vain, for want of permission, is told as it was asked for.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;

use lazaret_model::{Fact, FileOperation};
use lazaret_sensor::{Observation, Options, Outcome};

use crate::cell::Cell;
use crate::observed::{await_fact, observing};

const EPERM: i32 = 1;
const EACCES: i32 = 13;
const EROFS: i32 = 30;

/// Runs a script as nobody in a new container and waits for the fact.
fn asks(
    sightings: &mut tokio::sync::mpsc::Receiver<lazaret_sensor::Sighting>,
    script: &str,
    expected: &Fact,
    errno: i32,
) {
    let cell = Cell::new();
    let user = ["--reuid=65534", "--regid=65534", "--clear-groups", "/bin/sh", "-c", script];
    let said = cell.run(Path::new("/usr/bin/setpriv"), &user);
    let is_it =
        |told: &Observation| told.behaviour.fact == *expected && told.outcome == Outcome::Failed(errno);
    let told = await_fact(sightings, cell.cgroup_id, is_it);
    let told = told.unwrap_or_else(|| panic!("`{script}` was not told: {said:?}"));
    assert_eq!((told.container, told.behaviour.actor.uid), (cell.id.clone(), 65534), "{script}");
}

#[test]
fn what_may_not_be_opened_is_told() {
    let test = "what_may_not_be_opened_is_told";
    let Some((_sensor, mut sightings)) = observing(test, Options::default()) else { return };
    let place = tempfile::tempdir().unwrap();
    let root = place.path().canonicalize().unwrap();
    fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
    let at = |name: &str| root.join(name).to_str().unwrap().to_owned();
    let private = |name: &str| fs::set_permissions(at(name), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(at("secret"), "x").unwrap();
    private("secret");
    let _listener = UnixListener::bind(at("engine.sock")).unwrap();
    private("engine.sock");
    let file = |name: &str, operation| {
        let (path, origin) = (at(name), lazaret_model::FileOrigin::Upper);
        Fact::File(lazaret_model::FileAccess { path, operation, other: None, origin })
    };
    let cd = format!("cd {}", root.display());
    let mut asks = |script: &str, expected, errno| asks(&mut sightings, script, &expected, errno);
    asks(&format!("cat {}", at("secret")), file("secret", FileOperation::Read), EACCES);
    asks(&format!("{cd}; cat ./secret"), file("secret", FileOperation::Read), EACCES);
    asks(&format!("echo x >> {}", at("secret")), file("secret", FileOperation::Create), EACCES);
    asks(
        &format!("perl -e 'open(F, \"+<\", \"{}\")'", at("secret")),
        file("secret", FileOperation::Write),
        EACCES,
    );
    let connect = "use Socket; socket(S, PF_UNIX, SOCK_STREAM, 0); connect(S, pack_sockaddr_un(shift))";
    asks(
        &format!("perl -e '{connect}' {}", at("engine.sock")),
        file("engine.sock", FileOperation::Connect),
        EACCES,
    );
    asks(
        &format!("{cd}; perl -e '{connect}' engine.sock"),
        file("engine.sock", FileOperation::Connect),
        EACCES,
    );
}

#[test]
fn what_is_read_only_is_told() {
    let test = "what_is_read_only_is_told";
    let Some((_sensor, mut sightings)) = observing(test, Options::default()) else { return };
    let cell = Cell::new();
    let script = "mount -t tmpfs -o ro none \"$0\" && echo x > \"$0\"/core_pattern";
    let place = cell.place.path().canonicalize().unwrap();
    let said = cell.run(Path::new("/bin/sh"), &["-c", script, place.to_str().unwrap()]);
    let path = format!("{}/core_pattern", place.display());
    let told = await_fact(&mut sightings, cell.cgroup_id, |told| {
        matches!(&told.behaviour.fact, Fact::File(file) if file.path == path)
            && told.outcome == Outcome::Failed(EROFS)
    });
    assert!(told.is_some(), "{said:?}");
}

#[test]
fn a_file_that_is_asked_for_by_its_number_is_told() {
    let test = "a_file_that_is_asked_for_by_its_number_is_told";
    let Some((_sensor, mut sightings)) = observing(test, Options::default()) else { return };
    let number = libc::SYS_open_by_handle_at;
    let call =
        format!("sysopen(D, \"/\", 0); $h = pack(\"LlQ\", 8, 1, 2); syscall({number}, fileno(D), $h, 0)");
    let known = lazaret_model::SystemCall {
        architecture: if cfg!(target_arch = "aarch64") {
            lazaret_model::Architecture::Aarch64
        } else {
            lazaret_model::Architecture::X86_64
        },
        number: u32::try_from(number).unwrap(),
    };
    asks(&mut sightings, &format!("perl -e '{call}'"), &Fact::SystemCall(known), EPERM);
}

#[test]
fn what_is_merely_not_there_is_not_told() {
    let test = "what_is_merely_not_there_is_not_told";
    let Some((_sensor, mut sightings)) = observing(test, Options::default()) else { return };
    let cell = Cell::new();
    cell.run(Path::new("/bin/sh"), &["-c", "cat /nowhere/at/all; cat /etc/hostname"]);
    let absent = std::cell::Cell::new(false);
    let told = await_fact(&mut sightings, cell.cgroup_id, |told| match &told.behaviour.fact {
        Fact::File(file) => {
            absent.set(absent.get() || file.path.starts_with("/nowhere"));
            file.path == "/etc/hostname"
        }
        _ => false,
    });
    assert!(told.is_some() && !absent.get());
}
