//! Containers of a real runtime, guarded from its `createRuntime` hook: before their first instruction.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use lazaret_model::Digest;
use lazaret_sensor::{GuardRequest, Options, Sensor, SensorEvent, Watched};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use tempfile::TempDir;

use crate::support::{digest, install, receive, sensor, tool, variant, victim};

const PATIENCE: Duration = Duration::from_secs(20);

/// A bundle whose root is an overlay that the host sees too, as Docker makes it, with a volume and a file of
/// the host mounted into it.
struct Bundle {
    runc: PathBuf,
    id: String,
    directory: TempDir,
}

impl Bundle {
    fn new(runc: &Path, id: &str, victim: &[u8], arguments: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let at = |path: &str| directory.path().join(path);
        for path in [
            "lower/bin",
            "lower/proc",
            "lower/dev",
            "lower/data",
            "lower/etc",
            "upper",
            "work",
            "rootfs",
            "volume",
        ] {
            fs::create_dir_all(at(path)).unwrap();
        }
        install(&at("lower/bin/victim"), victim, 0o755);
        install(&at("lower/etc/hosts"), b"", 0o644);
        install(&at("hosts"), b"127.0.0.1 localhost\n", 0o644);
        let layers =
            format!("lowerdir={0}/lower,upperdir={0}/upper,workdir={0}/work", directory.path().display());
        mount(Some("overlay"), &at("rootfs"), Some("overlay"), MsFlags::empty(), Some(layers.as_str()))
            .unwrap();
        let here = directory.path().display();
        // The hook tells who waits, and waits to be let go.
        let hook = format!(
            "cat > {here}/state.new; mv {here}/state.new {here}/state; until [ -e {here}/go ]; do sleep 0.01; done"
        );
        let configuration = format!(
            r#"{{"ociVersion":"1.0.2","root":{{"path":"rootfs"}},
            "process":{{"cwd":"/","args":{arguments},"user":{{"uid":0,"gid":0}},"noNewPrivileges":true}},
            "mounts":[{{"destination":"/proc","type":"proc","source":"proc"}},
              {{"destination":"/dev","type":"tmpfs","source":"tmpfs","options":["nosuid","mode=755","size=65536k"]}},
              {{"destination":"/dev/shm","type":"tmpfs","source":"shm","options":["nosuid","nodev","mode=1777","size=65536k"]}},
              {{"destination":"/data","type":"bind","source":"{here}/volume","options":["rbind","rw"]}},
              {{"destination":"/etc/hosts","type":"bind","source":"{here}/hosts","options":["bind","rw"]}}],
            "hooks":{{"createRuntime":[{{"path":"/bin/sh","args":["sh","-c","{hook}"],"timeout":20}}]}},
            "linux":{{"cgroupsPath":"/{id}","namespaces":[{{"type":"pid"}},{{"type":"mount"}},{{"type":"ipc"}},{{"type":"uts"}}]}}}}"#
        );
        fs::write(at("config.json"), configuration).unwrap();
        Self { runc: runc.to_owned(), id: id.to_owned(), directory }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.runc);
        command.arg("--root").arg(self.at("runc")).args(arguments).stdin(Stdio::null());
        command
    }

    /// Starts it and guards it while its hook waits.
    fn start(&self, how: &[&str], sensor: &Sensor, allowed: &[Digest]) -> (Vec<Watched>, Output) {
        let errors = fs::File::create(self.at("errors")).unwrap();
        let mut run = self
            .command(&["run"])
            .args(how)
            .arg("--bundle")
            .args([self.directory.path().as_os_str(), self.id.as_ref()])
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn()
            .unwrap();
        let until = Instant::now() + PATIENCE;
        while !self.at("state").exists() {
            assert!(run.try_wait().unwrap().is_none(), "{}", fs::read_to_string(self.at("errors")).unwrap());
            assert!(Instant::now() < until, "the hook was not called");
            std::thread::sleep(Duration::from_millis(2));
        }
        let state = fs::read_to_string(self.at("state")).unwrap();
        let (_, pid) = state.split_once("\"pid\":").unwrap();
        let pid =
            pid.trim_start().split(|digit: char| !digit.is_ascii_digit()).next().unwrap().parse().unwrap();
        let request = GuardRequest {
            container: self.id.clone(),
            pid,
            rootfs: self.at("rootfs"),
            allowed: std::sync::Arc::new(allowed.iter().copied().collect()),
        };
        let start = Instant::now();
        let watched = sensor.guard(&request).unwrap();
        eprintln!("guarded {} mounts in {:.1?}", watched.len(), start.elapsed());
        fs::write(self.at("go"), b"").unwrap();
        let status = run.wait().unwrap();
        let stderr = fs::read(self.at("errors")).unwrap();
        (watched, Output { status, stdout: Vec::new(), stderr })
    }

    /// Executes a program in the running container.
    fn execute(&self, program: &str) -> bool {
        let output = self.command(&["exec", &self.id, program, "/effect"]).output().unwrap();
        let effect = self.at("rootfs/effect");
        assert_eq!(effect.exists(), output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let _ = fs::remove_file(effect);
        output.status.success()
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        let _ = self.command(&["delete", "--force", &self.id]).output();
        let _ = umount2(&self.at("rootfs"), MntFlags::MNT_DETACH);
    }
}

fn id(test: &str) -> String {
    digest(format!("{test} {}", std::process::id()).as_bytes()).hex()
}

#[test]
fn the_first_program_of_a_container_is_decided_too() {
    let test = "the_first_program_of_a_container_is_decided_too";
    let (Some(runc), Some(victim)) = (tool(test, "runc"), victim(test)) else { return };
    let Some((sensor, mut events)) = sensor(test, &Options::default()) else { return };
    let bundle = Bundle::new(&runc, &id(test), victim, r#"["/bin/victim","/effect"]"#);
    let (_, output) = bundle.start(&[], &sensor, &[]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("operation not permitted"), "{text}");
    assert!(!bundle.at("rootfs/effect").exists());
    let told = receive(&mut events, Duration::from_secs(2), |event| {
        matches!(event, SensorEvent::ExecutionDenied(denied)
            if denied.container.as_ref() == Some(&bundle.id) && denied.path == "/bin/victim")
    });
    assert!(told);
}

#[test]
fn a_container_of_runc_is_seen_guarded_and_missed() {
    let test = "a_container_of_runc_is_seen_guarded_and_missed";
    let (Some(runc), Some(victim)) = (tool(test, "runc"), victim(test)) else { return };
    let Some((sensor, mut events)) = sensor(test, &Options::default()) else { return };
    let bundle = Bundle::new(&runc, &id(test), victim, r#"["/bin/victim"]"#);
    let (watched, output) = bundle.start(&["--detach"], &sensor, &[digest(victim)]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let started = Instant::now();
    let mut container = None;
    receive(&mut events, PATIENCE, |event| {
        if let SensorEvent::ContainerSeen(seen) = event {
            container = (seen.key == bundle.id).then_some(seen);
        }
        container.is_some()
    });
    let container = container.expect("not seen");
    assert!(started.elapsed() < Duration::from_millis(100), "{:?}", started.elapsed());
    assert_eq!(
        (container.command.as_str(), container.container_id.as_ref()),
        ("/bin/victim", Some(&bundle.id))
    );

    // Overlay, /dev, /dev/shm as a whole; the volume and the file by their mounts, for they are the host's.
    let mut whole: Vec<_> = watched.iter().filter(|watched| watched.whole_file_system).map(place).collect();
    whole.sort_unstable();
    assert_eq!(whole, ["dev", "rootfs", "shm"], "{watched:?}");
    let mut mounts: Vec<_> = watched.iter().filter(|watched| !watched.whole_file_system).map(place).collect();
    mounts.sort_unstable();
    assert_eq!(mounts, ["data", "hosts"], "{watched:?}");

    let foreign = variant(victim, 1);
    install(&bundle.at("rootfs/bin/foreign"), &foreign, 0o755);
    install(&bundle.at("volume/foreign"), &foreign, 0o755);
    install(&bundle.at("hosts"), &foreign, 0o755);
    for directory in ["dev", "dev/shm"] {
        install(
            &Path::new("/proc")
                .join(container.init_pid.to_string())
                .join("root")
                .join(directory)
                .join("foreign"),
            &foreign,
            0o755,
        );
    }
    assert!(bundle.execute("/bin/victim"));
    for program in ["/bin/foreign", "/data/foreign", "/etc/hosts", "/dev/foreign", "/dev/shm/foreign"] {
        assert!(!bundle.execute(program), "{program} ran");
    }
    // The host's own use of its file system is none of the guard's business.
    let on_the_host = bundle.at("on-the-host");
    assert!(Command::new(bundle.at("volume/foreign")).arg(&on_the_host).status().unwrap().success());
    assert!(on_the_host.exists());

    drop(bundle);
    let gone = receive(
        &mut events,
        PATIENCE,
        |event| matches!(event, SensorEvent::ContainerGone(gone) if gone.key == container.key),
    );
    assert!(gone);
}

fn place(watched: &Watched) -> &str {
    watched.point.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}
