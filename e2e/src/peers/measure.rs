//! Wall time, CPU time, memory and disk of one program and its children.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use serde_json::{Value, json};

use crate::{Context as _, Failure, Result, Run, fail};

/// The first argument with which a program that calls [`measured`] measures another.
pub const WORD: &str = "measured";

#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    pub wall: Duration,
    pub cpu: Duration,
    /// Largest resident set of any of the processes, shared libraries and mapped files included.
    pub peak_bytes: u64,
    /// Written to disks, not to pipes.
    pub written_bytes: u64,
}

/// Runs a program to its end and measures it. The kernel adds up what all children of a process took: so a process that
/// has no other child, this program again, starts it. Its network is none: what is measured is no download.
pub fn run(program: &str, arguments: &[&str]) -> Result<Cost> {
    let own = std::env::current_exe().context(|| "cannot find this program's own file".to_owned())?;
    let own = own.display().to_string();
    let run = Run::new("unshare").args(["--net", &own, WORD, program]).args(arguments);
    let said = run.limit(Duration::from_secs(900)).ok()?.json()?;
    let number =
        |name: &str| said[name].as_u64().ok_or_else(|| Failure::new(format!("{name} was not measured")));
    Ok(Cost {
        wall: Duration::from_micros(number("wall_micros")?),
        cpu: Duration::from_micros(number("cpu_micros")?),
        peak_bytes: number("peak_bytes")?,
        written_bytes: number("written_bytes")?,
    })
}

/// What the process in between does: runs the one child and says what it took.
pub fn measured(program: &str, arguments: &[String]) -> Result<Value> {
    let begun = Instant::now();
    let status = Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).status();
    let wall = begun.elapsed();
    let status = status.context(|| format!("cannot run {program}"))?;
    if !status.success() {
        fail!("{program} ended with {status}");
    }
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context(|| "the kernel tells no usage".to_owned())?;
    let micros = |time: TimeVal| {
        u64::try_from(time.tv_sec()).unwrap_or(0) * 1_000_000 + u64::try_from(time.tv_usec()).unwrap_or(0)
    };
    let units = |count: std::ffi::c_long, size: u64| u64::try_from(count).unwrap_or(0) * size;
    Ok(json!({
        "wall_micros": u64::try_from(wall.as_micros()).unwrap_or(u64::MAX),
        "cpu_micros": micros(usage.user_time()) + micros(usage.system_time()),
        "peak_bytes": units(usage.max_rss(), 1024),
        // getrusage(2): in units of 512 bytes, as Linux counts them.
        "written_bytes": units(usage.block_writes(), 512),
    }))
}

/// The median of each figure by itself.
pub fn median(costs: &[Cost]) -> Cost {
    fn middle<T: Ord + Copy + Default>(values: impl Iterator<Item = T>) -> T {
        let mut values: Vec<T> = values.collect();
        values.sort_unstable();
        values.get(values.len() / 2).copied().unwrap_or_default()
    }
    Cost {
        wall: middle(costs.iter().map(|cost| cost.wall)),
        cpu: middle(costs.iter().map(|cost| cost.cpu)),
        peak_bytes: middle(costs.iter().map(|cost| cost.peak_bytes)),
        written_bytes: middle(costs.iter().map(|cost| cost.written_bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_works_costs_time_and_memory() {
        let script = "x = bytearray(50 << 20)\nfor i in range(2000000): pass";
        let said = measured("python3", &["-c".to_owned(), script.to_owned()]).unwrap();
        assert!(said["peak_bytes"].as_u64().unwrap() > 50 << 20, "{said}");
        assert!(said["cpu_micros"].as_u64().unwrap() > 1_000, "{said}");
        assert!(measured("false", &[]).is_err());
    }
}
