//! Containers are held anew: after a restart of the agent, and when the server sends other admissions.

use std::collections::HashMap;
use std::path::Path;
use std::sync::PoisonError;
use std::time::SystemTime;

use lazaret_format::v1::EventKind;

use super::holding::Holding;
use super::observer::Observer;
use super::verdict::seconds;
use crate::start::withheld::Withheld;

impl Observer {
    /// Holds again what an earlier agent held, before anything is heard.
    pub fn hold_again(&mut self) {
        let at = seconds(SystemTime::now());
        for (container, pid) in self.managed() {
            self.watch(&container, at);
            if !self.complete {
                self.missed(&container, at);
            } else if !self.lasting {
                self.unwatched(&container, at);
            }
            let Some(known) =
                self.state.containers.get(&container).and_then(|watched| watched.known.as_ref())
            else {
                continue;
            };
            if let Err(why) = self.keeper.hold(&container, (pid, Path::new("/")), &known.record)
                && !has_ended(pid)
            {
                self.gap(format!("container {} is not held to its profile: {why}", known.record.name), 1);
            }
        }
        self.keeper.release_others();
        if !self.complete {
            self.gap("what was learned shortly before the last agent was killed".to_owned(), 1);
        }
    }

    /// The server sent other admissions: profiles may be others.
    pub(super) fn expect_anew(&mut self) {
        let pids: HashMap<String, u32> = self.managed().into_iter().collect();
        for (container, watched) in &mut self.state.containers {
            let Some(known) = &mut watched.known else { continue };
            let expectation = self.keeper.expectation(&known.record);
            if expectation.profile == known.expectation.profile {
                continue;
            }
            known.expectation = expectation;
            let Some(pid) = pids.get(container) else { continue };
            let programs = known.expectation.programs.as_ref();
            let guarded = programs.map_or(Ok(()), |programs| {
                self.keeper.guard(container, (*pid, Path::new("/")), &known.record, programs)
            });
            let held = guarded.map_err(|error| error.to_string());
            let held = held.and_then(|()| self.keeper.hold(container, (*pid, Path::new("/")), &known.record));
            if let Err(why) = held {
                if has_ended(*pid) {
                    continue;
                }
                let what = format!("container {} is not held to its new profile: {why}", known.record.name);
                tracing::error!("{what}");
                self.spool.note(EventKind::Gap { what, count: 1 });
            }
            if known.withheld != self.keeper.withheld(&known.record) {
                let name = &known.record.name;
                let what = format!(
                    "container {name} has the system calls of its new profile from its next start on; until then, what \
                     is not among them ends the process"
                );
                tracing::warn!("{what}");
                self.spool.note(EventKind::Gap { what, count: 1 });
            }
            if known.domain.is_behind(self.keeper.domain(&known.record).as_ref()) {
                let name = &known.record.name;
                let what = format!(
                    "container {name} is held to the files of its new profile from its next start on"
                );
                tracing::warn!("{what}");
                self.spool.note(EventKind::Gap { what, count: 1 });
            }
        }
    }

    /// A container's program begins, perhaps not for the first time: it may hold itself to something else now, by the
    /// newest profile, of which the others may not have heard yet.
    pub(super) fn begins(&mut self, container: &str) {
        let (begun, withheld) = self.remembered(container);
        let watched = self.state.containers.get_mut(container);
        if let Some(known) = watched.and_then(|watched| watched.known.as_mut()) {
            known.expectation = self.keeper.expectation(&known.record);
            known.domain = Holding::of(begun.as_deref(), self.keeper.domain(&known.record));
            known.withheld = withheld;
        }
    }

    /// What the container's start was remembered by.
    fn remembered(&self, container: &str) -> (Option<String>, Withheld) {
        let inventory = self.inventory.lock().unwrap_or_else(PoisonError::into_inner);
        let known = inventory.running().get(container);
        known.map(|known| (known.domain.clone(), known.withheld.clone())).unwrap_or_default()
    }

    /// Admitted containers, with their first processes.
    fn managed(&self) -> Vec<(String, u32)> {
        let inventory = self.inventory.lock().unwrap_or_else(PoisonError::into_inner);
        let managed = inventory.running().iter().filter(|(_, known)| known.decision.is_some());
        managed.map(|(container, known)| (container.clone(), known.pid)).collect()
    }
}

/// Whether the container's first process is gone, or waits for nothing but to be taken notice of: there is nobody left who
/// could be held.
fn has_ended(pid: u32) -> bool {
    std::fs::read_link(format!("/proc/{pid}/exe")).is_err()
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn who_has_ended_is_told_from_who_runs() {
        assert!(!has_ended(std::process::id()));
        let mut child = Command::new("true").spawn().unwrap();
        let until = Instant::now() + Duration::from_secs(10);
        while !has_ended(child.id()) {
            assert!(Instant::now() < until, "it has not been waited for yet");
            std::thread::sleep(Duration::from_millis(1));
        }
        child.wait().unwrap();
        assert!(has_ended(child.id()));
    }
}
