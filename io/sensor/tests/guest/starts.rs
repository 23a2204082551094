//! Who starts which program.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use lazaret_model::Fact;
use lazaret_sensor::{HeldPolicy, Outcome, PathRule, Rung};

use crate::Watch;
use crate::cell::Cell;
use crate::files::{DONE, REFUSED};

const EFFECT: &str = "/tmp/starts/effect";
const SCRIPT: &str = "/tmp/starts/script";
const CHANGED: &str = "/tmp/starts/changed";

/// `/act` may start `/another`, and that the script and `/act`.
fn hold(watch: &Watch, cell: &Cell) {
    fs::create_dir_all("/tmp/starts").unwrap();
    fs::copy("/act", "/another").unwrap();
    fs::write(SCRIPT, "#!/act append\n").unwrap();
    fs::set_permissions(SCRIPT, fs::Permissions::from_mode(0o755)).unwrap();
    let rule = |program: &str, by: &str| PathRule::start(program, Some(by), false).unwrap();
    let starts = vec![rule("/another", "/act"), rule(SCRIPT, "/another"), rule("/act", "/another")];
    watch.sensor.hold(cell.group, &HeldPolicy { starts: Some(starts), ..HeldPolicy::default() }).unwrap();
}

/// Whether the effect came to be.
fn has_effect(cell: &Cell, words: &[&str]) -> bool {
    let _ = fs::remove_file(EFFECT);
    cell.act(&[words, &["effect", EFFECT]].concat());
    fs::exists(EFFECT).unwrap()
}

pub(crate) fn programs_are_started_by_whom_a_rule_names_alone(watch: &mut Watch) {
    let cell = Cell::new();
    hold(watch, &cell);
    symlink("/another", "/tmp/starts/link").unwrap();
    fs::hard_link("/another", "/hard").unwrap();
    fs::copy("/another", CHANGED).unwrap();
    for (words, comes_true) in [
        (&["run", "/another"][..], true),
        (&["run", "/act"], false),
        (&["run", "/another", "run", "/act"], true),
        (&["run", "/another", "run", "/another"], false),
        (&["child", "run", "/another"], true),
        (&["child", "run", "/act"], false),
        // A link leads to the program itself, another name is another program.
        (&["run", "/tmp/starts/link"], true),
        (&["run", "/hard"], false),
        (&["run", CHANGED], false),
        // It has a parent outside of its namespace, and came from nowhere else.
        (&["second", "run", "/another"], true),
        (&["second", "run", "/another", "run", "/another"], false),
    ] {
        assert_eq!(has_effect(&cell, words), comes_true, "{words:?}");
    }
    for (words, outcome) in [
        (&["run", "/act", "effect", EFFECT][..], REFUSED),
        (&["run", SCRIPT], REFUSED),
        // What runs a script comes with it, and is allowed to nobody else.
        (&["run", "/another", "run", SCRIPT], DONE),
        (&["memfd", EFFECT], REFUSED),
        // What would give programs other names.
        (&["bind-mount", "/tmp/starts", "/dev"], REFUSED),
    ] {
        assert_eq!(cell.act(words), outcome, "{words:?}");
    }
    let told = watch.await_told(cell.group, |told| {
        matches!(&told.behaviour.fact, Fact::Exec(exec) if exec.executable == "/act")
            && told.outcome == Outcome::Refused(Rung::BpfLsm)
    });
    assert_eq!(told.behaviour.actor.executable, "/act");
    // Another container is not concerned, and this one no longer when it is released.
    assert!(has_effect(&Cell::new(), &["run", "/act"]));
    watch.sensor.release_group(cell.group);
    assert!(has_effect(&cell, &["run", "/act"]));
    fs::remove_file("/hard").unwrap();
}

pub(crate) fn what_comes_in_from_outside_is_not_held(watch: &mut Watch) {
    let cell = Cell::new();
    hold(watch, &cell);
    let first = cell.stay();
    let words = ["run", "/another", "run", "/another", "effect", EFFECT];
    let _ = fs::remove_file(EFFECT);
    assert_eq!(cell.enter(first, &words), DONE);
    assert!(fs::exists(EFFECT).unwrap());
    assert!(!has_effect(&cell, &words[..4]), "and others are");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(first), nix::sys::signal::Signal::SIGKILL).unwrap();
    watch.sensor.release_group(cell.group);
}
