//! What runs in a guarded container and what does not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use lazaret_sensor::{DenyReason, ExecutionDenied, GuardError, Options, SensorEvent};

use crate::jail::{Jail, attempt};
use crate::support::{digest, in_turn, receive, sensor, variant, victim};

const RUNS: u64 = 500;
const REFUSED: Result<(), i32> = Err(libc::EPERM);

/// A jail whose image holds the program `/bin/victim`, a script for it, and the same program in a file that
/// may not be executed.
fn prepare(test: &str, victim: &[u8]) -> (Jail, Vec<lazaret_model::Digest>) {
    let script = b"#!/bin/victim\n".as_slice();
    let data = variant(victim, u64::MAX);
    let files = [("bin/victim", victim, 0o755), ("bin/script", script, 0o755), ("data-file", &data, 0o644)];
    let allowed = vec![digest(victim), digest(script)];
    (Jail::new(test, &files), allowed)
}

#[test]
fn nothing_but_the_image_is_ever_executed() {
    let test = "nothing_but_the_image_is_ever_executed";
    let Some(victim) = victim(test) else { return };
    let Some((sensor, mut events)) = sensor(test, &Options::default()) else { return };
    let (jail, allowed) = prepare(test, victim);
    let watched = sensor.guard(&jail.request(allowed)).unwrap();
    let whole = watched.iter().filter(|watched| watched.whole_file_system).count();
    assert_eq!(
        (watched.len(), whole),
        (4, 2),
        "overlay and tmpfs whole, volume and file by mount: {watched:?}"
    );

    let mut denied = 0;
    for run in 0..RUNS {
        // A new content each time, so that each is read; and the same again, which is remembered.
        let foreign = variant(victim, run);
        for directory in ["/bin", "/dev/shm", "/data"] {
            let path = format!("{directory}/foreign");
            jail.write(&path, &foreign, 0o755);
            assert_eq!(jail.execute(&path), REFUSED, "{path}, run {run}");
            assert_eq!(jail.execute(&path), REFUSED, "{path} again, run {run}");
            denied += 2;
        }
        assert_eq!(jail.execute("/bin/victim"), Ok(()), "run {run}");
        assert_eq!(jail.execute("/bin/script"), Ok(()), "run {run}");
        while let Ok(event) = events.try_recv() {
            denied -= u64::from(matches!(event, SensorEvent::ExecutionDenied(_)));
        }
    }
    let all_told = receive(&mut events, Duration::from_secs(5), |event| {
        denied -= u64::from(matches!(event, SensorEvent::ExecutionDenied(_)));
        denied == 0
    });
    assert!(all_told, "{denied} refusals were not told");
}

#[test]
fn names_links_and_modes_do_not_help() {
    let test = "names_links_and_modes_do_not_help";
    let Some(victim) = victim(test) else { return };
    let Some((sensor, _events)) = sensor(test, &Options::default()) else { return };
    let (jail, allowed) = prepare(test, victim);
    sensor.guard(&jail.request(allowed)).unwrap();
    for run in 0..RUNS {
        let foreign = variant(victim, run);
        jail.write("/foreign", &foreign, 0o755);
        jail.inside(|| {
            for old in ["/bin/renamed", "/bin/link", "/bin/symlink"] {
                let _ = fs::remove_file(old);
            }
            fs::hard_link("/foreign", "/bin/link").unwrap();
            std::os::unix::fs::symlink("/foreign", "/bin/symlink").unwrap();
        });
        assert_eq!(jail.execute("/bin/link"), REFUSED, "hard link, run {run}");
        assert_eq!(jail.execute("/bin/symlink"), REFUSED, "symbolic link, run {run}");
        // Over a name that has just been executed with an allowed content.
        jail.inside(|| fs::copy("/bin/victim", "/bin/renamed").unwrap());
        assert_eq!(jail.execute("/bin/renamed"), Ok(()), "a copy has the image's content, run {run}");
        jail.inside(|| fs::rename("/foreign", "/bin/renamed").unwrap());
        assert_eq!(jail.execute("/bin/renamed"), REFUSED, "renamed, run {run}");
    }
    for run in 0..RUNS / 10 {
        let script = format!("#!/bin/victim {run}\n");
        jail.write("/bin/foreign-script", script.as_bytes(), 0o755);
        assert_eq!(jail.execute("/bin/foreign-script"), REFUSED, "script, run {run}");
    }
    jail.inside(|| fs::set_permissions("/data-file", fs::Permissions::from_mode(0o755)).unwrap());
    assert_eq!(jail.execute("/data-file"), REFUSED, "a data file of the image is no executable");
    jail.write("/etc/hosts", &variant(victim, 1), 0o755);
    assert_eq!(jail.execute("/etc/hosts"), REFUSED, "a file that the engine mounts");
    jail.write("/dev/shm/copy", victim, 0o755);
    assert_eq!(jail.execute("/dev/shm/copy"), Ok(()), "the image's content elsewhere");
}

#[test]
fn a_change_in_place_is_noticed_at_once() {
    let test = "a_change_in_place_is_noticed_at_once";
    let _turn = in_turn();
    let Some(victim) = victim(test) else { return };
    let Some((sensor, _events)) = sensor(test, &Options::default()) else { return };
    let (jail, allowed) = prepare(test, victim);
    sensor.guard(&jail.request(allowed)).unwrap();
    for run in 0..RUNS {
        assert_eq!(jail.execute("/bin/victim"), Ok(()), "run {run}");
        // Same size, same inode, right after an execution that was allowed.
        let last = jail.inside(|| write_last_byte("/bin/victim", |byte| byte ^ 1));
        assert_eq!(jail.execute("/bin/victim"), REFUSED, "run {run}");
        jail.inside(move || write_last_byte("/bin/victim", |_| last));
    }
}

/// Returns the byte that was there.
fn write_last_byte(path: &str, change: impl Fn(u8) -> u8) -> u8 {
    use std::os::unix::fs::FileExt;
    // Busy for a moment after the program's end, if somebody looks at the process in /proc.
    let file = loop {
        match fs::OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => break file,
            Err(problem) => assert_eq!(problem.raw_os_error(), Some(libc::ETXTBSY)),
        }
    };
    let at = file.metadata().unwrap().len() - 1;
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[change(byte[0])], at).unwrap();
    byte[0]
}

#[test]
fn a_program_that_somebody_can_still_write_to_is_refused() {
    let test = "a_program_that_somebody_can_still_write_to_is_refused";
    let _turn = in_turn();
    let Some(victim) = victim(test) else { return };
    let Some((sensor, mut events)) = sensor(test, &Options::default()) else { return };
    let (jail, allowed) = prepare(test, victim);
    sensor.guard(&jail.request(allowed)).unwrap();
    assert_eq!(jail.execute("/bin/victim"), Ok(()));
    let writer = jail.inside(|| fs::OpenOptions::new().append(true).open("/bin/victim").unwrap());
    assert_eq!(jail.execute("/bin/victim"), REFUSED);
    drop(writer);
    assert_eq!(jail.execute("/bin/victim"), Ok(()));
    let told = receive(&mut events, Duration::from_secs(2), |event| {
        matches!(event, SensorEvent::ExecutionDenied(denied)
            if denied.reason == DenyReason::OpenForWriting && denied.container.as_deref() == Some(test))
    });
    assert!(told);
}

#[test]
fn a_mount_namespace_made_inside_is_no_way_out() {
    let test = "a_mount_namespace_made_inside_is_no_way_out";
    let Some(victim) = victim(test) else { return };
    let Some((sensor, mut events)) = sensor(test, &Options::default()) else { return };
    let (jail, allowed) = prepare(test, victim);
    sensor.guard(&jail.request(allowed)).unwrap();
    jail.write("/bin/foreign", &variant(victim, 1), 0o755);
    jail.write("/dev/shm/foreign", &variant(victim, 2), 0o755);
    let outcomes = jail.inside(|| {
        let nested = std::thread::spawn(|| {
            nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS).unwrap();
            ["/bin/foreign", "/dev/shm/foreign", "/bin/victim"].map(attempt)
        });
        nested.join().unwrap()
    });
    assert_eq!(outcomes, [REFUSED, REFUSED, Ok(())]);
    let told = receive(
        &mut events,
        Duration::from_secs(2),
        |event| matches!(event, SensorEvent::ExecutionDenied(denied) if denied.container.as_deref() == Some(test)),
    );
    assert!(told);
}

#[test]
fn a_refusal_tells_what_where_and_who() {
    let test = "a_refusal_tells_what_where_and_who";
    let Some(victim) = victim(test) else { return };
    let Some((sensor, mut events)) = sensor(test, &Options::default()) else { return };
    let (jail, allowed) = prepare(test, victim);
    sensor.guard(&jail.request(allowed)).unwrap();
    let foreign = variant(victim, 77);
    jail.write("/dev/shm/a tool\n", &foreign, 0o755);
    assert_eq!(jail.execute("/dev/shm/a tool\n"), REFUSED);
    let mut told: Option<ExecutionDenied> = None;
    receive(&mut events, Duration::from_secs(2), |event| {
        if let SensorEvent::ExecutionDenied(denied) = event {
            told = Some(denied);
        }
        told.is_some()
    });
    let told = told.expect("nothing was told");
    assert_eq!(told.container.as_deref(), Some(test));
    assert_eq!(told.path, "/dev/shm/a tool\n");
    assert_eq!(told.sha256, Some(digest(&foreign)));
    assert_eq!((told.reason, told.rung), (DenyReason::NotInImage, "fanotify"));
    assert!(told.pid > 0 && !told.by.is_empty() && !told.is_nameless, "{told:?}");
}

#[test]
fn a_refused_program_that_was_removed_is_told_as_such() {
    let test = "a_refused_program_that_was_removed_is_told_as_such";
    let Some(victim) = victim(test) else { return };
    let Some((sensor, mut events)) = sensor(test, &Options::default()) else { return };
    let (jail, allowed) = prepare(test, victim);
    sensor.guard(&jail.request(allowed)).unwrap();
    jail.write("/data/gone", &variant(victim, 78), 0o755);
    assert_eq!(jail.execute_removed("/data/gone"), REFUSED);
    let told = receive(
        &mut events,
        Duration::from_secs(2),
        |event| matches!(event, SensorEvent::ExecutionDenied(denied) if denied.is_nameless && denied.container.as_deref() == Some(test)),
    );
    assert!(told);
}

#[test]
fn a_released_container_and_one_after_the_sensors_end_run_on() {
    let test = "a_released_container_and_one_after_the_sensors_end_run_on";
    let Some(victim) = victim(test) else { return };
    let Some((sensor, _events)) = sensor(test, &Options::default()) else { return };
    let (jail, allowed) = prepare(test, victim);
    for path in ["/bin/foreign", "/dev/shm/foreign", "/data/foreign"] {
        jail.write(path, &variant(victim, 5), 0o755);
    }
    let outcomes = || ["/bin/foreign", "/dev/shm/foreign", "/data/foreign"].map(|path| jail.execute(path));
    sensor.guard(&jail.request(allowed.clone())).unwrap();
    assert_eq!(outcomes(), [REFUSED; 3]);
    sensor.release(test, jail.pid + 1);
    assert_eq!(outcomes(), [REFUSED; 3], "the end of another run releases nothing");
    sensor.release(test, jail.pid);
    assert_eq!((outcomes(), sensor.guarded()), ([Ok(()); 3], 0));
    sensor.guard(&jail.request(allowed)).unwrap();
    assert_eq!(outcomes(), [REFUSED; 3]);
    drop(sensor);
    assert_eq!(outcomes(), [Ok(()); 3], "the kernel asks nobody when the agent is gone");
}

#[test]
fn the_hosts_own_mounts_are_never_guarded() {
    let test = "the_hosts_own_mounts_are_never_guarded";
    let Some((sensor, _events)) = sensor(test, &Options::default()) else { return };
    let jail = Jail::new(test, &[]);
    let mut request = jail.request([]);
    request.pid = std::process::id();
    assert!(matches!(sensor.guard(&request), Err(GuardError::HostMounts(_))));
    request.pid = 4_194_304;
    assert!(matches!(sensor.guard(&request), Err(GuardError::Process { .. })));
    assert_eq!(sensor.guarded(), 0);
    let unharmed = std::process::Command::new("/bin/true").status().unwrap();
    assert!(unharmed.success());
}
