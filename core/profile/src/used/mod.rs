//! What containers of an image were seen to run: the paths of programs and libraries, and how well it was watched.
//!
//! Nothing is folded here and nothing depends on modes or on whether something was allowed: it tells what is in use, not
//! what may be. One agent keeps one [`Used`] for each image; whoever wants to know about a fleet looks at those of all.

mod stored;

use std::collections::{BTreeMap, BTreeSet};

use lazaret_model::{Digest, FileOrigin};

use crate::learn::Replica;

pub use stored::{MOST_USED_BYTES, UsedError};

/// Containers of one image that one agent tells apart. When there are more, those that ended longest ago are forgotten.
pub const MOST_CONTAINERS: usize = 1024;
/// Programs and libraries of the image; a large image has as many, a container runs a hundredth.
const MOST_FILES: usize = 4096;
/// Files that lie over those of the image: a container can make as many as it likes.
const MOST_TOUCHED: usize = 256;
/// Bytes of all paths.
const MOST_TEXT: usize = 1 << 20;
/// Containers that are named for one file.
pub const MOST_NAMED: usize = 8;
/// How exact times are, in seconds, once something was seen for long: an idle fleet has nothing to tell.
const STEP: i64 = 600;

/// What one host saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    image: Digest,
    containers: BTreeMap<Replica, Watch>,
    files: BTreeMap<String, Seen>,
    touched: BTreeMap<String, Seen>,
    /// Bytes of all paths.
    text: usize,
    /// There was no room for a file: what is not here may have been used all the same.
    overflow: bool,
}

/// How a container was watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watch {
    /// Seconds since 1970.
    pub since: i64,
    pub last: i64,
    /// From the start of its program on, and nothing was missed.
    pub whole: bool,
}

/// When and where a file was executed or mapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Seconds since 1970.
    pub first: i64,
    /// As exact as a sixteenth of the time since `first`, and ten minutes at most.
    pub last: i64,
    /// The first [`MOST_NAMED`] containers that did it.
    pub containers: BTreeSet<Replica>,
}

impl Used {
    pub fn new(image: Digest) -> Self {
        Self {
            image,
            containers: BTreeMap::new(),
            files: BTreeMap::new(),
            touched: BTreeMap::new(),
            text: 0,
            overflow: false,
        }
    }

    /// Digest of the image's configuration.
    pub fn image(&self) -> Digest {
        self.image
    }

    /// The container's program was started: whatever was missed before, it begins anew.
    pub fn started(&mut self, container: Replica, at: i64) {
        let watch = self.watch(container, at);
        if !watch.whole {
            *watch = Watch { since: at, last: at, whole: true };
        }
        watch.last = watch.last.max(at);
    }

    /// Something was missed, which may never be seen again while its program runs.
    pub fn missed(&mut self, container: Replica, at: i64) {
        let watch = self.watch(container, at);
        watch.whole = false;
    }

    /// The container was watched until now, whether or not it did anything. Answers whether that is news.
    pub fn watched(&mut self, container: Replica, at: i64) -> bool {
        let is_new = !self.containers.contains_key(&container);
        let watch = self.watch(container, at);
        let is_later = is_news(watch.since, watch.last, at);
        if is_later {
            watch.last = at;
        }
        is_new || is_later
    }

    /// A file was executed or mapped as code. Answers whether that is news. What the image did not bring is not kept,
    /// but for files of the container's own that may lie over the image's.
    pub fn saw(&mut self, container: Replica, at: i64, path: &str, origin: FileOrigin) -> bool {
        let most = match origin {
            FileOrigin::Image => MOST_FILES,
            FileOrigin::Upper => MOST_TOUCHED,
            FileOrigin::Mounted | FileOrigin::Nameless | FileOrigin::Kernel => return false,
        };
        if !stored::is_path(path) {
            return !std::mem::replace(&mut self.overflow, true);
        }
        let files = if origin == FileOrigin::Image { &mut self.files } else { &mut self.touched };
        if let Some(seen) = files.get_mut(path) {
            let is_named = seen.containers.len() < MOST_NAMED && seen.containers.insert(container);
            let is_later = is_news(seen.first, seen.last, at);
            if is_later {
                seen.last = at;
            }
            return is_named || is_later;
        }
        let text = self.text.saturating_add(path.len());
        if files.len() >= most || text > MOST_TEXT {
            return !std::mem::replace(&mut self.overflow, true);
        }
        self.text = text;
        files.insert(path.to_owned(), Seen { first: at, last: at, containers: [container].into() });
        true
    }

    /// How each container was watched.
    pub fn containers(&self) -> impl Iterator<Item = (Replica, Watch)> {
        self.containers.iter().map(|(container, watch)| (*container, *watch))
    }

    /// What of the image was executed or mapped.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Seen)> {
        self.files.iter().map(|(path, seen)| (path.as_str(), seen))
    }

    /// The same of the containers' own files: they may be the image's, changed.
    pub fn touched(&self) -> impl Iterator<Item = (&str, &Seen)> {
        self.touched.iter().map(|(path, seen)| (path.as_str(), seen))
    }

    /// Whether everything that was seen is told.
    pub fn is_complete(&self) -> bool {
        !self.overflow
    }

    fn watch(&mut self, container: Replica, at: i64) -> &mut Watch {
        if !self.containers.contains_key(&container) && self.containers.len() >= MOST_CONTAINERS {
            let oldest = self.containers.iter().min_by_key(|(_, watch)| watch.last);
            if let Some(oldest) = oldest.map(|(container, _)| *container) {
                self.containers.remove(&oldest);
            }
        }
        self.containers.entry(container).or_insert(Watch { since: at, last: at, whole: false })
    }
}

/// Times get coarser the longer something goes on.
fn is_news(first: i64, last: i64, at: i64) -> bool {
    let step = last.saturating_sub(first).checked_div(16).unwrap_or(0).clamp(1, STEP);
    at.saturating_sub(last) >= step
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Replica = Replica(1);

    fn used() -> Used {
        Used::new(Digest::from_bytes([1; 32]))
    }

    #[test]
    fn a_start_begins_anew_what_a_gap_ended() {
        let mut used = used();
        let watch = |used: &Used| used.containers().next().map(|(_, watch)| watch).unwrap();
        assert!(used.watched(ONE, 10));
        assert!(!watch(&used).whole, "its start was not seen");
        used.started(ONE, 20);
        assert_eq!(watch(&used), Watch { since: 20, last: 20, whole: true });
        used.started(ONE, 30);
        assert_eq!(watch(&used), Watch { since: 20, last: 30, whole: true }, "started again without a gap");
        used.missed(ONE, 40);
        assert!(!watch(&used).whole);
        assert!(used.watched(ONE, 50) && !watch(&used).whole);
        used.started(ONE, 60);
        assert_eq!(watch(&used), Watch { since: 60, last: 60, whole: true });
    }

    #[test]
    fn only_what_the_image_may_have_brought_counts() {
        let mut used = used();
        assert!(used.saw(ONE, 1, "/usr/bin/a", FileOrigin::Image));
        assert!(used.saw(ONE, 1, "/usr/bin/b", FileOrigin::Upper));
        for origin in [FileOrigin::Mounted, FileOrigin::Nameless, FileOrigin::Kernel] {
            assert!(!used.saw(ONE, 1, "/usr/bin/c", origin));
        }
        let files: Vec<&str> = used.files().chain(used.touched()).map(|(path, _)| path).collect();
        assert_eq!(files, ["/usr/bin/a", "/usr/bin/b"]);
        assert!(used.is_complete());
        assert!(used.saw(ONE, 1, "…/cut", FileOrigin::Image) && !used.is_complete());
    }

    #[test]
    fn what_goes_on_is_told_ever_more_rarely() {
        let mut used = used();
        let told = (0..100_000).filter(|at| used.saw(ONE, *at, "/a", FileOrigin::Image)).count();
        assert!((100..400).contains(&told), "{told}");
        let (_, seen) = used.files().next().unwrap();
        assert!(seen.first == 0 && seen.last > 99_999 - STEP);
        assert!(!used.saw(ONE, 5, "/a", FileOrigin::Image), "a clock that went back tells nothing");
        for other in 2..20 {
            used.saw(Replica(other), 100_000, "/a", FileOrigin::Image);
        }
        assert_eq!(used.files().next().unwrap().1.containers.len(), MOST_NAMED);
    }

    #[test]
    fn everything_is_bounded_and_what_had_no_room_is_said() {
        let mut used = used();
        for number in 0..2000 {
            used.started(Replica(number), i64::try_from(number).unwrap());
            used.saw(ONE, 1, &format!("/tmp/{number}"), FileOrigin::Upper);
        }
        assert_eq!(used.containers().count(), MOST_CONTAINERS);
        assert!(used.containers().all(|(replica, _)| replica.0 >= 2000 - MOST_CONTAINERS as u64));
        assert!(!used.is_complete() && used.touched().count() == MOST_TOUCHED);
        for number in 0..5000 {
            used.saw(ONE, 1, &format!("/usr/lib/{number:0>300}"), FileOrigin::Image);
        }
        assert!(used.text <= MOST_TEXT && used.to_json().len() <= MOST_USED_BYTES);
        assert_eq!(Used::from_json(&used.to_json()), Ok(used));
    }
}
