//! A container that begins with our starter changes files where its rules say, whatever way it tries elsewhere.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use lazaret_model::{Fact, FileOperation, RUNTIME};
use lazaret_sensor::{Domain, Options, Outcome, PathRule, StartFiles, landlock};
use nix::mount::{MsFlags, mount};
use tempfile::TempDir;

use crate::cell::{Cell, built};
use crate::jail::Jail;
use crate::observed::{await_fact, observing};

const FIRST: i32 = 3;
const ROUNDS: usize = 60;

/// `change.c`, statically linked.
fn change() -> &'static Path {
    static BUILT: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    &BUILT.get_or_init(|| built("change")).1
}

fn has_landlock(test: &str) -> bool {
    let tried = landlock();
    if let Err(why) = &tried {
        eprintln!("SKIPPED: {test}: {why}");
    }
    tried.is_ok()
}

fn rule(pattern: &str, operation: FileOperation) -> PathRule {
    PathRule::new(pattern, None, &[operation]).unwrap()
}

/// What is to be begun with, as a runtime passes it on.
fn begin(command: &mut Command, rules: &[u8]) {
    let directory = TempDir::new().unwrap();
    let program = StartFiles::install(directory.path()).unwrap();
    let mut files = Some(StartFiles::open(&program, rules).unwrap());
    // The mount goes on without a name.
    drop(directory);
    let hand_over = move || match files.take() {
        Some(files) => files.hand_over(FIRST).map_err(|_| io::ErrorKind::Other.into()),
        None => Err(io::ErrorKind::NotFound.into()),
    };
    #[expect(unsafe_code, reason = "between fork and exec only system calls may be made")]
    // SAFETY: the closure makes system calls with descriptors, and asks for memory only to fail.
    unsafe {
        command.pre_exec(hand_over);
    }
}

/// Has `/srv/out`, `/srv/in` and the host's `/data`.
fn jail(name: &str) -> Jail {
    let program = fs::read(change()).unwrap();
    let files: [(&str, &[u8], u32); 8] = [
        ("bin/change", &program, 0o755),
        ("srv/out/file", b"out", 0o666),
        ("srv/out/directory/file", b"out", 0o666),
        ("srv/in/file", b"in", 0o666),
        ("srv/in/mount/x", b"in", 0o666),
        ("etc/one", b"one", 0o666),
        ("etc/other", b"other", 0o666),
        ("proc/x", b"", 0o600),
    ];
    Jail::pivoted(name, &files, |merged| {
        for place in ["srv/out", "srv/out/directory", "srv/in", "srv/in/mount", "data", "etc"] {
            fs::set_permissions(merged.join(place), fs::Permissions::from_mode(0o777))?;
        }
        fs::write(merged.join("data/file"), "in")?;
        fs::set_permissions(merged.join("data/file"), fs::Permissions::from_mode(0o666))?;
        fs::create_dir(merged.join("data/mount"))?;
        mount(Some("proc"), &merged.join("proc"), Some("proc"), MsFlags::empty(), None::<&Path>)?;
        Ok(())
    })
}

fn bytes(rules: &[PathRule]) -> Vec<u8> {
    Domain::of(rules).unwrap().rules().unwrap()
}

/// Runs it inside, held to rules if there are any, as some user.
fn run(jail: &Jail, rules: Option<Vec<u8>>, user: u32, words: &[&str]) -> Output {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let called = StartFiles::called(FIRST);
    let mut command = match &rules {
        Some(_) => Command::new(&called),
        None => Command::new(&words[0]),
    };
    command.args(if rules.is_some() { &words[..] } else { &words[1..] });
    command.env_clear().env("PATH", "/nowhere:relative:/etc:/bin").stdin(Stdio::inherit());
    if let Some(rules) = &rules {
        begin(&mut command, rules);
    }
    if user != 0 {
        command.uid(user).gid(user);
    }
    jail.inside(move || {
        // Another test may fork while the program is being written.
        let busy = |error: &io::Error| error.kind() == io::ErrorKind::ExecutableFileBusy;
        let mut runs = std::iter::repeat_with(|| command.output());
        runs.find(|run| !run.as_ref().is_err_and(busy)).unwrap().unwrap()
    })
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Names, kinds and contents of all that is below.
fn snapshot(directory: &Path) -> Vec<(PathBuf, u32, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        let content = if metadata.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        assert!(!metadata.file_type().is_fifo());
        found.push((path.clone(), metadata.mode(), content));
        if metadata.is_dir() {
            found.extend(snapshot(&path));
        }
    }
    found.sort();
    found
}

#[test]
fn files_change_where_the_rules_say_and_nowhere_else() {
    let test = "files_change_where_the_rules_say_and_nowhere_else";
    if !has_landlock(test) {
        return;
    }
    // Who is not held can do all that, so that nothing else refuses it.
    let free = run(&jail("free"), None, 0, &["/bin/change", "1", "/srv/out", "/srv/in"]);
    let counts = |output: &Output| -> Vec<usize> {
        let text = said(output);
        let last = text.lines().last().unwrap_or_default();
        last.split(' ').map(|number| number.parse().unwrap_or_else(|_| panic!("{output:?}"))).collect()
    };
    assert!(counts(&free)[1] >= 25, "{}", said(&free));

    let rules = bytes(&[
        rule("/srv/in/**", FileOperation::Rename),
        rule("/data/*", FileOperation::Rename),
        rule("/etc/one", FileOperation::Write),
        rule("/etc/absent/**", FileOperation::Create),
    ]);
    let jail = jail(test);
    let outside = || ["/srv/out", "/etc", "/bin"].map(|place| snapshot(Path::new(place)));
    let before = jail.inside(outside);
    let mut all = 0;
    for (user, place) in [(0, "/srv/in"), (0, "/data"), (1000, "/srv/in")] {
        let rounds = ROUNDS.to_string();
        let output = run(&jail, Some(rules.clone()), user, &["/bin/change", &rounds, "/srv/out", place]);
        let [tries, passed, failed] = counts(&output)[..] else { panic!("{output:?}") };
        assert_eq!((passed, failed), (0, 0), "{user} {place}: {}", said(&output));
        all += tries;
    }
    assert!(all >= 2000, "{all} tries");
    assert!(jail.inside(outside) == before, "a refused change has an effect");
    eprintln!("{all} tries to change files elsewhere, none with an effect");

    // A copy is not another program for the kernel, and one file is not its directory.
    let copied = run(&jail, Some(rules.clone()), 0, &["change", "write", "/etc/one"]);
    assert_eq!(said(&copied), "0", "{copied:?}");
    jail.inside(|| fs::copy("/bin/change", "/srv/in/copy").unwrap());
    for path in ["/etc/other", "/bin/change", "/srv/out/file"] {
        let output = run(&jail, Some(rules.clone()), 0, &["/srv/in/copy", "write", path]);
        assert_eq!(said(&output), libc::EACCES.to_string(), "{path}: {output:?}");
    }
}

#[test]
fn what_may_be_made_may_not_be_taken_away() {
    let test = "what_may_be_made_may_not_be_taken_away";
    if !has_landlock(test) {
        return;
    }
    let jail = jail(test);
    let log = "/srv/in/app.log";
    jail.inside(move || fs::write(log, "x").unwrap());
    let does = |operation, words: &[&str]| {
        let output = run(&jail, Some(bytes(&[rule("/srv/in/*", operation)])), 0, words);
        said(&output).parse::<i32>().unwrap_or_else(|_| panic!("{output:?}"))
    };
    let (write, remove) = (["/bin/change", "write", log], ["/bin/change", "remove", log]);
    let moves = ["/bin/change", "move", log, "/srv/in/other"];
    assert_eq!(does(FileOperation::Create, &write), 0);
    assert_eq!(does(FileOperation::Create, &remove), libc::EACCES);
    assert_eq!(does(FileOperation::Create, &moves), libc::EACCES);
    assert_eq!(does(FileOperation::Rename, &moves), 0);
    jail.inside(move || fs::write(log, "x").unwrap());
    assert_eq!(does(FileOperation::Delete, &remove), 0);
}

#[test]
fn a_program_begins_as_if_nothing_had_been_before_it() {
    let test = "a_program_begins_as_if_nothing_had_been_before_it";
    if !has_landlock(test) {
        return;
    }
    let jail = jail(test);
    let rules = bytes(&[rule("/srv/in/**", FileOperation::Create)]);
    let run = |words: &[&str]| run(&jail, Some(rules.clone()), 0, words);
    let look = run(&["change", "look", "a b", ""]);
    assert_eq!(said(&look), "0 change look a b  PATH=/nowhere:relative:/etc:/bin");
    for (words, code, word) in [
        (&["nothing"][..], 127, "not found in $PATH"),
        (&["/bin/nothing"], 127, "no such file"),
        (&["/etc"], 126, "permission denied"),
        (&["/etc/one"], 126, "permission denied"),
        (&[""], 127, "not found"),
    ] {
        let output = run(words);
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{words:?}: {why}");
        assert!(why.starts_with("lazaret: ") && why.contains(word), "{words:?}: {why}");
    }
}

#[test]
fn what_cannot_be_held_does_not_begin() {
    let test = "what_cannot_be_held_does_not_begin";
    if !has_landlock(test) {
        return;
    }
    let jail = jail(test);
    let whole = bytes(&[rule("/srv/in/**", FileOperation::Create)]);
    for rules in [&[][..], &whole[..4], &whole[..12], &vec![b'x'; 70_000]] {
        let output = run(&jail, Some(rules.to_vec()), 0, &["/bin/change", "look"]);
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), said(&output)), (Some(125), String::new()), "{why}");
        assert!(why.contains("cannot be held"), "{why}");
    }
    // What is executed cannot be written to from there: whoever runs in the container later would run it on the host.
    let directory = TempDir::new().unwrap();
    let program = StartFiles::install(directory.path()).unwrap();
    let files = StartFiles::open(&program, &whole).unwrap();
    let text = format!("{files:?}");
    let number: String =
        text.chars().skip_while(|letter| !letter.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    let way = format!("/proc/self/fd/{number}");
    assert!(fs::read(&way).is_ok());
    let refused = fs::File::options().write(true).open(&way).unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(libc::EROFS));
}

#[test]
fn the_way_to_a_program_is_not_told_and_what_is_refused_is() {
    let test = "the_way_to_a_program_is_not_told_and_what_is_refused_is";
    if !has_landlock(test) {
        return;
    }
    let Some((sensor, mut sightings)) = observing(test, Options::default()) else { return };
    let cell = Cell::new();
    sensor.tell_refused(cell.cgroup_id, true).unwrap();
    let file = cell.place.path().join("file");
    fs::write(&file, "x").unwrap();
    let (program, path) = (change().to_str().unwrap(), file.to_str().unwrap());
    let called = StartFiles::called(FIRST);
    let mut command = cell.command(Path::new(&called), &[program, "write", path]);
    begin(&mut command, &bytes(&[rule("/dev/shm/**", FileOperation::Create)]));
    let output = command.output().unwrap();
    assert_eq!(said(&output), libc::EACCES.to_string(), "{output:?}");
    let begun = await_fact(&mut sightings, cell.cgroup_id, |told| {
        matches!(&told.behaviour.fact, Fact::Exec(execution) if execution.entered)
            && told.container.contains(&cell.id)
    });
    let begun = begun.expect("the program is not told");
    let Fact::Exec(execution) = &begun.behaviour.fact else { panic!("{begun:?}") };
    assert_eq!(
        (execution.executable.as_str(), begun.behaviour.actor.executable.as_str()),
        (program, RUNTIME)
    );
    assert_eq!(execution.arguments, [program, "write", path]);
    let refused = await_fact(
        &mut sightings,
        cell.cgroup_id,
        |told| matches!(&told.behaviour.fact, Fact::File(access) if access.path == path),
    );
    let refused = refused.expect("what was refused is not told");
    assert_eq!(refused.outcome, Outcome::Failed(libc::EACCES));
    sensor.tell_refused(cell.cgroup_id, false).unwrap();
    sensor.release_group(cell.cgroup_id);
}
