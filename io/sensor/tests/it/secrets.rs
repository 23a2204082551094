//! Secrets are opened by whom a rule names alone, where no program at a security hook sees to it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lazaret_model::{Fact, FileOperation};
use lazaret_sensor::{
    Deadly, ExecutableSet, Observation, Options, Outcome, PathRule, Rung, SecretPlace, SecretsRequest,
    Sighting,
};
use nix::mount::{MsFlags, mount};
use tempfile::TempDir;
use tokio::sync::mpsc::Receiver;

use crate::cell::{Cell, act};
use crate::jail::{Jail, pivot};
use crate::observed::{await_fact, observing};
use crate::support::digest;

const REFUSED: Option<i32> = Some(libc::EPERM);
const DONE: Option<i32> = Some(0);
const GROUP: u64 = 0xfeed_0000;

const PLACES: [SecretPlace<'static>; 4] = [
    SecretPlace::Whole("/run/secrets/"),
    SecretPlace::Whole("/etc/shadow"),
    SecretPlace::Anywhere("/.ssh/"),
    SecretPlace::Anywhere("/id_rsa"),
];

/// A container with secrets: of the image, on a tmpfs of its own, and a file of the host.
struct Vault {
    jail: Jail,
    host: TempDir,
}

impl Vault {
    fn new(name: &str) -> Self {
        Self::made(name, true)
    }

    /// `begun`: it has made its root its own.
    fn made(name: &str, begun: bool) -> Self {
        let program = fs::read(act()).unwrap();
        let files: [(&str, &[u8], u32); 11] = [
            ("bin/act", &program, 0o755),
            ("bin/copy", &program, 0o755),
            ("etc/shadow", b"root:x", 0o600),
            ("etc/passwd", b"root:x", 0o644),
            ("root/.ssh/key", b"key", 0o600),
            ("root/.ssh/other", b"key", 0o600),
            ("root/plain", b"plain", 0o644),
            ("srv/id_rsa", b"key", 0o600),
            ("run/secrets/x", b"", 0o600),
            ("proc/x", b"", 0o600),
            ("tmp/x", b"", 0o600),
        ];
        let host = TempDir::new().unwrap();
        fs::write(host.path().join("token"), "token of the host").unwrap();
        let token = host.path().join("token");
        let arrange = move |merged: &Path| {
            let none = None::<&Path>;
            let secrets = merged.join("run/secrets");
            mount(Some("tmpfs"), &secrets, Some("tmpfs"), MsFlags::empty(), Some("size=1m"))?;
            mount(Some("proc"), &merged.join("proc"), Some("proc"), MsFlags::empty(), none)?;
            for name in ["own", "bound"] {
                fs::write(secrets.join(name), "secret")?;
            }
            mount(Some(&token), &secrets.join("bound"), none, MsFlags::MS_BIND, none)?;
            Ok(())
        };
        let jail = match begun {
            true => Jail::pivoted(name, &files, arrange),
            false => Jail::prepared(name, &files, arrange),
        };
        Self { jail, host }
    }

    fn request(&self, group: u64, rules: Vec<PathRule>) -> SecretsRequest {
        SecretsRequest {
            container: self.jail.name.clone(),
            cgroup_id: group,
            pid: self.jail.pid,
            rootfs: self.jail.merged(),
            places: Arc::new(PLACES.into_iter().collect()),
            rules,
            contents: Arc::new(ExecutableSet::default()),
        }
    }

    /// What comes of it: 0, or the error's number.
    fn act(&self, words: &[&str]) -> Option<i32> {
        self.act_as("/bin/act", words)
    }

    fn act_as(&self, program: &str, words: &[&str]) -> Option<i32> {
        let (program, words) =
            (program.to_owned(), words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        self.jail.inside(move || {
            let run = || Command::new(&program).args(&words).stdin(Stdio::inherit()).output();
            // Another test may fork while a program is being written.
            let busy = |error: &std::io::Error| error.kind() == std::io::ErrorKind::ExecutableFileBusy;
            let output =
                std::iter::repeat_with(run).find(|run| !run.as_ref().is_err_and(busy)).unwrap().unwrap();
            String::from_utf8_lossy(&output.stdout).trim().parse().ok()
        })
    }
}

fn rule(pattern: &str, by: Option<&str>) -> PathRule {
    PathRule::new(pattern, by, &[FileOperation::Read]).unwrap()
}

fn refused(sightings: &mut Receiver<Sighting>, group: u64, path: &str) -> Observation {
    let is_it = |told: &Observation| {
        told.outcome == Outcome::Refused(Rung::Fanotify)
            && matches!(&told.behaviour.fact, Fact::File(access) if access.path == path)
    };
    await_fact(sightings, group, is_it).unwrap_or_else(|| panic!("{path}: not told"))
}

#[test]
fn a_secret_is_opened_by_whom_a_rule_names_alone() {
    let test = "a_secret_is_opened_by_whom_a_rule_names_alone";
    let Some((sensor, mut sightings)) = observing(test, Options::default()) else { return };
    let vault = Vault::new(test);
    let all = ["/etc/shadow", "/root/.ssh/key", "/run/secrets/own", "/run/secrets/bound", "/srv/id_rsa"];
    for path in all {
        assert_eq!(vault.act(&["read", path]), DONE, "{path}, before");
    }
    let rules = vec![
        rule("/etc/shadow", Some("/bin/act")),
        rule("/root/.ssh/key", Some("/bin/act")),
        rule("/run/secrets/*", Some("/bin/act")),
        rule("/root/.ssh/other", None),
    ];
    let beyond = sensor.keep_secrets(&vault.request(GROUP, rules)).unwrap();
    assert_eq!(beyond, ["secrets in directories of the host (/data)"]);
    for path in &all[..4] {
        assert_eq!(vault.act(&["read", path]), DONE, "{path}");
        assert_eq!(vault.act_as("/bin/copy", &["read", path]), REFUSED, "{path}, a copy");
        let told = refused(&mut sightings, GROUP, path);
        assert_eq!(told.behaviour.actor.executable, "/bin/copy");
        assert!(told.parent > 0 && told.comm == "copy" && told.container == test, "{told:?}");
    }
    for (program, words, outcome) in [
        ("/bin/act", &["read", "/srv/id_rsa"][..], REFUSED),
        ("/bin/copy", &["read", "/root/.ssh/other"], DONE),
        ("/bin/copy", &["read", "/root/plain"], DONE),
        ("/bin/copy", &["read", "/etc/passwd"], DONE),
        ("/bin/copy", &["append", "/etc/shadow"], REFUSED),
        ("/bin/copy", &["cut", "/run/secrets/own"], REFUSED),
        ("/bin/copy", &["uring-open", "/etc/shadow"], REFUSED),
        ("/bin/copy", &["child", "read", "/etc/shadow"], REFUSED),
        ("/bin/act", &["child", "read", "/etc/shadow"], DONE),
        // What comes into a directory of secrets is one from the first moment on.
        ("/bin/copy", &["effect", "/run/secrets/new"], REFUSED),
        ("/bin/act", &["effect", "/run/secrets/made"], DONE),
        ("/bin/copy", &["read", "/run/secrets/made"], REFUSED),
        ("/bin/act", &["effect", "/root/.ssh/new"], REFUSED),
    ] {
        assert_eq!(vault.act_as(program, words), outcome, "{program} {words:?}");
    }
    assert_eq!(vault.jail.inside(|| fs::read("/run/secrets/own").map(|content| content.len()).unwrap()), 6);
    // Other rules hold at once; and none any more when it is released.
    sensor.keep_secrets(&vault.request(GROUP, vec![rule("/etc/shadow", Some("/bin/copy"))])).unwrap();
    assert_eq!(vault.act(&["read", "/etc/shadow"]), REFUSED);
    assert_eq!(vault.act_as("/bin/copy", &["read", "/etc/shadow"]), DONE);
    sensor.release_secrets(test);
    for path in all {
        assert_eq!(vault.act(&["read", path]), DONE, "{path}, released");
    }
}

#[test]
fn what_is_kept_before_the_container_begins_is_kept_in_it() {
    let test = "what_is_kept_before_the_container_begins_is_kept_in_it";
    let Some((sensor, _sightings)) = observing(test, Options::default()) else { return };
    let vault = Vault::made(test, false);
    let rules = ["/etc/shadow", "/run/secrets/bound"].map(|path| rule(path, Some("/bin/act")));
    sensor.keep_secrets(&vault.request(GROUP + 6, rules.into())).unwrap();
    let merged = vault.jail.merged();
    vault.jail.inside(move || pivot(&merged).unwrap());
    for path in ["/etc/shadow", "/run/secrets/bound"] {
        assert_eq!(vault.act(&["read", path]), DONE, "{path}");
        assert_eq!(vault.act_as("/bin/copy", &["read", path]), REFUSED, "{path}");
    }
    assert_eq!(vault.act(&["read", "/root/.ssh/key"]), REFUSED);
    assert_eq!(vault.act(&["read", "/root/plain"]), DONE);
}

#[test]
fn no_other_name_and_no_other_program_leads_to_a_secret() {
    let test = "no_other_name_and_no_other_program_leads_to_a_secret";
    let Some((sensor, mut sightings)) = observing(test, Options::default()) else { return };
    let vault = Vault::new(test);
    let rules = vec![rule("/run/secrets/other", None), rule("/etc/shadow", Some("/bin/act"))];
    sensor.keep_secrets(&vault.request(GROUP + 1, rules)).unwrap();
    vault.jail.inside(|| {
        std::os::unix::fs::symlink("/etc/shadow", "/tmp/symbolic").unwrap();
        fs::hard_link("/etc/shadow", "/tmp/linked").unwrap();
        fs::hard_link("/run/secrets/own", "/run/secrets/again").unwrap();
        fs::rename("/root/.ssh/key", "/tmp/renamed").unwrap();
        fs::rename("/root/.ssh/other", "/root/.ssh/moved").unwrap();
        fs::rename("/srv/id_rsa", "/srv/id").unwrap();
        // Forgotten by the kernel's cache of names, as far as it lets go.
        fs::write("/proc/sys/vm/drop_caches", "2").unwrap();
    });
    for words in [
        &["read", "/tmp/symbolic"][..],
        &["read", "/tmp/linked"],
        &["read", "/run/secrets/again"],
        &["read", "/tmp/renamed"],
        &["read", "/root/.ssh/moved"],
        &["read", "/srv/id"],
        &["read", "/etc/../etc/./shadow"],
        &["read", "/proc/self/root/etc/shadow"],
        &["read", "/proc/1/root/../etc/shadow"],
        &["chroot-read", "/etc", "/shadow"],
        &["chroot-read", "/root/.ssh", "/moved"],
        &["uring-open", "/tmp/linked"],
    ] {
        let outcome = vault.act_as("/bin/copy", words);
        assert!(outcome == REFUSED || words[1].starts_with("/proc/1/"), "{words:?}: {outcome:?}");
    }
    assert_eq!(refused(&mut sightings, GROUP + 1, "/tmp/linked").behaviour.actor.executable, "/bin/copy");
    // Another program in the place of the one that a rule names, by its name and by a mount.
    assert_eq!(vault.act(&["read", "/etc/shadow"]), DONE);
    vault.jail.inside(|| {
        mount(Some("/bin/copy"), "/bin/act", None::<&str>, MsFlags::MS_BIND, None::<&str>).unwrap();
    });
    assert_eq!(vault.act(&["read", "/etc/shadow"]), REFUSED, "mounted over");
    vault.jail.inside(|| nix::mount::umount("/bin/act").unwrap());
    assert_eq!(vault.act(&["read", "/etc/shadow"]), DONE);
    vault.jail.inside(|| fs::rename("/bin/copy", "/bin/act").unwrap());
    assert_eq!(vault.act(&["read", "/etc/shadow"]), REFUSED, "renamed over");
    // A mount that was not there when it began.
    vault.jail.inside(|| {
        mount(Some("/run/secrets"), "/tmp", None::<&str>, MsFlags::MS_BIND, None::<&str>).unwrap();
    });
    assert_eq!(vault.act(&["read", "/tmp/own"]), REFUSED);
}

#[test]
fn a_program_that_was_only_touched_is_still_the_images() {
    let test = "a_program_that_was_only_touched_is_still_the_images";
    let Some((sensor, _sightings)) = observing(test, Options::default()) else { return };
    let vault = Vault::new(test);
    let content = fs::read(act()).unwrap();
    let contents: ExecutableSet = [("/bin/act".to_owned(), digest(&content))].into_iter().collect();
    let request = SecretsRequest {
        contents: Arc::new(contents),
        ..vault.request(GROUP + 2, vec![rule("/etc/shadow", Some("/bin/act"))])
    };
    sensor.keep_secrets(&request).unwrap();
    vault.jail.inside(|| fs::set_permissions("/bin/act", fs::Permissions::from_mode(0o700)).unwrap());
    assert_eq!(vault.act(&["read", "/etc/shadow"]), DONE, "touched");
    vault.jail.inside(|| {
        fs::copy("/bin/act", "/bin/new").unwrap();
        fs::rename("/bin/new", "/bin/act").unwrap();
    });
    assert_eq!(vault.act(&["read", "/etc/shadow"]), DONE, "written anew with the same content");
    let other = [&content[..], b"."].concat();
    vault.jail.write("/bin/new", &other, 0o755);
    vault.jail.inside(|| fs::rename("/bin/new", "/bin/act").unwrap());
    assert_eq!(vault.act(&["read", "/etc/shadow"]), REFUSED, "another content");
}

#[test]
fn nobody_else_is_asked_or_held_up() {
    let test = "nobody_else_is_asked_or_held_up";
    let Some((sensor, _sightings)) = observing(test, Options::default()) else { return };
    let vault = Vault::new(test);
    vault.jail.inside(|| nix::unistd::mkfifo("/run/secrets/pipe", nix::sys::stat::Mode::S_IRWXU).unwrap());
    sensor.keep_secrets(&vault.request(GROUP + 3, Vec::new())).unwrap();
    let (bound, inside) =
        (vault.host.path().join("token"), format!("/proc/{}/root/etc/shadow", vault.jail.pid));
    for path in [bound.to_str().unwrap(), &inside] {
        // Another process of the host, and this very one.
        let read = Command::new("cat").arg(path).output().unwrap();
        assert!(read.status.success(), "{path}: {}", String::from_utf8_lossy(&read.stderr));
        fs::read(path).unwrap();
    }
    // A pipe that nobody writes to does not hold up the decisions.
    let mut waiting =
        vault.jail.inside(|| Command::new("/bin/act").args(["read", "/run/secrets/pipe"]).spawn().unwrap());
    let begun = Instant::now();
    assert_eq!(vault.act(&["read", "/etc/shadow"]), REFUSED);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    waiting.kill().unwrap();
    waiting.wait().unwrap();
}

#[test]
fn nothing_is_read_however_often_it_is_tried() {
    const TIMES: &str = "2000";
    let test = "nothing_is_read_however_often_it_is_tried";
    let Some((sensor, mut sightings)) = observing(test, Options::default()) else { return };
    std::thread::spawn(move || while sightings.blocking_recv().is_some() {});
    let vault = Vault::new(test);
    let plain = cost(&vault, "/bin/act", "/etc/passwd");
    let before = cost(&vault, "/bin/act", "/etc/shadow");
    sensor.keep_secrets(&vault.request(GROUP + 4, vec![rule("/etc/shadow", Some("/bin/act"))])).unwrap();
    for path in ["/etc/shadow", "/run/secrets/own", "/run/secrets/bound"] {
        let begun = Instant::now();
        let passed = vault.act_as("/bin/copy", &["times", TIMES, "read", path]);
        eprintln!("{path}: {TIMES} times, {:.1?}", begun.elapsed());
        assert_eq!(passed, Some(0), "{path}");
    }
    assert_eq!(vault.act(&["times", TIMES, "read", "/etc/shadow"]), Some(2000));
    eprintln!(
        "processor time of an open: {before:.1} µs, {:.1} µs of a secret that is kept; of another file {plain:.1} and {:.1} µs",
        cost(&vault, "/bin/act", "/etc/shadow"),
        cost(&vault, "/bin/act", "/etc/passwd"),
    );
}

/// Microseconds of this process and of what it started, for each of many opens.
fn cost(vault: &Vault, program: &str, path: &str) -> f64 {
    use nix::sys::resource::{UsageWho, getrusage};
    const TIMES: u32 = 20_000;
    let used = || {
        let of = |who| {
            let used = getrusage(who).unwrap();
            [used.user_time(), used.system_time()]
                .map(|time| {
                    f64::from(i32::try_from(time.tv_sec()).unwrap()) * 1e6
                        + f64::from(i32::try_from(time.tv_usec()).unwrap())
                })
                .iter()
                .sum::<f64>()
        };
        of(UsageWho::RUSAGE_SELF) + of(UsageWho::RUSAGE_CHILDREN)
    };
    let before = used();
    vault.act_as(program, &["times", &TIMES.to_string(), "read", path]);
    (used() - before) / f64::from(TIMES)
}

#[test]
fn a_namespace_of_its_own_leads_to_no_secret() {
    const TIMES: u32 = 200;
    let test = "a_namespace_of_its_own_leads_to_no_secret";
    let Some((sensor, mut sightings)) = observing(test, Options::default()) else { return };
    std::thread::spawn(move || while sightings.blocking_recv().is_some() {});
    let (cell, host) = (Cell::new(), TempDir::new().unwrap());
    let (place, token) = (host.path().join("run"), host.path().join("token"));
    fs::create_dir(&place).unwrap();
    fs::write(&token, "secret of the host").unwrap();
    // A tmpfs of the container with a file of the host mounted on it, as engines mount secrets.
    let script = format!(
        "mount -t tmpfs s {0} && echo own > {0}/own && touch {0}/bound && mount --bind {1} {0}/bound && echo ready && exec sleep 60",
        place.display(),
        token.display()
    );
    let mut first =
        cell.command(Path::new("/bin/sh"), &["-c", &script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(first.stdout.take().unwrap()), &mut line)
        .unwrap();
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", first.id())).unwrap();
    let pid: u32 = children.trim().parse().unwrap();
    let directory = format!("{}/", place.display());
    let request = SecretsRequest {
        container: test.to_owned(),
        cgroup_id: cell.cgroup_id,
        pid,
        rootfs: "/".into(),
        places: Arc::new([SecretPlace::Whole(&directory)].into_iter().collect()),
        rules: Vec::new(),
        contents: Arc::new(ExecutableSet::default()),
    };
    let inside = |program: &[&str]| {
        let script = "echo $$ > \"$0/cgroup.procs\" && exec nsenter --mount --pid --target \"$@\"";
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).arg(&cell.cgroup).arg(pid.to_string()).arg("--").args(program);
        String::from_utf8_lossy(&command.output().unwrap().stdout).trim().to_owned()
    };
    let act = act().to_str().unwrap();
    let (own, bound) = (format!("{directory}own"), format!("{directory}bound"));
    for way in ["unshare-read", "clone-read", "copy-read"] {
        assert_eq!(inside(&[act, way, &bound, "1"]), "1", "{way}, unhindered");
    }
    sensor.keep_secrets(&request).unwrap();
    // Its own file system is marked as a whole.
    assert_eq!(inside(&[act, "read", &own]), libc::EPERM.to_string());
    assert_eq!(inside(&[act, "unshare-read", &own, "1"]), "0");
    sensor.make_deadly(cell.cgroup_id, &[Deadly::Mount, Deadly::NewNamespace]).unwrap();
    for way in ["unshare-read", "clone-read", "copy-read"] {
        for path in [&own, &bound] {
            assert_eq!(inside(&[act, way, path, &TIMES.to_string()]), "0", "{way} {path}");
        }
    }
    first.kill().unwrap();
    first.wait().unwrap();
}
