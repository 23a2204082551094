//! How much of the machine a container uses, read from its control groups, of both versions.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use lazaret_model::ResourceUse;

use crate::cgroup;
use crate::tracer::Written;

/// Reads what one container uses. Made for being read about once a second.
#[derive(Debug)]
pub struct ResourceMeter {
    groups: Groups,
    /// Bytes that threads wrote that are gone, by control group, as the kernel programs count them.
    gone: Option<Written>,
    /// Processor time and bytes written so far, oldest first.
    past: VecDeque<Point>,
    /// The most since the last reading.
    most: Most,
    /// At the last look.
    last: Most,
    /// The most processes that there ever were at one time, when it was looked at last.
    peak: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Most {
    memory: u64,
    processes: u64,
}

#[derive(Debug, Clone, Copy)]
struct Point {
    at: Instant,
    processor: Duration,
    written: u64,
}

/// A peak of a second is no load.
const WINDOW: Duration = Duration::from_secs(10);
/// The shortest time that tells something.
const SHORTEST: Duration = Duration::from_secs(3);
const MOST_POINTS: usize = 64;
/// Threads that are asked at each reading what they wrote.
const MOST_THREADS: usize = 256;

/// Where each controller keeps the container's numbers.
#[derive(Debug)]
struct Groups {
    unified: Option<PathBuf>,
    processor: Option<PathBuf>,
    memory: Option<PathBuf>,
    processes: Option<PathBuf>,
    blocks: Option<PathBuf>,
}

impl ResourceMeter {
    pub(crate) fn of(pid: u32, gone: Option<Written>) -> io::Result<Self> {
        let membership = fs::read_to_string(format!("/proc/{pid}/cgroup"))?;
        let mounts = fs::read_to_string("/proc/self/mounts")?;
        let groups = Groups::find(&membership, &mounts);
        if groups.unified.is_none() && groups.memory.is_none() {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("process {pid} has no control group"),
            ));
        }
        Ok(Self {
            groups,
            gone,
            past: VecDeque::new(),
            most: Most::default(),
            last: Most::default(),
            peak: None,
        })
    }

    /// Notes what comes and goes too fast for [`read`](Self::read), which costs more.
    pub fn glance(&mut self) {
        let peak = self.groups.most_processes();
        let before = std::mem::replace(&mut self.peak, peak);
        let risen = before.zip(peak).filter(|(before, peak)| peak > before).map_or(0, |(_, peak)| peak);
        self.last = Most {
            memory: self.groups.memory().unwrap_or(0),
            processes: self.groups.processes().unwrap_or(0),
        };
        self.most.processes = self.most.processes.max(self.last.processes).max(risen);
        self.most.memory = self.most.memory.max(self.last.memory);
    }

    /// What was used during the last ten seconds, or since the first reading. `None` until there is something to
    /// tell, and after the container's end.
    pub fn read(&mut self) -> Option<ResourceUse> {
        let processor = self.groups.processor_time()?;
        let written = match self.past.back().filter(|last| last.processor == processor) {
            // Who ran on no processor wrote nothing and got no memory: all else is as it was, and costs much to read.
            Some(idle) => {
                self.most.memory = self.most.memory.max(self.last.memory);
                self.most.processes = self.most.processes.max(self.last.processes);
                idle.written
            }
            None => {
                self.glance();
                self.written()
            }
        };
        let now = Point { at: Instant::now(), processor, written };
        while self.past.len() >= MOST_POINTS
            || self.past.get(1).is_some_and(|next| now.at.duration_since(next.at) >= WINDOW)
        {
            self.past.pop_front();
        }
        self.past.push_back(now);
        let first = self.past.front().filter(|first| now.at.duration_since(first.at) >= SHORTEST)?;
        let window = now.at.duration_since(first.at);
        let used = now.processor.saturating_sub(first.processor);
        let most = std::mem::take(&mut self.most);
        let cpu = used.as_micros().saturating_mul(1000).checked_div(window.as_micros()).unwrap_or(0);
        Some(ResourceUse {
            window: u32::try_from(window.as_secs()).unwrap_or(u32::MAX),
            cpu_permille: u64::try_from(cpu).unwrap_or(u64::MAX),
            memory_bytes: most.memory,
            processes: most.processes,
            written_bytes: now.written.saturating_sub(first.written),
        })
    }
}

impl ResourceMeter {
    /// So far. What was written by a thread that ended is kept by the kernel program, the rest by its thread.
    fn written(&self) -> u64 {
        let Some(unified) = &self.groups.unified else {
            return self.groups.written_to_devices().unwrap_or(0);
        };
        let kept = self.gone.as_ref().zip(fs::metadata(unified).ok()).and_then(|(gone, data)| {
            let gone = gone.lock().unwrap_or_else(PoisonError::into_inner);
            gone.get(&data.ino(), 0).ok()
        });
        let processes = fs::read_to_string(unified.join("cgroup.procs")).unwrap_or_default();
        let threads = processes.lines().flat_map(|pid| fs::read_dir(format!("/proc/{pid}/task"))).flatten();
        let of_thread = |thread: fs::DirEntry| {
            let text = fs::read_to_string(thread.path().join("io")).ok()?;
            text.lines().find_map(|line| line.strip_prefix("write_bytes: ")?.parse().ok())
        };
        let alive = sum(threads.flatten().take(MOST_THREADS).filter_map(of_thread));
        kept.unwrap_or(0).saturating_add(alive)
    }
}

impl Groups {
    /// `membership` is `/proc/PID/cgroup`, `mounts` `/proc/self/mounts`.
    fn find(membership: &str, mounts: &str) -> Self {
        let path_of = |controller: &str| {
            let lines = membership.lines().map(|line| line.splitn(3, ':').collect::<Vec<_>>());
            let mut paths = lines.filter_map(|fields| match fields.as_slice() {
                [_, names, path] if names.split(',').any(|name| name == controller) => Some(path.to_string()),
                _ => None,
            });
            paths.next()
        };
        let container = path_of("").and_then(|path| cgroup::container_id(&path));
        let own = |controller: &str| {
            // A controller that the engine does not use leaves the container in somebody else's group, or in everybody's.
            let path = path_of(controller).filter(|path| match &container {
                Some(container) => cgroup::container_id(path).as_ref() == Some(container),
                None => path != "/",
            })?;
            let point = cgroup::mount_point(mounts, controller)?;
            Some(Path::new(&point).join(path.trim_start_matches('/'))).filter(|folder| folder.is_dir())
        };
        Self {
            unified: own(""),
            processor: own("cpuacct"),
            memory: own("memory"),
            processes: own("pids"),
            blocks: own("blkio"),
        }
    }

    fn processor_time(&self) -> Option<Duration> {
        if let Some(folder) = &self.processor {
            return number(&folder.join("cpuacct.usage")).map(Duration::from_nanos);
        }
        field(&self.unified.as_ref()?.join("cpu.stat"), "usage_usec").map(Duration::from_micros)
    }

    /// What cannot be taken back without a loss: pages of files come and go as the machine has room.
    fn memory(&self) -> Option<u64> {
        let (file, names) = match &self.memory {
            Some(folder) => (folder.join("memory.stat"), ["total_rss", "total_shmem"]),
            None => (self.unified.as_ref()?.join("memory.stat"), ["anon", "shmem"]),
        };
        let [own, shared] = names.map(|name| field(&file, name));
        Some(own?.saturating_add(shared.unwrap_or(0)))
    }

    fn processes(&self) -> Option<u64> {
        number(&self.processes.as_ref().or(self.unified.as_ref())?.join("pids.current"))
    }

    /// At one time, since the group was made. Not every kernel counts it.
    fn most_processes(&self) -> Option<u64> {
        number(&self.processes.as_ref().or(self.unified.as_ref())?.join("pids.peak"))
    }

    fn written_to_devices(&self) -> Option<u64> {
        if let Some(folder) = &self.blocks {
            let text = fs::read_to_string(folder.join("blkio.throttle.io_service_bytes_recursive")).ok()?;
            return Some(sum(text.lines().filter_map(|line| line.split_once(" Write ")?.1.parse().ok())));
        }
        let text = fs::read_to_string(self.unified.as_ref()?.join("io.stat")).ok()?;
        Some(sum(text.split_whitespace().filter_map(|word| word.strip_prefix("wbytes=")?.parse().ok())))
    }
}

fn sum(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(0, u64::saturating_add)
}

fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// `NAME VALUE` lines.
fn field(file: &Path, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A container's folder of the second version's hierarchy, without processes.
    fn write(folder: &Path, processor: u64, memory: u64, processes: u64) {
        for (name, text) in [
            ("cpu.stat", format!("usage_usec {processor}\nuser_usec 0\n")),
            ("memory.stat", format!("anon {memory}\nfile 7\nshmem 0\n")),
            ("pids.current", processes.to_string()),
            ("pids.peak", processes.to_string()),
        ] {
            fs::write(folder.join(name), text).unwrap();
        }
    }

    #[test]
    fn groups_of_others_are_not_the_containers() {
        let folder = tempfile::tempdir().unwrap();
        let id = "7".repeat(64);
        let mut mounts = String::new();
        for (controller, kind, groups) in [
            ("unified", "cgroup2", vec![format!("docker/{id}")]),
            ("memory", "cgroup", vec![format!("docker/{id}"), "engine".to_owned()]),
            ("cpuacct", "cgroup", vec![]),
        ] {
            let point = folder.path().join(controller);
            groups.iter().for_each(|group| fs::create_dir_all(point.join(group)).unwrap());
            fs::create_dir_all(&point).unwrap();
            mounts.push_str(&format!("cgroup {} {kind} rw,{controller} 0 0\n", point.display()));
        }
        let all = Groups::find(&format!("4:memory:/docker/{id}\n2:cpuacct:/\n0::/docker/{id}\n"), &mounts);
        assert!(all.unified.is_some() && all.memory.is_some() && all.processor.is_none());
        let shared = Groups::find(&format!("4:memory:/engine\n0::/docker/{id}\n"), &mounts);
        assert!(shared.unified.is_some() && shared.memory.is_none());
        let of_old = Groups::find(&format!("4:memory:/docker/{id}\n2:cpuacct:/\n"), &mounts);
        assert!(of_old.unified.is_none() && of_old.memory.is_some() && of_old.processor.is_none());
    }

    #[test]
    fn who_did_not_run_is_not_asked_again_and_told_as_before() {
        let folder = tempfile::tempdir().unwrap();
        let unified = Some(folder.path().to_owned());
        let groups = Groups { unified, processor: None, memory: None, processes: None, blocks: None };
        let mut meter = ResourceMeter {
            groups,
            gone: None,
            past: VecDeque::new(),
            most: Most::default(),
            last: Most::default(),
            peak: None,
        };
        let read = |meter: &mut ResourceMeter| {
            // As if it had been read five seconds ago.
            if let Some(point) = meter.past.front_mut() {
                point.at = point.at.checked_sub(Duration::from_secs(5)).unwrap_or(point.at);
            }
            let used = meter.read()?;
            Some((used.cpu_permille > 0, used.memory_bytes, used.processes))
        };
        write(folder.path(), 1_000, 500, 3);
        assert_eq!(read(&mut meter), None, "nothing to compare with");
        // Files that are gone are not missed.
        fs::remove_file(folder.path().join("memory.stat")).unwrap();
        assert_eq!(read(&mut meter), Some((false, 500, 3)));
        write(folder.path(), 1_001_000, 900, 4);
        assert_eq!(read(&mut meter), Some((true, 900, 4)));
        fs::remove_file(folder.path().join("cpu.stat")).unwrap();
        assert_eq!(read(&mut meter), None, "it ended");
    }
}
