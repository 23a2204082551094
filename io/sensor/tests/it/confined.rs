//! What a control group may not do is refused by the kernel: the caller gets the error, or dies.

use std::net::{TcpListener, UdpSocket};
use std::time::Duration;

use lazaret_model::{Fact, FileOrigin};
use lazaret_sensor::{Deadly, NetworkPolicy, Options, Outcome, PeerRule, PortRule, Protocol, Rung};

use crate::cell::{Cell, act};
use crate::observed::{await_fact, observing};

const REFUSED: Option<i32> = Some(libc::EPERM);
const DONE: Option<i32> = Some(0);

#[test]
fn nothing_is_reached_but_what_is_listed() {
    let test = "nothing_is_reached_but_what_is_listed";
    let Some((sensor, mut sightings)) = observing(test, Options::default()) else { return };
    let (listener, other) =
        (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let six = TcpListener::bind("[::1]:0").unwrap();
    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
    datagrams.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    for socket in [&listener, &other, &six] {
        socket.set_nonblocking(true).unwrap();
    }
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port().to_string();
    let (allowed, refused, six_port) = (port(&listener), port(&other), port(&six));
    let udp = datagrams.local_addr().unwrap().port().to_string();
    let cell = Cell::new();
    let rule = PeerRule {
        protocol: Some(Protocol::Tcp),
        network: [127, 0, 0, 1].into(),
        prefix: 32,
        port: Some(allowed.parse().unwrap()),
    };
    let ports = vec![PortRule { protocol: Protocol::Tcp, port: 18_080 }];
    let policy = NetworkPolicy { peers: Some(vec![rule]), ports: Some(ports) };
    sensor.confine_network(cell.cgroup_id, &policy).unwrap();

    for (words, outcome) in [
        (["connect", "127.0.0.1", &allowed], DONE),
        // The same peer by its other name, and by the address that means this host.
        (["connect", "::ffff:127.0.0.1", &allowed], DONE),
        (["connect", "0.0.0.0", &allowed], DONE),
        (["uring-connect", "127.0.0.1", &allowed], DONE),
        (["connect", "127.0.0.1", &refused], REFUSED),
        (["connect", "::ffff:127.0.0.1", &refused], REFUSED),
        (["connect", "0.0.0.0", &refused], REFUSED),
        (["connect", "::1", &six_port], REFUSED),
        (["connect", "::", &six_port], REFUSED),
        (["uring-connect", "127.0.0.1", &refused], REFUSED),
        (["fastopen", "127.0.0.1", &refused], REFUSED),
        (["udp", "127.0.0.1", &udp], REFUSED),
        (["udp-connect", "127.0.0.1", &udp], REFUSED),
        // A rule for TCP is none for UDP.
        (["udp", "127.0.0.1", &allowed], REFUSED),
        (["udp", "::1", &udp], REFUSED),
        (["udp", "::ffff:127.0.0.1", &udp], REFUSED),
        (["bind", "127.0.0.1", "18080"], DONE),
        (["bind", "127.0.0.1", "0"], DONE),
        (["bind", "127.0.0.1", "18081"], REFUSED),
        (["bind", "::", "18081"], REFUSED),
        (["raw", "", ""], REFUSED),
    ] {
        assert_eq!(cell.act(&words), outcome, "{words:?}");
    }
    // Not one connection or datagram came through.
    assert!(other.accept().is_err() && six.accept().is_err());
    assert!(datagrams.recv(&mut [0]).is_err());
    let told = await_fact(&mut sightings, cell.cgroup_id, |told| {
        told.outcome == Outcome::Refused(Rung::CgroupBpf)
            && matches!(&told.behaviour.fact, Fact::Connect(to) if to.port.to_string() == refused)
    });
    assert!(told.unwrap().outcome.is_prevented());

    // Another group is not concerned, and this one no longer when it is released.
    assert_eq!(Cell::new().act(&["connect", "127.0.0.1", &refused]), DONE);
    sensor.release_group(cell.cgroup_id);
    assert_eq!(cell.act(&["connect", "127.0.0.1", &refused]), DONE);
}

#[test]
fn what_is_deadly_ends_the_process_and_is_named_for_what_it_is() {
    let test = "what_is_deadly_ends_the_process_and_is_named_for_what_it_is";
    let Some((sensor, mut sightings)) = observing(test, Options::default()) else { return };
    let cell = Cell::new();
    sensor.make_deadly(cell.cgroup_id, &[Deadly::ExecuteMemory, Deadly::Trace]).unwrap();
    let effect = cell.place.path().join("effect");
    let path = effect.to_str().unwrap();
    for _ in 0..50 {
        assert_eq!(cell.act(&["memfd", path]), None);
        assert!(!effect.exists(), "the program without a file had an effect");
    }
    let told = await_fact(
        &mut sightings,
        cell.cgroup_id,
        |told| matches!(&told.behaviour.fact, Fact::Exec(exec) if exec.origin == FileOrigin::Nameless),
    );
    assert_eq!(told.unwrap().outcome, Outcome::DiedBeforeStart);
    // Other acts go on.
    assert_eq!(cell.act(&["effect", path]), DONE);
    std::fs::remove_file(&effect).unwrap();

    // The call itself has happened, but nothing after it.
    assert_eq!(cell.act(&["ptrace", path]), None);
    assert!(!effect.exists());
    let told = await_fact(&mut sightings, cell.cgroup_id, |told| told.outcome == Outcome::Killed).unwrap();
    assert!(!told.outcome.is_prevented());
    assert_eq!(told.behaviour.actor.executable, act().to_str().unwrap());
}
