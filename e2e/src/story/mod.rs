//! The story of one image, from its build to its replacement, in ten steps. Each step does what a person would do,
//! with the commands a person would type, and checks what came of it.

mod a_build;
mod b_scan;
pub mod bypass;
mod c_policy;
mod d_trust;
mod e_admission;
mod f_inventory;
mod g_advisory;
mod h_replacement;
mod i_prevention;
mod j_evidence;
mod screen;

use std::time::{Duration, Instant};

pub use a_build::{Built, Image, publish};
pub use b_scan::{Scanned, finding_ids};
pub use d_trust::promote_to_prod;
pub use e_admission::{Running, run_shop_once, wait_for_version};
pub use f_inventory::{Unmanaged, spawn, unmanaged};
pub use g_advisory::{ADVISORY_ID, advisory};
pub use h_replacement::Outage;
pub use i_prevention::{Dropped, drop_and_run, dropped_program};
pub use j_evidence::break_export;
pub use screen::{Detail, Screen, seconds};

use crate::{Context as _, Ended, Failure, Lab, Result, Run};

/// Everything that the story found out.
#[derive(Debug)]
pub struct Told {
    pub built: Built,
    pub scanned: Scanned,
    pub running: Running,
    pub outage: Outage,
    /// Each step's letter, title and time.
    pub times: Vec<(char, &'static str, Duration)>,
}

/// Is called before each step: the place where tests kill things.
pub type Between<'b> = &'b mut dyn FnMut(char, &mut Lab) -> Result<()>;

/// Tells the whole story.
pub fn tell(lab: &mut Lab, screen: Screen, between: Between<'_>) -> Result<Told> {
    let mut teller = Teller { lab, screen, times: Vec::new(), between };
    let built = teller.step(
        'a',
        "Build two images of one service on Debian, with and without security updates",
        a_build::step,
    )?;
    let scanned =
        teller.step('b', "Scan both, from engine, archive and registry", |t| b_scan::step(t, &built))?;
    teller
        .step('c', "A policy refuses the old image and passes the new one", |t| c_policy::step(t, &built))?;
    teller.step('d', "Sign, attest and promote the new one to production", |t| d_trust::step(t, &built))?;
    let running = teller
        .step('e', "The engine runs what was promoted, and nothing else", |t| e_admission::step(t, &built))?;
    teller.step('f', "What runs is known, also what came in behind the engine's back", |t| {
        f_inventory::step(t, &built, &running)
    })?;
    teller.step('g', "An advisory arrives: who is affected?", |t| g_advisory::step(t, &built, &running))?;
    let outage =
        teller.step('h', "Replace the running container; roll back when the new one is sick", |t| {
            h_replacement::step(t, &built)
        })?;
    teller.step('i', "A dropped program is not executed", |t| i_prevention::step(t, &built))?;
    teller.step('j', "The chain of evidence, and a log that cannot be changed unseen", |t| {
        j_evidence::step(t, &built)
    })?;
    let times = teller.times;
    Ok(Told { built, scanned, running, outage, times })
}

/// Tells one step: the laboratory and the screen.
struct Teller<'t> {
    lab: &'t mut Lab,
    screen: Screen,
    times: Vec<(char, &'static str, Duration)>,
    between: Between<'t>,
}

impl Teller<'_> {
    fn step<T>(
        &mut self,
        letter: char,
        title: &'static str,
        step: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        (self.between)(letter, self.lab)
            .map_err(|failure| Failure::new(format!("before step {letter}: {failure}")))?;
        self.screen.begin(letter, title);
        let begun = Instant::now();
        let result =
            step(self).map_err(|failure| Failure::new(format!("step {letter} ({title}): {failure}")))?;
        let time = begun.elapsed();
        self.screen.end(letter, title, time);
        self.times.push((letter, title, time));
        Ok(result)
    }

    /// Runs and shows a command of somebody who works with Lazaret; the exit code must be `code`.
    fn lazaret<S: AsRef<str>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
        code: i32,
        lines: usize,
    ) -> Result<Ended> {
        self.shown("", self.lab.lazaret(arguments)?, code, lines)
    }

    /// Runs and shows a `docker` command on the guarded host.
    fn docker<S: AsRef<str>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
        code: i32,
        lines: usize,
    ) -> Result<Ended> {
        self.shown("host", self.lab.docker.docker(arguments), code, lines)
    }

    fn shown(&self, place: &str, run: Run, code: i32, lines: usize) -> Result<Ended> {
        let ended = run.end()?.expect_code(code)?;
        self.screen.command(place, &ended, lines);
        Ok(ended)
    }

    /// Writes a file into the state folder.
    fn write(&self, path: &std::path::Path, bytes: &[u8]) -> Result<()> {
        std::fs::write(path, bytes).context(|| format!("cannot write {}", path.display()))
    }
}
