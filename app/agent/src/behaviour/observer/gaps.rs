//! What was not seen or not learned, told with its number.

use std::time::SystemTime;

use lazaret_sensor::EvidenceGap;

use super::super::verdict::seconds;
use super::{MOST_WATCHED, Observer};

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
        if let Some(container) = &gap.container {
            self.missed(container, seconds(SystemTime::now()));
        }
    }

    /// What was learned of the container is not all that it did.
    pub(super) fn missed(&mut self, container: &str, at: i64) {
        let Some(watched) = self.state.containers.get_mut(container) else { return };
        if let Some(known) = watched.known.as_mut().filter(|known| known.learning)
            && let Some(learned) = self.shelf.learned(&known.expectation.profile.subject)
        {
            known.counted.gaps = known.counted.gaps.saturating_add(1);
            learned.gap(watched.replica, at, known.counted.gaps);
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
}
