//! What it costs to walk a tree: `cargo run --release -p lazaret-source --example walk -- [WANT] TARGET…`
//!
//! `WANT` is `nothing` (the default), `packages` (the databases of package managers and the manifests of
//! language packages), `executables` (their digests) or `extract` (the first and last bytes of executables,
//! as somebody would who looks for a section). Prints, for each target: entries, wall and processor time,
//! and the peak of resident memory so far.

use std::time::{Duration, Instant};

use lazaret_model::{Content, Entry, EntryKind, Extracted, Passing, RandomAccess, Visitor, Want, Wanted};
use lazaret_source::{OpenOptions, Target, open};

#[derive(Clone, Copy, PartialEq)]
enum What {
    Nothing,
    Packages,
    Executables,
    Extract,
}

struct Walker {
    what: What,
    entries: u64,
    contents: u64,
    bytes: u64,
}

/// The shortest way to the ends of a file that comes by.
struct Ends(Vec<u8>);

impl Passing for Ends {
    fn push(&mut self, piece: &[u8]) {
        if self.0.is_empty() {
            self.0.extend_from_slice(&piece[..piece.len().min(16)]);
        }
    }

    fn finish(self: Box<Self>) -> Extracted {
        Extracted { bytes: self.0, problems: Vec::new() }
    }
}

impl Visitor for Walker {
    fn want(&self, entry: &Entry<'_>) -> Want {
        let executable = entry.mode & 0o111 != 0;
        match self.what {
            What::Packages if is_of_packages(entry.path) => Want::BYTES,
            What::Executables if executable => Want::DIGEST,
            What::Extract if executable => Want { digest: false, content: Wanted::Extract },
            _ => Want::NOTHING,
        }
    }

    fn extract(&self, _: &Entry<'_>, file: &mut dyn RandomAccess) -> Extracted {
        let mut bytes = vec![0; 32];
        let size = file.size();
        if size >= 32 {
            let read =
                file.read_at(0, &mut bytes[..16]).and_then(|()| file.read_at(size - 16, &mut bytes[16..]));
            bytes.truncate(if read.is_ok() { 32 } else { 0 });
        }
        Extracted { bytes, problems: Vec::new() }
    }

    fn extract_passing(&self, _: &Entry<'_>) -> Option<Box<dyn Passing + '_>> {
        Some(Box::new(Ends(Vec::new())))
    }

    fn extracts_alike(&self, _: &Entry<'_>, _: &Entry<'_>) -> bool {
        true
    }

    fn visit(&mut self, entry: &Entry<'_>, content: Content<'_>) {
        self.entries += 1;
        if entry.kind == EntryKind::File && content != Content::default() {
            self.contents += 1;
            self.bytes += content.bytes.map_or(0, |bytes| bytes.len() as u64);
        }
    }
}

fn is_of_packages(path: &[u8]) -> bool {
    let starts =
        [&b"var/lib/dpkg/"[..], b"lib/apk/db/", b"var/lib/rpm/", b"etc/os-release", b"usr/lib/os-release"];
    let ends = [&b"/package.json"[..], b".dist-info/METADATA", b"/go.mod", b"/Cargo.lock", b".gemspec"];
    starts.iter().any(|start| path.starts_with(start)) || ends.iter().any(|end| path.ends_with(end))
}

/// Processor time of this process, and the peak of its resident memory in KiB.
fn costs() -> (Duration, u64) {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let stat = read("/proc/self/stat");
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    // Fields 14 and 15, in hundredths of a second.
    let ticks: u64 = after_name
        .split_ascii_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    let status = read("/proc/self/status");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    let peak = peak.trim().trim_end_matches(" kB").parse().unwrap_or_default();
    (Duration::from_millis(ticks * 10), peak)
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "this is what it is for")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut what = What::Nothing;
    for argument in std::env::args().skip(1) {
        what = match argument.as_str() {
            "nothing" => What::Nothing,
            "packages" => What::Packages,
            "executables" => What::Executables,
            "extract" => What::Extract,
            target => {
                let begun = (Instant::now(), costs().0);
                let mut opened = open(&Target::parse(target)?, &OpenOptions::from_environment()).await?;
                let opening = begun.0.elapsed();
                let walk = move || {
                    let mut walker = Walker { what, entries: 0, contents: 0, bytes: 0 };
                    let problems = opened.tree.walk(&mut walker);
                    (walker, problems)
                };
                let (walker, problems) = tokio::task::spawn_blocking(walk).await?;
                let (processor, peak) = costs();
                println!(
                    "{target}: {} entries, {} contents, {} bytes; opened in {:.1} ms, all in {:.1} ms wall, {} ms \
                     processor; peak {:.1} MiB; {} problems",
                    walker.entries,
                    walker.contents,
                    walker.bytes,
                    opening.as_secs_f64() * 1e3,
                    begun.0.elapsed().as_secs_f64() * 1e3,
                    (processor - begun.1).as_millis(),
                    peak as f64 / 1024.0,
                    problems.len(),
                );
                for problem in problems.iter().take(5) {
                    println!("  {problem}");
                }
                continue;
            }
        };
    }
    Ok(())
}
