//! The work that is watched.

use std::fs;
use std::net::UdpSocket;
use std::process::Command;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    Container,
    /// Outside of all containers, where nothing is to be told.
    Host,
}

pub(crate) struct Load {
    pub(crate) name: &'static str,
    pub(crate) place: Place,
    pub(crate) aim: f64,
    /// Pieces of work.
    pub(crate) count: u32,
    pub(crate) work: fn(),
    /// Whether it starts programs, which the others see too. These come first.
    pub(crate) starts: bool,
}

const STARTS: u32 = 100;
const CALLS: u32 = 5_000;
const NEW: u32 = 2_000;

const fn load(name: &'static str, place: Place, aim: f64, count: u32, work: fn(), starts: bool) -> Load {
    Load { name, place, aim, count, work, starts }
}

use Place::{Container, Host};

pub(crate) const LOADS: [Load; 9] = [
    load("fork and exec of /bin/true", Container, 1.02, STARTS, start_true, true),
    load("fork and exec, static program", Container, 1.02, STARTS, start_victim, true),
    load("fork and exec on the host", Host, 1.02, STARTS, start_true, true),
    load("open the same files", Container, 1.05, CALLS, open, false),
    load("open each file for the first time", Container, 1.05, NEW, open_new, false),
    load("connect to the same peer", Container, 1.05, CALLS, connect, false),
    load("connect to a peer for the first time", Container, 1.05, NEW, connect_new, false),
    load("open the same files on the host", Host, 1.05, CALLS, open_on_host, false),
    load("system calls of no interest", Container, 1.05, 20 * CALLS, ask, false),
];

/// Of a container, as an image and an engine give it: that of whoever measures would be told with each start.
const ENVIRONMENT: [(&str, &str); 6] = [
    ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ("HOSTNAME", "0123456789ab"),
    ("HOME", "/root"),
    ("LANG", "C.UTF-8"),
    ("NGINX_VERSION", "1.27.0"),
    ("DATABASE_URL", "postgres://shop@database.internal:5432/shop?sslmode=verify-full"),
];

fn start(program: &str, argument: Option<&str>) {
    for _ in 0..STARTS {
        let mut command = Command::new(program);
        let status = command.args(argument).env_clear().envs(ENVIRONMENT).status();
        assert!(status.is_ok_and(|status| status.success()));
    }
}

fn start_true() {
    start("/bin/true", None);
}

fn start_victim() {
    start("/bin/victim", Some("/effect"));
}

fn open() {
    for _ in 0..CALLS / 2 {
        assert!(fs::File::open("/bin/victim").is_ok() && fs::File::open("/data/file").is_ok());
    }
}

fn open_on_host() {
    for _ in 0..CALLS / 2 {
        assert!(fs::File::open("/bin/true").is_ok() && fs::File::open("/etc/hosts").is_ok());
    }
}

fn ask() {
    for _ in 0..20 * CALLS {
        // Not kept by the library, other than the process's own number.
        let _ = nix::unistd::getppid();
    }
}

/// The last.
pub(crate) const UNINTERESTING: usize = LOADS.len() - 1;

pub(crate) fn prepare() {
    fs::create_dir_all("/data/new").expect("no directory");
    for number in 0..NEW {
        fs::write(format!("/data/new/{number}"), b"x").expect("no file");
    }
}

fn open_new() {
    for number in 0..NEW {
        assert!(fs::File::open(format!("/data/new/{number}")).is_ok());
    }
}

fn connect() {
    for _ in 0..CALLS {
        connect_to("127.0.0.1:9");
    }
}

fn connect_new() {
    for number in 0..NEW {
        connect_to(&format!("127.0.{}.{}:9", number / 250, number % 250 + 1));
    }
}

fn connect_to(peer: &str) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("no socket");
    socket.connect(peer).expect("no connection");
}

/// Of the calling thread, and of its children that ended.
pub(crate) fn used() -> Duration {
    usage(UsageWho::RUSAGE_THREAD) + usage(UsageWho::RUSAGE_CHILDREN)
}

pub(crate) fn whole_process() -> Duration {
    usage(UsageWho::RUSAGE_SELF) + usage(UsageWho::RUSAGE_CHILDREN)
}

fn usage(who: UsageWho) -> Duration {
    let usage = getrusage(who).expect("no usage");
    let microseconds = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Duration::from_micros(microseconds.unsigned_abs())
}

/// `/bin/true` with what its loader looks for, as `ldd` tells.
pub(crate) fn files_of_true() -> Vec<(String, Vec<u8>)> {
    let told = Command::new("ldd").arg("/bin/true").output().map(|output| output.stdout).unwrap_or_default();
    let told = String::from_utf8_lossy(&told).into_owned();
    let paths = told.split_whitespace().filter(|word| word.starts_with('/'));
    let read = |path: &str| Some((path.trim_start_matches('/').to_owned(), fs::read(path).ok()?));
    paths.chain(["/bin/true"]).filter_map(read).collect()
}
