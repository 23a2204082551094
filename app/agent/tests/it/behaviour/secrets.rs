use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use lazaret_format::v1::{AgentEvent, Deviation, EventKind};
use lazaret_model::{Dimension, FileOperation};
use lazaret_profile::{FileRule, Mode, Pattern, Seen};

use super::cell::Cell;
use super::{ALONE, Guard, PATIENCE, await_deviation, derived};
use crate::world::World;

const TOKEN: &str = "/run/secrets/token";

/// The real path of a program, as the kernel calls it.
fn program(name: &str) -> String {
    std::fs::canonicalize(format!("/usr/bin/{name}")).unwrap().to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_refused_to_whom_the_profile_does_not_name() {
    if !nix::unistd::geteuid().is_root() {
        return crate::skipped("behaviour needs root");
    }
    let _alone = ALONE.lock().await;
    let world = World::new();
    let mut profile = derived(&world);
    profile.modes.set(Dimension::Secrets, Mode::Block);
    profile.secrets = vec![FileRule {
        path: Pattern::literal(TOKEN),
        by: program("cat"),
        operations: vec![FileOperation::Read],
        seen: Seen::default(),
    }];
    world.send_profile(2, profile.text(), true);
    let Some(cell) = Cell::new() else {
        return crate::skipped("behaviour: no unified hierarchy (cgroup v2)");
    };
    let arrange = "mount -t tmpfs run /run && mkdir /run/secrets && mount -t tmpfs secrets /run/secrets && \
                   echo hidden > /run/secrets/token";
    let arranged = cell.inside(&["sh", "-c", arrange]).output().unwrap();
    assert!(arranged.status.success(), "{arranged:?}");
    let read = |name: &str| cell.inside(&[name, TOKEN]).output().unwrap();
    let mut reader = Reader::start(&cell);
    assert!(read("head").status.success());
    let Some(guard) = Guard::start(&world, &cell) else { return };
    if let Err(why) = guard.sensor.enforcement() {
        return crate::skipped(&format!("behaviour: {why}"));
    }
    assert_eq!(String::from_utf8_lossy(&read("cat").stdout), "hidden\n", "who is named is refused");
    let refused = read("head");
    let complaint = String::from_utf8_lossy(&refused.stderr);
    assert!(complaint.contains("Operation not permitted") && refused.stdout.is_empty(), "{complaint}");
    let told = await_deviation(&world, |one| one.category == "secret.access").await;
    assert_eq!(
        (told.outcome.as_str(), told.mode.as_str(), told.action.as_str()),
        ("prevented", "block", "deny")
    );
    let by_hooks = guard.sensor.security().is_ok();
    assert_eq!(told.rung, if by_hooks { "bpf-lsm" } else { "fanotify" });
    assert!(told.what.contains(TOKEN) && told.process.exe == program("head"), "{told:#?}");
    assert_eq!(told.process.argv.last().map(String::as_str), Some(TOKEN), "{told:#?}");
    let events = world.events();
    let about = |event: &&AgentEvent| matches!(&event.what, EventKind::Deviation(one) if one.category == "secret.access");
    assert_eq!(events.iter().filter(about).count(), 1, "told once: {events:#?}");
    reader.becomes(false).await;

    // A profile that only alerts lets go.
    profile.modes.set(Dimension::Secrets, Mode::Alert);
    world.send_profile(3, profile.text(), true);
    reader.becomes(true).await;
    let happened = |one: &Deviation| one.category == "secret.access" && one.outcome == "happened";
    let told = await_deviation(&world, happened).await;
    assert_eq!((told.rung.as_str(), told.mode.as_str()), ("alert", "alert"));
    // And one that blocks takes hold of what runs.
    profile.modes.set(Dimension::Secrets, Mode::Block);
    world.send_profile(4, profile.text(), true);
    reader.becomes(false).await;
    guard.stop().await;
    reader.becomes(true).await;
}

/// A process that is there all the time, and starts no other: what it may execute is another matter.
struct Reader {
    shell: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Reader {
    fn start(cell: &Cell) -> Self {
        let script = "while read -r; do if read -r < /run/secrets/token; then echo yes; else echo no; fi; done 2>/dev/null";
        let mut command = cell.inside(&["bash", "-c", script]);
        let mut shell = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (shell.stdin.take().unwrap(), shell.stdout.take().unwrap());
        let mut reader = Self { shell, input, output: BufReader::new(output).lines() };
        assert!(reader.reads());
        reader
    }

    fn reads(&mut self) -> bool {
        self.input.write_all(b"\n").unwrap();
        self.output.next().unwrap().unwrap() == "yes"
    }

    async fn becomes(&mut self, reads: bool) {
        let until = Instant::now() + PATIENCE;
        while self.reads() != reads {
            assert!(Instant::now() < until, "it does not become so that it reads: {reads}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}
