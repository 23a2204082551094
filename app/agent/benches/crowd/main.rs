//! What the agent takes with 500 containers: `lazaret-agent run` itself, with containers made as a runtime makes them
//! (control group, namespaces, an overlay as root), of 25 admitted images with 600 executables each. It guards them all
//! with fanotify, watches them and learns. Memory when it has taken them over and after all of them worked; processor time
//! while they work and when nothing happens.
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "prints its results")]

mod crowd;
mod host;

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crowd::Container;
use host::Host;

const CONTAINERS: usize = 500;
const IDLE: Duration = Duration::from_secs(30);
/// Kilobytes.
const MEMORY_AIM: f64 = 40.0;
/// Of one processor.
const IDLE_AIM: f64 = 0.01;

struct Agent(Child);

impl Agent {
    fn start(host: &Host) -> Self {
        let log = fs::File::create(host.log()).expect("no log");
        let child = Command::new(env!("CARGO_BIN_EXE_lazaret-agent"))
            .args(["run", "--config"])
            .arg(host.config())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the agent does not start");
        let until = Instant::now() + Duration::from_secs(60);
        while !host.is_served() {
            assert!(Instant::now() < until, "the agent is not ready:\n{}", host.said());
            std::thread::sleep(Duration::from_millis(20));
        }
        Self(child)
    }

    /// Megabytes: now and at most, private and shared.
    fn memory(&self) -> (f64, f64) {
        let text = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap_or_default();
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok()
        };
        let megabytes = |name| field(name).unwrap_or(f64::NAN) / 1024.0;
        (megabytes("VmRSS:"), megabytes("VmHWM:"))
    }

    fn threads(&self) -> usize {
        fs::read_dir(format!("/proc/{}/task", self.0.id())).map_or(0, Iterator::count)
    }

    fn processor(&self) -> Duration {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap_or_default();
        let fields = text.rsplit_once(") ").map(|(_, rest)| rest.split(' ').skip(11).take(2));
        let ticks = fields.into_iter().flatten().filter_map(|field| field.parse::<u32>().ok()).sum::<u32>();
        Duration::from_millis(10) * ticks
    }

    fn told(&self, when: &str) {
        let (now, most) = self.memory();
        println!(
            "{when:<52} {now:>5.1} MiB, at most {most:.1} MiB (aim {MEMORY_AIM}), {} threads",
            self.threads()
        );
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

fn main() {
    if !nix::unistd::geteuid().is_root() {
        return eprintln!("SKIPPED: crowd: root is needed");
    }
    let Some(hierarchy) = crowd::hierarchy() else {
        return eprintln!("SKIPPED: crowd: no unified control group hierarchy is mounted");
    };
    let host = Host::new();
    {
        let agent = Agent::start(&host);
        std::thread::sleep(Duration::from_secs(2));
        agent.told("without containers");
    }
    let containers: Vec<_> =
        (0..CONTAINERS).map(|number| Container::start(&host, &hierarchy, number)).collect();
    host.remember(&containers);
    let agent = Agent::start(&host);
    std::thread::sleep(Duration::from_secs(5));
    agent.told(&format!("{CONTAINERS} containers taken over and guarded"));
    let (before, begun) = (agent.processor(), Instant::now());
    for container in &containers {
        container.work();
        // As fast as this machine gets them done.
        std::thread::sleep(Duration::from_millis(15));
    }
    std::thread::sleep(Duration::from_secs(8));
    let starts = u32::try_from(CONTAINERS).unwrap_or(u32::MAX) * crowd::STARTS;
    let used = agent.processor().saturating_sub(before);
    agent.told("all have worked, and it was learned");
    println!(
        "{starts} program starts with {} other facts each, all guarded, in {:.1?}: {:.1} µs of the agent for each start",
        crowd::FACTS,
        begun.elapsed(),
        used.as_secs_f64() * 1e6 / f64::from(starts)
    );
    let before = agent.processor();
    std::thread::sleep(IDLE);
    let idle = agent.processor().saturating_sub(before).as_secs_f64() / IDLE.as_secs_f64();
    println!("idle: {:.2} % of a processor (aim {:.0} %)", idle * 100.0, IDLE_AIM * 100.0);
    agent.told("after that");
    let learned = host.learned();
    assert!(learned > 0, "nothing was learned:\n{}", host.said());
    println!("{learned} profiles were learned");
}
