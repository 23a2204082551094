//! What was not seen, and of whom: nothing is lost silently.

use std::time::SystemTime;

use lazaret_format::v1::EventKind;
use lazaret_sensor::EvidenceGap;

use super::observer::{MOST_WATCHED, Observer};
use super::verdict::seconds;
use super::watched::Watched;

impl Observer {
    pub(super) fn missing(&mut self, gap: &EvidenceGap) {
        let whose = match &gap.container {
            Some(container) => format!("container {}", container.chars().take(12).collect::<String>()),
            None => format!("control group {}", gap.cgroup_id),
        };
        for (what, count) in [
            ("alerts for which the kernel's buffer had no room", gap.alerts_overflowed),
            ("facts for which the kernel's buffer had no room", gap.overflowed),
            ("facts lost on the way from the kernel", gap.astray),
            ("facts that the last agent may have taken and told nobody about", gap.orphaned),
        ] {
            if count > 0 {
                self.gap(format!("{what}, of {whose}"), count);
            }
        }
        let Some(container) = &gap.container else { return };
        let at = seconds(SystemTime::now());
        self.unlearned(container, at);
        // What an earlier agent took was done before this one listened: by a program that was stopped since.
        let of_this_agent = gap.alerts_overflowed > 0 || gap.overflowed > 0 || gap.astray > 0;
        if of_this_agent || !self.state.containers.get(container).is_some_and(Watched::has_begun) {
            self.unwatched(container, at);
        }
    }

    /// Neither what was learned of the container nor what is in use of it is all that it did.
    pub(super) fn missed(&mut self, container: &str, at: i64) {
        self.unlearned(container, at);
        self.unwatched(container, at);
    }

    /// What was learned of the container is not all that it did.
    fn unlearned(&mut self, container: &str, at: i64) {
        let Some(watched) = self.state.containers.get_mut(container) else { return };
        if let Some(known) = watched.known.as_mut().filter(|known| known.learning)
            && let Some(learned) = self.shelf.learned(&known.expectation.profile.subject)
        {
            known.counted.gaps = known.counted.gaps.saturating_add(1);
            learned.gap(watched.replica, at, known.counted.gaps);
        }
    }

    /// What the container ran may be more than what was seen.
    pub(super) fn unwatched(&mut self, container: &str, at: i64) {
        if let Some(watched) = self.state.containers.get(container)
            && let Some(image) = watched.image()
        {
            self.in_use.missed(image, watched.replica, at);
        }
    }

    pub(super) fn tell_counts(&mut self) {
        let incomplete = std::mem::take(&mut self.state.incomplete);
        let unplaced = std::mem::take(&mut self.state.unplaced);
        if incomplete > 0 {
            self.gap(
                "facts that were not learned: a text in them is longer than what is kept".to_owned(),
                incomplete,
            );
        }
        if unplaced > 0 {
            self.gap(format!("facts of containers beyond the {MOST_WATCHED} that are told apart"), unplaced);
        }
    }

    pub(super) fn gap(&self, what: String, count: u64) {
        tracing::warn!(count, "{what}");
        self.spool.note(EventKind::Gap { what, count });
    }
}
