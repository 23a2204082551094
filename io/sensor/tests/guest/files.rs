//! Files and secrets.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};

use lazaret_model::{Fact, FileOperation};
use lazaret_sensor::{HeldPolicy, Outcome, PathRule, Rung, SecretPlace};
use nix::mount::{MsFlags, mount};

use crate::Watch;
use crate::cell::Cell;

pub(crate) const REFUSED: Option<i32> = Some(libc::EPERM);
pub(crate) const DONE: Option<i32> = Some(0);

pub(crate) fn rule(pattern: &str, by: Option<&str>, operations: &[FileOperation]) -> PathRule {
    PathRule::new(pattern, by, operations).unwrap()
}

fn tree(name: &str) -> String {
    let root = format!("/tmp/{name}");
    for folder in ["home/.ssh", "run", "data", "data-evil"] {
        fs::create_dir_all(format!("{root}/{folder}")).unwrap();
    }
    for file in ["home/.ssh/key", "home/.ssh/other", "home/plain", "data/tmp-1", "data/log", "data-evil/x"] {
        fs::write(format!("{root}/{file}"), "content").unwrap();
    }
    root
}

fn hold_secrets(watch: &Watch, cell: &Cell, rules: Vec<PathRule>) {
    let places = [
        SecretPlace::Anywhere("/.ssh/"),
        SecretPlace::Anywhere("/id_rsa"),
        SecretPlace::OfProcess("/environ"),
    ];
    watch.sensor.name_secrets(&places).unwrap();
    watch.sensor.hold(cell.group, &HeldPolicy { secrets: Some(rules), ..HeldPolicy::default() }).unwrap();
}

pub(crate) fn a_secret_is_opened_by_whom_the_profile_names_alone(watch: &mut Watch) {
    let root = tree("secrets");
    let (key, other, plain) =
        (format!("{root}/home/.ssh/key"), format!("{root}/home/.ssh/other"), format!("{root}/home/plain"));
    let cell = Cell::new();
    assert_eq!(cell.act(&["read", &key]), DONE, "before");
    hold_secrets(watch, &cell, vec![rule(&key, Some("/act"), &[FileOperation::Read])]);
    fs::copy("/act", "/another").unwrap();
    fs::create_dir_all("/tmp/act").unwrap();
    for (program, words, outcome) in [
        ("/act", &["read", &key][..], DONE),
        ("/act", &["append", &key], REFUSED),
        ("/act", &["cut", &key], REFUSED),
        ("/act", &["unlink", &key], REFUSED),
        ("/act", &["read", &other], REFUSED),
        ("/act", &["uring-open", &other], REFUSED),
        ("/act", &["read", "/proc/1/environ"], REFUSED),
        ("/act", &["read", "/proc/self/status"], DONE),
        ("/act", &["read", &plain], DONE),
        ("/act", &["effect", &format!("{root}/home/.ssh/new")], REFUSED),
        ("/act", &["effect", &format!("{root}/id_rsa")], REFUSED),
        ("/act", &["effect", &format!("{root}/id_rsa.pub")], DONE),
        // The same content under another path is another program.
        ("/another", &["read", &key], REFUSED),
        ("/another", &["read", &plain], DONE),
    ] {
        assert_eq!(cell.act_as(program, words), outcome, "{program} {words:?}");
    }
    assert_eq!(fs::read(&key).unwrap(), b"content");
    let told = watch.await_told(cell.group, |told| {
        matches!(&told.behaviour.fact, Fact::File(access) if access.path == other && access.operation == FileOperation::Read)
    });
    assert_eq!(told.outcome, Outcome::Refused(Rung::BpfLsm));
    assert_eq!(told.behaviour.actor.executable, "/act");
    // Another container is not concerned, and this one no longer when it is released.
    assert_eq!(Cell::new().act(&["read", &other]), DONE);
    watch.sensor.release_group(cell.group);
    assert_eq!(cell.act(&["read", &other]), DONE);
}

pub(crate) fn no_other_name_leads_to_a_secret(watch: &mut Watch) {
    let root = tree("names");
    let (key, link, away) =
        (format!("{root}/home/.ssh/key"), format!("{root}/data/link"), format!("{root}/data/away"));
    let (folder, home) = (format!("{root}/home/.ssh"), format!("{root}/home"));
    symlink(&key, format!("{root}/data/symbolic")).unwrap();
    let cell = Cell::new();
    hold_secrets(watch, &cell, Vec::new());
    for (words, outcome) in [
        (&["link", &key, &link][..], REFUSED),
        (&["rename", &key, &away], REFUSED),
        // A directory takes along what is in it.
        (&["rename", &folder, &away], REFUSED),
        // The directory itself is no secret.
        (&["chmod", &folder], DONE),
        (&["bind-mount", &folder, &format!("{root}/data")], REFUSED),
        (&["mount", &folder], REFUSED),
        (&["read", &format!("{root}/data/symbolic")], REFUSED),
        (&["read", &format!("{root}/data/../home/.ssh/./key")], REFUSED),
        (&["chroot-read", &folder, "/key"], REFUSED),
        (&["chroot-read", &home, "/.ssh/key"], REFUSED),
        (&["chroot-read", &home, "/plain"], DONE),
        (&["read", &format!("/proc/1/root{key}")], REFUSED),
        (&["rename", &home, &format!("{root}/house")], DONE),
        (&["read", &format!("{root}/house/.ssh/key")], REFUSED),
    ] {
        assert_eq!(cell.act(words), outcome, "{words:?}");
    }
    assert!(!fs::exists(&link).unwrap() && !fs::exists(&away).unwrap());
    watch.sensor.release_group(cell.group);
}

pub(crate) fn nothing_is_changed_but_what_a_rule_names(watch: &mut Watch) {
    use FileOperation::{Append, Attributes, Create, Delete, Read, Rename, Write};
    let root = tree("files");
    let at = |name: &str| format!("{root}/{name}");
    let cell = Cell::new();
    let act = Some("/act");
    let files = vec![
        rule(&at("data/tmp-*"), act, &[Create, Write, Delete, Rename]),
        rule(&at("data/log"), act, &[Append]),
        rule(&at("data/*/deep/x-*.y"), None, &[Create]),
        rule(&at("run/**"), act, &[Create, Attributes]),
        rule(&at("home/plain"), act, &[Read]),
        rule("/dev/null", None, &[Read, Append]),
    ];
    fs::create_dir_all(at("data/a/deep")).unwrap();
    fs::create_dir_all(at("run/b")).unwrap();
    let long = at(&format!("run{}", "/a-directory-of-some-length".repeat(80)));
    fs::create_dir_all(&long).unwrap();
    watch.sensor.hold(cell.group, &HeldPolicy { files: Some(files), ..HeldPolicy::default() }).unwrap();
    let content = |name: &str| fs::read_to_string(at(name)).unwrap();
    for (words, outcome) in [
        (&["read", &at("home/plain")][..], DONE),
        (&["read", &at("data/tmp-1")], REFUSED),
        (&["effect", &at("data/tmp-2")], DONE),
        (&["rename", &at("data/tmp-2"), &at("data/tmp-3")], DONE),
        (&["rename", &at("data/tmp-3"), &at("data/x")], REFUSED),
        (&["rename", &at("data-evil/x"), &at("data/tmp-4")], REFUSED),
        (&["unlink", &at("data/tmp-3")], DONE),
        (&["unlink", &at("data/log")], REFUSED),
        (&["append", &at("data/log")], DONE),
        (&["cut", &at("data/log")], REFUSED),
        (&["truncate", &at("data/log")], REFUSED),
        (&["chmod", &at("data/log")], REFUSED),
        (&["link", &at("data/log"), &at("data/tmp-5")], REFUSED),
        (&["symlink", "/etc/passwd", &at("data/tmp-6")], REFUSED),
        (&["device", &at("data/tmp-7")], REFUSED),
        (&["mkdir", &at("data/dir")], REFUSED),
        (&["mkdir", &at("run/dir")], DONE),
        (&["effect", &at("data/a/deep/x-1.y")], DONE),
        (&["effect", &at("data/a/deep/x-1.z")], REFUSED),
        (&["effect", &at("data/a/b/deep/x-1.y")], Some(libc::ENOENT)),
        (&["effect", &at("run/b/c")], DONE),
        // A star stays in its component, and a directory ends where it ends.
        (&["effect", &at("data/tmp-1/x")], Some(libc::ENOTDIR)),
        (&["append", &at("data-evil/x")], REFUSED),
        (&["effect", &at("data-evil/tmp-1")], REFUSED),
        // Too long to be compared is not allowed, whatever it begins with.
        (&["effect", &format!("{long}/x")], REFUSED),
        (&["bind-mount", &at("data-evil"), &at("run")], REFUSED),
        (&["append", "/dev/null"], DONE),
        (&["uring-open", &at("data/tmp-1")], REFUSED),
    ] {
        let came = cell.act(words);
        assert_eq!(
            came,
            outcome,
            "{words:?} {}",
            if came == outcome { String::new() } else { watch.said(cell.group) }
        );
    }
    assert_eq!((content("data/log"), content("data-evil/x")), ("content".into(), "content".into()));
    assert_eq!(fs::metadata(at("data/log")).unwrap().mode() & 0o7777, 0o644);
    assert!(!fs::exists(at("data/dir")).unwrap() && !fs::exists(at("data/tmp-5")).unwrap());
    assert_eq!(cell.act_as("/another", &["effect", &at("data/tmp-8")]), REFUSED);
    let told = watch.await_told(cell.group, |told| {
        matches!(&told.behaviour.fact, Fact::File(access) if access.operation == FileOperation::Truncate)
    });
    assert_eq!(told.outcome, Outcome::Refused(Rung::BpfLsm));
    let told = watch.await_told(cell.group, |told| told.incomplete);
    assert_eq!(told.outcome, Outcome::Refused(Rung::BpfLsm));
    // Another policy takes the place of this one at once.
    let files = Some(vec![rule(&at("data/new-*"), act, &[Create])]);
    watch.sensor.hold(cell.group, &HeldPolicy { files, ..HeldPolicy::default() }).unwrap();
    assert_eq!(cell.act(&["effect", &at("data/new-1")]), DONE);
    assert_eq!(cell.act(&["effect", &at("data/tmp-9")]), REFUSED);
    watch.sensor.release_group(cell.group);
}

pub(crate) fn what_the_image_brought_is_read_without_a_rule(watch: &mut Watch) {
    for folder in ["lower/etc", "upper", "work", "merged"] {
        fs::create_dir_all(format!("/tmp/image/{folder}")).unwrap();
    }
    for file in ["kept", "touched", "changed"] {
        fs::write(format!("/tmp/image/lower/etc/{file}"), "content").unwrap();
    }
    let layers = "lowerdir=/tmp/image/lower,upperdir=/tmp/image/upper,workdir=/tmp/image/work";
    mount(Some("overlay"), "/tmp/image/merged", Some("overlay"), MsFlags::empty(), Some(layers)).unwrap();
    let at = |name: &str| format!("/tmp/image/merged/etc/{name}");
    fs::write(at("touched"), "other").unwrap();
    let cell = Cell::new();
    let files = Some(vec![rule(&at("changed"), None, &[FileOperation::Append])]);
    watch.sensor.hold(cell.group, &HeldPolicy { files, ..HeldPolicy::default() }).unwrap();
    for (words, outcome) in [
        (["read", &at("kept")], DONE),
        (["read", &at("touched")], REFUSED),
        (["append", &at("kept")], REFUSED),
        // The kernel copies it up for it.
        (["append", &at("changed")], DONE),
    ] {
        let came = cell.act(&words);
        assert_eq!(
            came,
            outcome,
            "{words:?} {}",
            if came == outcome { String::new() } else { watch.said(cell.group) }
        );
    }
    assert_eq!(fs::read(at("kept")).unwrap(), b"content");
    watch.sensor.release_group(cell.group);
}
