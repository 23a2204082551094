//! What watching costs those who are watched: the same work in a container without a sensor and with one that
//! observes, in alternating rounds of one run, by processor time; and what one event costs, in the kernel (as it counts
//! itself) and in this process.
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "prints its results")]
#![expect(dead_code, reason = "the test's jail can do more")]

#[path = "../tests/it/jail.rs"]
mod jail;
#[path = "../tests/it/support.rs"]
mod support;

use std::fs;
use std::net::UdpSocket;
use std::process::Command;
use std::time::Duration;

use jail::Jail;
use lazaret_sensor::Options;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use support::{sensor, victim};

const ROUNDS: usize = 12;
const STATISTICS: &str = "/proc/sys/kernel/bpf_stats_enabled";

struct Load {
    name: &'static str,
    aim: f64,
    work: fn(),
}

const LOADS: [Load; 3] = [
    Load { name: "fork and exec", aim: 1.02, work: execute },
    Load { name: "open the same files", aim: 1.05, work: open },
    Load { name: "connect to the same peer", aim: 1.05, work: connect },
];

fn execute() {
    for _ in 0..150 {
        let status = Command::new("/bin/victim").arg("/effect").status();
        assert!(status.is_ok_and(|status| status.success()));
    }
}

fn open() {
    for _ in 0..10_000 {
        assert!(fs::File::open("/bin/victim").is_ok() && fs::File::open("/data/file").is_ok());
    }
}

fn connect() {
    for _ in 0..10_000 {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("no socket");
        socket.connect("127.0.0.1:9").expect("no connection");
    }
}

/// Of the calling thread, and of its children that ended.
fn used() -> Duration {
    let of = |who| {
        let usage = getrusage(who).expect("no usage");
        let microseconds = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
        Duration::from_micros(microseconds.unsigned_abs())
    };
    of(UsageWho::RUSAGE_THREAD) + of(UsageWho::RUSAGE_CHILDREN)
}

/// Nanoseconds and calls of all kernel programs of this process.
fn kernel() -> (u64, u64) {
    let mut sums = (0, 0);
    for entry in fs::read_dir("/proc/self/fdinfo").into_iter().flatten().flatten() {
        let text = fs::read_to_string(entry.path()).unwrap_or_default();
        let field = |name: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(name))?;
            value.trim().parse::<u64>().ok()
        };
        if let Some((time, calls)) = field("run_time_ns:").zip(field("run_cnt:")) {
            sums = (sums.0 + time, sums.1 + calls);
        }
    }
    sums
}

fn whole_process() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("no usage");
    let microseconds = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Duration::from_micros(microseconds.unsigned_abs())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn main() {
    let bench = "bench of observation";
    let Some(victim) = victim(bench) else { return };
    for peer in ["auditd", "bpftrace"] {
        if support::tool(&format!("{peer} beside"), peer).is_some() {
            eprintln!("SKIPPED: {peer} beside: it is not started by this bench");
        }
    }
    let jail = Jail::new("observe", &[("bin/victim", victim, 0o755)]);
    jail.write("/data/file", b"content", 0o644);
    let run = |work: fn()| {
        jail.inside(move || {
            let before = used();
            work();
            used() - before
        })
    };
    for load in &LOADS {
        let _ = run(load.work);
    }
    for load in &LOADS {
        let (mut without, mut with) = (Vec::new(), Vec::new());
        let (mut events, mut own) = (0u32, Duration::ZERO);
        let mut in_kernel = (0u64, 0u64);
        for round in 0..ROUNDS {
            without.push(run(load.work));
            let options = Options { observe: true, sightings: 1 << 17, ..Options::default() };
            let Some((sensor, mut told)) = sensor(bench, &options) else { return };
            let mut sightings = sensor.sightings().expect("no sightings");
            // Half of the rounds tell the kernel's own account, which costs something itself.
            let counted = round % 2 == 1;
            let _ = fs::write(STATISTICS, if counted { "1" } else { "0" });
            std::thread::sleep(Duration::from_millis(30));
            let (before, counts) = (whole_process(), kernel());
            let time = run(load.work);
            std::thread::sleep(Duration::from_millis(60));
            if counted {
                let now = kernel();
                in_kernel = (in_kernel.0 + now.0 - counts.0, in_kernel.1 + now.1 - counts.1);
            } else {
                with.push(time);
                own += (whole_process() - before).saturating_sub(time);
                while sightings.try_recv().is_ok() {
                    events += 1;
                }
            }
            while told.try_recv().is_ok() {}
            let _ = fs::write(STATISTICS, "0");
        }
        let (base, watched) = (median(without), median(with));
        let ratio = watched.as_secs_f64() / base.as_secs_f64();
        let each = own.as_secs_f64() * 1e6 / f64::from(events.max(1));
        let call = in_kernel.0 as f64 / 1e3 / in_kernel.1.max(1) as f64;
        println!(
            "{:<26} {base:>9.2?} → {watched:>9.2?}  x{ratio:.3} (aim {:.2})   {call:.2} µs a call in the kernel, \
             {each:.1} µs an event here ({events} events)",
            load.name, load.aim
        );
    }
}
