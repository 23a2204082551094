//! Whether anything of what is refused ever happens.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::time::Instant;

use lazaret_sensor::{Deadly, HeldPolicy, NetworkPolicy, SecretPlace};

use crate::Watch;
use crate::cell::Cell;

const TRIES: u32 = 2000;

pub(crate) fn nothing_comes_through_in_thousands_of_tries(watch: &mut Watch) {
    let cell = Cell::new();
    fs::create_dir_all("/tmp/races/.ssh").unwrap();
    let (victim, secret, effect) = ("/tmp/races/victim", "/tmp/races/.ssh/key", "/tmp/races/effect");
    fs::write(victim, "content").unwrap();
    fs::write(secret, "content").unwrap();
    watch.sensor.name_secrets(&[SecretPlace::Anywhere("/.ssh/")]).unwrap();
    let policy = HeldPolicy {
        files: Some(Vec::new()),
        secrets: Some(Vec::new()),
        users: None,
        starts: Some(Vec::new()),
    };
    watch.sensor.hold(cell.group, &policy).unwrap();
    let deadly = [Deadly::ExecuteMemory, Deadly::Mount, Deadly::NewNamespace];
    watch.sensor.make_deadly(cell.group, &deadly).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
    datagrams.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let other = datagrams.local_addr().unwrap().port().to_string();
    watch
        .sensor
        .confine_network(cell.group, &NetworkPolicy { peers: Some(Vec::new()), ports: None })
        .unwrap();
    for (rung, tries, words) in [
        ("bpf-lsm", TRIES, &["cut", victim][..]),
        ("bpf-lsm", TRIES, &["truncate", victim]),
        ("bpf-lsm", TRIES, &["unlink", victim]),
        ("bpf-lsm", TRIES, &["rename", victim, effect]),
        ("bpf-lsm", TRIES, &["effect", effect]),
        ("bpf-lsm", TRIES, &["read", secret]),
        ("bpf-lsm", TRIES, &["mount", "/tmp/races"]),
        ("bpf-lsm", TRIES, &["user-namespace"]),
        ("bpf-lsm", TRIES, &["child", "memfd", effect]),
        ("bpf-lsm", TRIES, &["execute", "/act", effect]),
        ("cgroup-bpf", TRIES, &["connect", "127.0.0.1", &port]),
        ("cgroup-bpf", TRIES, &["fastopen", "127.0.0.1", &port]),
        ("cgroup-bpf", TRIES, &["udp", "127.0.0.1", &other]),
    ] {
        let begun = Instant::now();
        let (times, count) = (tries.to_string(), words);
        let through = cell.act(&[&["times", &times], count].concat());
        println!(
            "    {rung}: {} {tries} times, {through:?} through, {} ms",
            words[0],
            begun.elapsed().as_millis()
        );
        assert_eq!(through, Some(0), "{words:?}");
        assert_eq!(fs::read(victim).unwrap(), b"content", "{words:?}");
        assert!(!fs::exists(effect).unwrap(), "{words:?}");
    }
    assert!(listener.accept().is_err() && datagrams.recv(&mut [0]).is_err());
    watch.sensor.release_group(cell.group);
}
