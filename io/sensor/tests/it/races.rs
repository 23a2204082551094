//! What is prevented is prevented each time, however close behind the attempt its effect lies.

use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Instant;

use lazaret_sensor::{Deadly, NetworkPolicy, Options};
use tempfile::TempDir;

use crate::cell::Cell;
use crate::observed::observing;

const TIMES: u64 = 2000;
/// Unhindered, to see that there is an effect.
const FEW: u64 = 20;

/// A folder with the programs of `race.c`, in which they run.
pub(crate) fn ground() -> &'static Path {
    static BUILT: OnceLock<TempDir> = OnceLock::new();
    let folder = BUILT.get_or_init(|| {
        let folder = TempDir::new().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/race.c");
        let bare = ["-nostdlib", "-Wl,--build-id=none"];
        for (name, options) in [
            ("race", &[][..]),
            ("victim", &[bare[0], bare[1], "-DVICTIM"]),
            ("again", &[bare[0], bare[1], "-DAGAIN"]),
        ] {
            let program = folder.path().join(name);
            let output = Command::new("cc")
                .args(["-O1", "-static", "-o"])
                .arg(&program)
                .arg(&source)
                .args(options)
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        folder
    });
    folder.path()
}

/// Runs one race to its end: how often it was killed or refused, and how often the effect came.
fn race(cell: &Cell, way: &str, times: u64, port: Option<u16>) -> (u64, u64) {
    let folder = tempfile::tempdir_in(ground()).unwrap();
    std::fs::copy(ground().join("victim"), folder.path().join("victim")).unwrap();
    let (times, port) = (times.to_string(), port.map(|port| port.to_string()));
    let arguments: Vec<_> = [way, &times].into_iter().chain(port.as_deref()).collect();
    let output =
        cell.command(&ground().join("race"), &arguments).current_dir(folder.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers =
        text.trim().split_once(' ').and_then(|(one, other)| Some((one.parse().ok()?, other.parse().ok()?)));
    numbers.unwrap_or_else(|| panic!("{way}: {text} {}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn who_does_what_is_deadly_takes_no_further_step() {
    let test = "who_does_what_is_deadly_takes_no_further_step";
    let Some((sensor, mut sightings)) = observing(test, Options::default()) else { return };
    std::thread::spawn(move || while sightings.blocking_recv().is_some() {});
    for (way, act) in [
        ("memory", Deadly::ExecuteMemory),
        ("deleted", Deadly::ExecuteDeleted),
        ("code", Deadly::WrittenCode),
        ("map", Deadly::LoadMemory),
        ("namespace", Deadly::NewNamespace),
        ("enter", Deadly::EnterNamespace),
    ] {
        let cell = Cell::new();
        assert_eq!(race(&cell, way, FEW, None), (0, FEW), "{way}, unhindered");
        sensor.make_deadly(cell.cgroup_id, &[act]).unwrap();
        let begun = Instant::now();
        let (killed, effects) = race(&cell, way, TIMES, None);
        eprintln!("{act:?}: {killed} of {TIMES} killed, {effects} effects, {:.1?}", begun.elapsed());
        assert_eq!((killed, effects), (TIMES, 0), "{act:?}");
    }
}

#[test]
fn nothing_arrives_of_what_is_refused() {
    let test = "nothing_arrives_of_what_is_refused";
    let Some((sensor, mut sightings)) = observing(test, Options::default()) else { return };
    std::thread::spawn(move || while sightings.blocking_recv().is_some() {});
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let datagrams = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    datagrams.set_nonblocking(true).unwrap();
    let ports = [listener.local_addr().unwrap().port(), datagrams.local_addr().unwrap().port()];
    let arrived = || {
        let accept = || listener.accept().map(drop);
        let receive = || datagrams.recv(&mut [0; 8]).map(drop);
        count(accept) + count(receive)
    };
    for (way, port) in [("connect", ports[0]), ("fast-open", ports[0]), ("datagram", ports[1])] {
        let cell = Cell::new();
        assert_eq!(race(&cell, way, FEW, Some(port)).0, 0, "{way}, unhindered");
        assert_eq!(arrived(), FEW, "{way}, unhindered");
        let policy = NetworkPolicy { peers: Some(Vec::new()), ports: None };
        sensor.confine_network(cell.cgroup_id, &policy).unwrap();
        let begun = Instant::now();
        let (refused, arrived) = (race(&cell, way, TIMES, Some(port)).0, arrived());
        eprintln!("{way}: {refused} of {TIMES} refused, {arrived} arrived, {:.1?}", begun.elapsed());
        assert_eq!((refused, arrived), (TIMES, 0), "{way}");
    }
}

fn count(mut receive: impl FnMut() -> io::Result<()>) -> u64 {
    std::iter::from_fn(|| receive().ok()).fold(0, |count, ()| count + 1)
}
