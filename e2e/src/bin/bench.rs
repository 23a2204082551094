//! `make bench`: the numbers of SPECIFICATION.md, each as a ratio of two measurements of the same run, taken in turns.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use lazaret_e2e::lab::Engine;
use lazaret_e2e::story::{ADVISORY_ID, Detail, Screen, Told, advisory, tell};
use lazaret_e2e::{Context as _, Failure, Lab, LabOptions, Result, Run, fail};
use serde_json::{Value, json};

const USAGE: &str = "usage: bench [--format table|json]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let as_json = match words[..] {
        [] | ["--format", "table"] => false,
        ["--format", "json"] => true,
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match measure() {
        Ok(rows) if as_json => {
            let rows: Vec<Value> = rows.iter().map(Row::json).collect();
            println!("{:#}", json!({ "measurements": rows }));
            ExitCode::SUCCESS
        }
        Ok(rows) => {
            println!(
                "\n{:<58} {:>11} {:>11} {:>7} {:>11} {:>11} {:>7}",
                "", "with", "without", "ratio", "CPU with", "CPU w/o", "ratio"
            );
            rows.iter().for_each(|row| println!("{}", row.text()));
            println!(
                "\nMedians of measurements taken in turns; CPU: the command's own, or everything in the laboratory."
            );
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<Vec<Row>> {
    let state = PathBuf::from(format!("/var/tmp/lz-{}-m", std::process::id()));
    let mut lab = Lab::start(&LabOptions::beside(&state), |_, _| {})?;
    eprintln!("telling the story first: it makes what is measured");
    let rows = tell(&mut lab, Screen::new(Detail::Quiet), &mut |_, _| Ok(()))
        .and_then(|told| Ok(vec![scan(&lab)?, run(&lab, &told)?, exec(&lab, &told)?, affected(&lab)?]));
    let stopped = lab.stop();
    let rows = rows?;
    stopped?;
    Ok(rows)
}

/// One promise: what is measured, with and without Lazaret.
struct Row {
    what: String,
    with: Measured,
    without: Option<Measured>,
}

#[derive(Clone, Copy)]
struct Measured {
    wall: Duration,
    cpu: Option<Duration>,
}

impl Row {
    fn text(&self) -> String {
        let time = |time: Option<Duration>| time.map_or_else(|| "–".to_owned(), show);
        let ratio = |with: Option<Duration>, without: Option<Duration>| match (with, without) {
            (Some(with), Some(without)) => format!("{:.2}", with.as_secs_f64() / without.as_secs_f64()),
            _ => "–".to_owned(),
        };
        let wall = self.without.map(|measured| measured.wall);
        let cpu = self.without.and_then(|measured| measured.cpu);
        format!(
            "{:<58} {:>11} {:>11} {:>7} {:>11} {:>11} {:>7}",
            self.what,
            show(self.with.wall),
            time(wall),
            ratio(Some(self.with.wall), wall),
            time(self.with.cpu),
            time(cpu),
            ratio(self.with.cpu, cpu),
        )
    }

    fn json(&self) -> Value {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let both = |measured: Measured| json!({ "wall_micros": micros(measured.wall), "cpu_micros": measured.cpu.map(micros) });
        json!({ "what": self.what, "with": both(self.with), "without": self.without.map(both) })
    }
}

fn show(time: Duration) -> String {
    match time.as_micros() {
        0..1_000 => format!("{} µs", time.as_micros()),
        1_000..1_000_000 => format!("{:.1} ms", time.as_secs_f64() * 1e3),
        _ => format!("{:.2} s", time.as_secs_f64()),
    }
}

/// Takes both measurements in turns, so that what else the machine does falls on both alike, and drops the first turn,
/// which fills caches.
fn in_turns(
    turns: usize,
    mut with: impl FnMut() -> Result<Measured>,
    mut without: impl FnMut() -> Result<Measured>,
) -> Result<(Measured, Measured)> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for turn in 0..=turns {
        let (one, other) = (with()?, without()?);
        if turn > 0 {
            ours.push(one);
            theirs.push(other);
        }
    }
    Ok((median(&ours)?, median(&theirs)?))
}

fn median(all: &[Measured]) -> Result<Measured> {
    let middle = |mut times: Vec<Duration>| {
        times.sort_unstable();
        times.get(times.len() / 2).copied()
    };
    let wall = middle(all.iter().map(|one| one.wall).collect());
    let wall = wall.ok_or_else(|| Failure::new("nothing was measured"))?;
    Ok(Measured { wall, cpu: middle(all.iter().filter_map(|one| one.cpu).collect()) })
}

/// `lazaret scan` of a `docker save` archive against `tar tf` of every layer in it.
fn scan(lab: &Lab) -> Result<Row> {
    let images = lab.folders.images();
    let archive = images.join("shop-v1.tar").display().to_string();
    let layers = images.join("layers");
    std::fs::create_dir_all(&layers).context(|| "cannot create a folder".to_owned())?;
    let layers_text = layers.display().to_string();
    Run::new("tar").args(["--extract", "--file", &archive, "--directory", &layers_text]).ok()?;
    let script =
        format!("for layer in $(find {layers_text} -name '*.tar'); do tar tf $layer; done > /dev/null");
    let size = std::fs::metadata(&archive).map_or(0, |metadata| metadata.len() >> 20);
    let (with, without) = in_turns(
        9,
        || of_command(lab.lazaret(["--quiet", "scan", &format!("archive:{archive}")])?),
        || of_command(Run::new("sh").args(["-c", &script])),
    )?;
    Ok(Row {
        what: format!("scan of a Debian archive ({size} MiB) / tar tf of its layers"),
        with,
        without: Some(without),
    })
}

/// `docker run` on the guarded engine against one on the engine of the build machine.
fn run(lab: &Lab, told: &Told) -> Result<Row> {
    let image = &told.built.v2;
    let once = |engine: &Engine, name: &str| -> Result<Measured> {
        in_laboratory(lab, || {
            engine
                .docker(["run", "--rm", "--network=none", "--no-healthcheck", "--entrypoint=/bin/true", name])
                .ok()
                .map(drop)
        })
    };
    let (with, without) =
        in_turns(15, || once(&lab.docker, &image.by_digest), || once(&lab.build, &image.name))?;
    Ok(Row { what: "docker run --rm … true, guarded / not".to_owned(), with, without: Some(without) })
}

/// Programs started in a watched container against an unwatched one.
fn exec(lab: &Lab, told: &Told) -> Result<Row> {
    const PROGRAMS: u32 = 500;
    let image = &told.built.v2;
    let script = format!(
        "use Time::HiRes 'time'; my $t = time; for (1..{PROGRAMS}) {{ system('/bin/true') == 0 or die }}; print time - $t"
    );
    let once = |engine: &Engine, name: &str| -> Result<Measured> {
        let arguments = [
            "run",
            "--rm",
            "--network=none",
            "--no-healthcheck",
            "--entrypoint=/usr/bin/perl",
            name,
            "-e",
            &script,
        ];
        let mut inside = Duration::ZERO;
        let measured = in_laboratory(lab, || {
            let said = engine.docker(arguments).ok()?.stdout;
            inside =
                said.trim().parse().map(Duration::from_secs_f64).context(|| format!("perl said {said}"))?;
            Ok(())
        })?;
        Ok(Measured { wall: inside / PROGRAMS, cpu: measured.cpu.map(|cpu| cpu / PROGRAMS) })
    };
    let (with, without) =
        in_turns(7, || once(&lab.docker, &image.by_digest), || once(&lab.build, &image.name))?;
    Ok(Row {
        what: "fork and exec of /bin/true in a container, watched / not".to_owned(),
        with,
        without: Some(without),
    })
}

/// From an advisory at the server's door to the names of image, host and container.
fn affected(lab: &Lab) -> Result<Row> {
    let token =
        std::fs::read_to_string(lab.folders.admin_token()).context(|| "cannot read the token".to_owned())?;
    let authorization = format!("Bearer {}", token.trim());
    let peer = lab.server.peer();
    let mut all = Vec::new();
    for number in 0..20 {
        let id = format!("CVE-2998-{number:04}");
        let body = advisory()
            .replace(ADVISORY_ID, &id)
            .replace("SHOP-2999-1", &format!("SHOP-2998-{number}"))
            .replace("1.1-1", "9.0-1");
        let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
        let begun = Instant::now();
        let imported = peer.request("POST", "/v1/advisories", &headers, body.as_bytes())?;
        let answer = peer.request("GET", &format!("/v1/affected/{id}"), &headers[..1], b"")?;
        let wall = begun.elapsed();
        if imported.status >= 300 || !answer.body.contains("\"containers\":[{") {
            fail!(
                "the import did not lead to the running container: {} {} {}",
                imported.status,
                imported.body,
                answer.body
            );
        }
        all.push(Measured { wall, cpu: None });
    }
    Ok(Row {
        what: "advisory at the server → image, host and container named".to_owned(),
        with: median(&all)?,
        without: None,
    })
}

/// Wall and CPU time of one command and its children.
fn of_command(run: Run) -> Result<Measured> {
    let before = children();
    let ended = run.ok()?;
    Ok(Measured { wall: ended.time, cpu: Some(children().saturating_sub(before)) })
}

/// CPU time of all children that ended, from proc(5): `cutime` and `cstime`, in hundredths of a second.
fn children() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = [13, 14].iter().filter_map(|index| fields.get(*index)?.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Wall time of what is done, and the CPU time of everything in the laboratory meanwhile.
fn in_laboratory(lab: &Lab, work: impl FnOnce() -> Result<()>) -> Result<Measured> {
    let (before, begun) = (lab.cpu_time(), Instant::now());
    work()?;
    let wall = begun.elapsed();
    let cpu = lab.cpu_time().zip(before).map(|(after, before)| after.saturating_sub(before));
    Ok(Measured { wall, cpu })
}
