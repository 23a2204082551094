//! The kernel's own account of what this process's programs cost.

use std::collections::BTreeMap;
use std::fs;

use aya::programs::loaded_programs;

const STATISTICS: &str = "/proc/sys/kernel/bpf_stats_enabled";

/// The kernel counts while this lives.
pub(crate) struct Counting;

impl Counting {
    pub(crate) fn begin() -> Option<Self> {
        fs::write(STATISTICS, "1").ok().map(|()| Self)
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        let _ = fs::write(STATISTICS, "0");
    }
}

/// Nanoseconds and runs by program.
#[derive(Default)]
pub(crate) struct Programs(BTreeMap<String, (u64, u64)>);

impl Programs {
    pub(crate) fn now() -> Self {
        let entries = fs::read_dir("/proc/self/fdinfo").into_iter().flatten().flatten();
        let own: Vec<u32> = entries
            .filter_map(|entry| {
                let text = fs::read_to_string(entry.path()).ok()?;
                text.lines().find_map(|line| line.strip_prefix("prog_id:"))?.trim().parse().ok()
            })
            .collect();
        let mut programs = Self::default();
        for program in loaded_programs().flatten().filter(|program| own.contains(&program.id())) {
            let name = program.name_as_str().unwrap_or("?").to_owned();
            let time = u64::try_from(program.run_time().as_nanos()).unwrap_or(u64::MAX);
            let sum = programs.0.entry(name).or_default();
            *sum = (sum.0 + time, sum.1 + program.run_count());
        }
        programs
    }

    pub(crate) fn since(&self, before: &Self) -> Self {
        let difference = self.0.iter().map(|(name, (time, runs))| {
            let (old_time, old_runs) = before.0.get(name).copied().unwrap_or_default();
            (name.clone(), (time.saturating_sub(old_time), runs.saturating_sub(old_runs)))
        });
        Self(difference.collect())
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (name, (time, runs)) in &other.0 {
            let sum = self.0.entry(name.clone()).or_default();
            *sum = (sum.0 + time, sum.1 + runs);
        }
    }

    /// Nanoseconds and runs of one.
    pub(crate) fn of(&self, name: &str) -> (f64, f64) {
        self.0.get(name).map_or((0.0, 0.0), |(time, runs)| (*time as f64, *runs as f64))
    }

    pub(crate) fn nanoseconds(&self) -> f64 {
        self.0.values().map(|(time, _)| *time as f64).sum()
    }

    /// Runs for each piece of work, and what one takes.
    pub(crate) fn text(&self, pieces: f64) -> String {
        let run = self.0.iter().filter(|(_, (_, runs))| *runs as f64 > pieces / 20.0);
        run.map(|(name, (time, runs))| {
            format!("; {name} {:.1}x {:.0} ns", *runs as f64 / pieces, *time as f64 / *runs as f64)
        })
        .collect()
    }
}
