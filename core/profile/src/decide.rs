//! What waits for a person in a profile, and what the person says to it.

use sha2::{Digest as _, Sha256};

use crate::diff::lines;
use crate::profile::{Pending, Profile, Seen};

/// An entry that allows nothing until a person says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Eight hex digits that name the entry, as long as it says the same.
    pub id: String,
    /// Where it stands: `files`, `network.connect`.
    pub section: String,
    /// As the text form writes it, without why it waits.
    pub entry: String,
    pub pending: Pending,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// It is allowed from now on.
    Accept,
    /// It leaves the profile: when it happens again, it is a deviation.
    Drop,
    /// It waits on.
    Wait,
}

impl Profile {
    /// Everything that waits, in the order of the text form.
    pub fn waiting(&self) -> Vec<Waiting> {
        let mut waiting = Vec::new();
        self.clone().decide(|one| {
            waiting.push(one.clone());
            Decision::Wait
        });
        waiting
    }

    /// Asks about each entry that waits, and does what is answered.
    pub fn decide(&mut self, mut answer: impl FnMut(&Waiting) -> Decision) {
        let mut settled = self.clone();
        settled.visit(&mut |_, _, seen| {
            seen.pending = None;
            true
        });
        let entries = lines(&settled);
        self.visit(&mut |section, index, seen| {
            let Some(pending) = seen.pending else { return true };
            let mut there = entries.iter().filter(|(place, _)| place == section);
            let entry = there.nth(index).map(|(_, entry)| entry.clone()).unwrap_or_default();
            let waiting = Waiting { id: id(section, &entry), section: section.to_owned(), entry, pending };
            let decision = answer(&waiting);
            if decision == Decision::Accept {
                seen.pending = None;
            }
            decision != Decision::Drop
        });
        self.sort();
    }

    /// Every entry that may wait: its section as [`lines`] names it, its place in it, and how it was seen. Those that
    /// are answered with `false` are taken out.
    fn visit(&mut self, keep: &mut dyn FnMut(&str, usize, &mut Seen) -> bool) {
        sift("users", &mut self.users, |one| &mut one.seen, keep);
        sift("processes", &mut self.processes, |one| &mut one.seen, keep);
        sift("executables.added", &mut self.executables.added, |one| &mut one.seen, keep);
        sift("libraries.added", &mut self.libraries.added, |one| &mut one.seen, keep);
        sift("volumes", &mut self.volumes, |one| &mut one.seen, keep);
        sift("files", &mut self.files, |one| &mut one.seen, keep);
        sift("secrets", &mut self.secrets, |one| &mut one.seen, keep);
        sift("network.listen", &mut self.network.listen, |one| &mut one.seen, keep);
        sift("network.connect", &mut self.network.connect, |one| &mut one.seen, keep);
        sift("network.lookup", &mut self.network.lookup, |one| &mut one.seen, keep);
        sift("network.raw", &mut self.network.raw, |one| &mut one.seen, keep);
    }
}

fn sift<T>(
    section: &str,
    list: &mut Vec<T>,
    seen: fn(&mut T) -> &mut Seen,
    keep: &mut dyn FnMut(&str, usize, &mut Seen) -> bool,
) {
    let mut index = 0;
    list.retain_mut(|one| {
        let stays = keep(section, index, seen(one));
        index += 1;
        stays
    });
}

fn id(section: &str, entry: &str) -> String {
    let hash: [u8; 32] = Sha256::digest(format!("{section}\0{entry}")).into();
    hash[..4].iter().map(|byte| format!("{byte:02x}")).collect()
}
