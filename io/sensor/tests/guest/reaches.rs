//! Code, and what reaches out of the container.

use std::fs;

use lazaret_model::{Fact, KernelOperation};
use lazaret_sensor::{
    Deadly, HeldPolicy, NetworkPolicy, Outcome, PeerRule, Protocol, Rung, SecretPlace, UserRule,
};

use crate::Watch;
use crate::cell::Cell;
use crate::files::{DONE, REFUSED};

const REFUSED_HERE: Outcome = Outcome::Refused(Rung::BpfLsm);

pub(crate) fn programs_and_code_without_a_file_are_refused(watch: &mut Watch) {
    let cell = Cell::new();
    let effect = "/tmp/code-effect";
    assert_eq!(cell.act(&["child", "memfd", effect]), DONE, "before");
    fs::remove_file(effect).unwrap();
    let deadly = [Deadly::ExecuteMemory, Deadly::ExecuteDeleted, Deadly::LoadMemory, Deadly::ExecuteMounted];
    watch.sensor.make_deadly(cell.group, &deadly[..3]).unwrap();
    for (words, outcome) in [
        (&["memfd", effect][..], REFUSED),
        (&["map-memory"], REFUSED),
        (&["protect-memory"], REFUSED),
        (&["execute", "/act", effect], DONE),
    ] {
        assert_eq!(cell.act(words), outcome, "{words:?}");
    }
    fs::remove_file(effect).unwrap();
    let told = watch.await_told(cell.group, |told| told.outcome == REFUSED_HERE);
    assert!(
        matches!(&told.behaviour.fact, Fact::Exec(exec) if exec.executable.contains("memfd:")),
        "{told:?}"
    );
    assert_eq!(told.behaviour.actor.executable, "/act");
    // By where it is: a file system that is no layer of an image.
    fs::copy("/act", "/tmp/dropped").unwrap();
    assert_eq!(cell.act(&["execute", "/tmp/dropped", effect]), DONE);
    fs::remove_file(effect).unwrap();
    watch.sensor.release_group(cell.group);
}

pub(crate) fn what_reaches_into_the_kernel_is_refused(watch: &mut Watch) {
    let cell = Cell::new();
    let deadly =
        [Deadly::Trace, Deadly::Mount, Deadly::NewNamespace, Deadly::Module, Deadly::Bpf, Deadly::ChangeRoot];
    watch.sensor.make_deadly(cell.group, &deadly).unwrap();
    for (words, operation) in [
        (&["child", "ptrace", "/tmp/traced"][..], Some(KernelOperation::Trace)),
        (&["mount", "/tmp"], None),
        (&["bind-mount", "/tmp", "/dev"], None),
        (&["user-namespace"], Some(KernelOperation::Namespace)),
        (&["clone"], Some(KernelOperation::Namespace)),
        (&["module"], Some(KernelOperation::LoadModule)),
        (&["bpf"], Some(KernelOperation::Bpf)),
        (&["chroot", "/tmp"], Some(KernelOperation::ChangeRoot)),
    ] {
        assert_eq!(cell.act(words), REFUSED, "{words:?}");
        let told = watch.await_told(cell.group, |told| match (&told.behaviour.fact, operation) {
            (Fact::Kernel(told), Some(operation)) => *told == operation,
            (Fact::Mount(_), None) => true,
            _ => false,
        });
        assert_eq!(told.outcome, REFUSED_HERE, "{words:?}");
    }
    // Looking at a process is no reaching into it.
    assert_eq!(cell.act(&["read", "/proc/1/status"]), DONE);
    // Where the kernel has no hook, the process ends.
    watch.sensor.make_deadly(cell.group, &[Deadly::EnterNamespace]).unwrap();
    assert_eq!(cell.act(&["setns"]), None);
    watch.sensor.make_deadly(cell.group, &[]).unwrap();
    assert_eq!(cell.act(&["chroot", "/tmp"]), DONE);
    let nobody = NetworkPolicy { peers: Some(Vec::new()), ports: None };
    assert_eq!(cell.act(&["connect", "127.0.0.1", "9"]), Some(libc::ECONNREFUSED));
    watch.sensor.confine_network(cell.group, &nobody).unwrap();
    for words in [&["connect", "127.0.0.1", "9"][..], &["udp", "127.0.0.1", "9"], &["raw"]] {
        assert_eq!(cell.act(words), REFUSED, "{words:?}");
    }
    watch.sensor.release_group(cell.group);
}

pub(crate) fn users_are_those_of_the_profile(watch: &mut Watch) {
    let cell = Cell::new();
    let hold = |users| {
        let policy = HeldPolicy { users: Some(users), ..HeldPolicy::default() };
        watch.sensor.hold(cell.group, &policy).unwrap();
    };
    hold(vec![UserRule::new(1, Some("/act")).unwrap()]);
    assert_eq!((cell.act(&["setuid"]), cell.act_as("/another", &["setuid"])), (DONE, REFUSED));
    hold(vec![UserRule::new(2, None).unwrap()]);
    assert_eq!(cell.act(&["setuid"]), REFUSED);
    let told = watch.await_told(cell.group, |told| {
        matches!(told.behaviour.fact, Fact::Identity(_)) && told.outcome.is_prevented()
    });
    assert!(matches!(told.behaviour.fact, Fact::Identity(change) if change.to_uid == 1));
    watch.sensor.release_group(cell.group);
}

/// A container that may make control groups gets nowhere by it.
pub(crate) fn a_group_below_the_container_is_held_too(watch: &mut Watch) {
    let cell = Cell::new();
    let below = cell.folder.join("below");
    let below = below.to_str().unwrap();
    watch.sensor.name_secrets(&[SecretPlace::Anywhere("/.ssh/")]).unwrap();
    watch
        .sensor
        .hold(cell.group, &HeldPolicy { secrets: Some(Vec::new()), ..HeldPolicy::default() })
        .unwrap();
    let only =
        PeerRule { protocol: Some(Protocol::Udp), network: [127, 0, 0, 1].into(), prefix: 32, port: Some(9) };
    let network = NetworkPolicy { peers: Some(vec![only]), ports: None };
    watch.sensor.confine_network(cell.group, &network).unwrap();
    watch.sensor.make_deadly(cell.group, &[Deadly::ExecuteMemory, Deadly::EnterNamespace]).unwrap();
    assert_eq!(cell.act(&["below", below, "read", "/tmp/secrets/home/.ssh/key"]), REFUSED);
    assert_eq!(cell.act(&["below", below, "connect", "127.0.0.1", "9"]), REFUSED);
    assert_eq!(cell.act(&["below", below, "udp", "127.0.0.1", "9"]), DONE);
    assert_eq!(cell.act(&["below", below, "memfd", "/tmp/below-effect"]), REFUSED);
    assert_eq!(cell.act(&["below", below, "setns"]), None, "it is ended");
    assert!(!fs::exists("/tmp/below-effect").unwrap());
    watch.sensor.release_group(cell.group);
}
