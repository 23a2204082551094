use std::fmt::Write as _;
use std::path::PathBuf;

use lazaret_e2e::lab::{Folders, sweep};
use lazaret_e2e::story::{Detail, Screen, Told, tell};
use lazaret_e2e::{Lab, LabOptions, Result, fail};

/// The laboratory that the tests share: the host on which the story was told.
#[derive(Default)]
pub(crate) struct World {
    told: Option<(Lab, Told)>,
}

impl World {
    /// The host after the story; told now if no test did so before.
    pub(crate) fn told(&mut self) -> Result<(&mut Lab, &Told)> {
        if self.told.is_none() {
            let mut lab = fresh("t")?;
            match tell(&mut lab, Screen::new(Detail::Steps), &mut |_, _| Ok(())) {
                Ok(told) => self.told = Some((lab, told)),
                Err(failure) => {
                    let words = last_words(&lab);
                    let _ = lab.stop();
                    fail!("{failure}\n{words}");
                }
            }
        }
        match &mut self.told {
            Some((lab, told)) => Ok((lab, told)),
            None => fail!("the story was not told"),
        }
    }

    /// What the daemons said last, for the report of a failure.
    pub(crate) fn last_words(&self) -> String {
        self.told.as_ref().map(|(lab, _)| last_words(lab)).unwrap_or_default()
    }

    /// Ends the shared laboratory.
    pub(crate) fn clear(&mut self) {
        if let Some((lab, _)) = self.told.take() {
            let _ = lab.stop();
        }
    }
}

/// A laboratory of its own for one test.
pub(crate) fn fresh(name: &str) -> Result<Lab> {
    Lab::start(&LabOptions::beside(&folder(name)), |_, _| {})
}

/// A folder that no other run of these tests uses at the same time. Not below /tmp: that may be a tmpfs, on which the
/// engine's storage does not work.
pub(crate) fn folder(name: &str) -> PathBuf {
    PathBuf::from(format!("/var/tmp/lz-{}-{name}", std::process::id()))
}

/// Removes whatever lies in a test's folder when the test is over, also when it failed.
pub(crate) struct Swept(pub(crate) PathBuf);

impl Drop for Swept {
    fn drop(&mut self) {
        if let Ok(folders) = Folders::new(&self.0) {
            let _ = sweep(&folders);
        }
    }
}

pub(crate) fn last_words(lab: &Lab) -> String {
    let mut text = String::new();
    for (name, end) in
        [("agent", lab.agent.log_end()), ("server", lab.server.log_end()), ("dockerd", lab.docker.log_end())]
    {
        let _ = writeln!(text, "end of the log of {name}:\n{end}");
    }
    if let Some(kept) = lab.keep_logs() {
        let _ = writeln!(text, "all logs: {}", kept.display());
    }
    text
}
