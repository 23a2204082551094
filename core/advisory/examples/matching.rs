//! How long building, opening and matching take, with the feeds of a folder.
//!
//! `cargo run --release -p lazaret-advisory --example matching -- FOLDER`, where FOLDER holds unpacked
//! files of any format that `lazaret db import` reads, at any depth. With a database instead, only matching is
//! measured. The database that is made stays where the last line says.
//!
//! Matching is of packages of which no two are the same, and is told in time of the processor, which hardly depends on
//! what else runs on the machine.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "a measurement reads files and the clock, and prints"
)]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lazaret_advisory::feed::osv::OsvFeed;
use lazaret_advisory::feed::{Kind, epss, kind};
use lazaret_advisory::{Builder, Database};
use lazaret_model::{Distribution, Ecosystem, Finding, Limits, NamedPackage, Package, SourcePackage};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: matching FOLDER|DATABASE")?;
    if Path::new(&path).is_file() {
        return measure(&Database::map(&std::fs::File::open(&path)?)?);
    }
    let folder = path;
    let begun = Instant::now();
    let (mut builder, mut read) = (Builder::new(), BTreeMap::<&str, (u64, Duration)>::new());
    for path in files(Path::new(&folder))? {
        let begun = Instant::now();
        if let Some(format) = push(&path, &mut builder)? {
            let known = read.entry(format).or_default();
            *known = (known.0 + 1, known.1 + begun.elapsed());
        }
    }
    for (format, (files, time)) in read {
        println!("read      {files:>7} files of {format} in {time:.2?}");
    }
    let reading = begun.elapsed();
    let bytes = builder.build(jiff::Timestamp::UNIX_EPOCH)?;
    println!("build     {:.2?} with reading, {:.2?} without", begun.elapsed(), begun.elapsed() - reading);

    let path = std::env::temp_dir().join(format!("lazaret-matching-{}.lzdb", std::process::id()));
    std::fs::write(&path, &bytes)?;
    println!("file      {:.1} MB", bytes.len() as f64 / 1e6);
    drop(bytes);
    let begun = Instant::now();
    let database = Database::map(&std::fs::File::open(&path)?)?;
    println!("open      {:.0?}", begun.elapsed());
    let begun = Instant::now();
    database.verify()?;
    println!("verify    {:.0?}", begun.elapsed());
    println!("rows      {}", database.snapshot().advisories);
    for of in database.coverage()?.iter().filter(|of| of.advisories > 5000) {
        println!("          {:>9} {} {}", of.advisories, of.ecosystem, of.release);
    }
    for feed in database.feeds()? {
        println!("feed      {}: {} rows, {} vulnerabilities", feed.name, feed.rows, feed.vulnerabilities);
    }
    measure(&database)?;
    let begun = Instant::now();
    let mut again = Builder::new();
    again.keep_from(&database, &["osv", epss::FEED])?;
    let bytes = again.build(jiff::Timestamp::UNIX_EPOCH)?;
    println!("rebuild   {:.2?} with every large feed kept, {} bytes", begun.elapsed(), bytes.len());
    println!("database  {}", path.display());
    Ok(())
}

/// How long this thread ran on a processor (Linux, proc(5), `schedstat`).
fn busy() -> Result<Duration, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(Duration::from_nanos(text.split(' ').next().unwrap_or_default().parse()?))
}

fn push(path: &Path, builder: &mut Builder) -> Result<Option<&'static str>, Box<dyn Error>> {
    let limits = Limits { kept_bytes: 1 << 30, ..Limits::default() };
    let (bytes, name) = (std::fs::read(path)?, path.display().to_string());
    let mut osv = OsvFeed::new("osv");
    let (read, format) = match kind(&bytes, &name) {
        Some(Kind::OsvJson) => (osv.read_json(&bytes, &limits).is_ok(), "OSV as JSON"),
        Some(Kind::OsvYaml) => (osv.read_yaml(&bytes, &limits).is_ok(), "OSV as YAML"),
        Some(Kind::Knowledge(format)) => {
            let known = (format.parse)(&bytes, &limits).map(|known| known.push_into(format.name, builder));
            return Ok(known.is_ok().then_some(format.name));
        }
        Some(Kind::Published(format)) => {
            let parsed = (format.parse)(&bytes, &name, &limits).map(|parsed| parsed.push_into(builder));
            return Ok(parsed.is_ok().then_some(format.name));
        }
        None => return Ok(None),
    };
    osv.push_into(builder);
    Ok(read.then_some(format))
}

/// The clock of a thread goes on in steps of some milliseconds.
const RUNS: u32 = 200;

/// Packages as images have them, half of them known to the database, each once: the time to leave out repeated ones is
/// no part of what is told.
fn measure(database: &Database) -> Result<(), Box<dyn Error>> {
    let coverage = database.coverage()?;
    for (title, ecosystems, release) in [
        ("languages", &[Ecosystem::PyPi, Ecosystem::Go, Ecosystem::Cargo, Ecosystem::Julia][..], ""),
        ("distribution", &[Ecosystem::Rpm][..], "almalinux:9"),
    ] {
        if !coverage.iter().any(|of| ecosystems.contains(&of.ecosystem) && of.release == release) {
            continue;
        }
        let (id, version) = release.split_once(':').unwrap_or(("debian", "0"));
        let distribution =
            Distribution { id: id.into(), version: Some(version.into()), codename: None, title: None };
        let Packages { newest, mixed } = packages(database, ecosystems, release)?;
        for (what, packages) in [("with every fix", &newest), ("of which every tenth is the oldest", &mixed)]
        {
            let (findings, time) = timed(RUNS / 10, || database.findings(Some(&distribution), packages))?;
            println!(
                "match     {title}, {what}: {} packages, {findings} findings, {time:.1?}: {:.2} million packages/s",
                packages.len(),
                packages.len() as f64 / time.as_secs_f64() / 1e6,
            );
        }
        let image: Vec<Package> = mixed.iter().step_by(mixed.len() / 500).take(500).cloned().collect();
        let (findings, time) = timed(RUNS, || database.findings(Some(&distribution), &image))?;
        println!("image     {title}: {} packages, {findings} findings: {time:.2?}", image.len());
    }
    Ok(())
}

/// How many findings there are, and the time that one run of many takes, with what it takes to give them back.
fn timed<E: Error + 'static>(
    runs: u32,
    run: impl Fn() -> Result<Vec<Finding>, E>,
) -> Result<(usize, Duration), Box<dyn Error>> {
    let (mut found, begun) = (0, busy()?);
    for _ in 0..runs {
        found = run()?.len();
    }
    Ok((found, busy()?.saturating_sub(begun) / runs))
}

/// Packages that a database knows, each with one that it does not know. None are there twice.
struct Packages {
    /// Each in the newest version that it names.
    newest: Vec<Package>,
    /// The same, but every tenth of them in the oldest.
    mixed: Vec<Package>,
}

fn packages(
    database: &Database,
    ecosystems: &[Ecosystem],
    release: &str,
) -> Result<Packages, Box<dyn Error>> {
    let mut known: BTreeMap<(Ecosystem, String, NamedPackage), Vec<String>> = BTreeMap::new();
    for row in database.advisories() {
        let row = row?;
        if ecosystems.contains(&row.ecosystem) && row.release == release {
            let version = row.fixed.or(row.last_affected).unwrap_or_else(|| "0".to_owned());
            known.entry((row.ecosystem, row.package, row.names)).or_default().push(version);
        }
    }
    let mut packages = Packages { newest: Vec::new(), mixed: Vec::new() };
    for (number, ((ecosystem, name, names), mut versions)) in known.into_iter().enumerate() {
        versions.sort_by(|one, other| ecosystem.compare(one, other).then_with(|| one.cmp(other)));
        let both = |version: &str| {
            let mut package = Package::new(ecosystem, &name, version);
            if names == NamedPackage::Binary {
                package.source =
                    SourcePackage { name: format!("{name}-source"), version: version.to_owned() };
            }
            [package, Package::new(ecosystem, format!("unknown-{name}"), version)]
        };
        let (Some(oldest), Some(newest)) = (versions.first(), versions.last()) else { continue };
        packages.newest.extend(both(newest));
        packages.mixed.extend(both(if number % 10 == 0 { oldest } else { newest }));
    }
    Ok(packages)
}

fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
