//! What containers were seen to run, by image: in memory for those that run, on disk for all. Other than what is learned
//! it depends on no mode and no profile, and it is told for as long as a container runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use lazaret_model::{Digest, Fact, FileOrigin};
use lazaret_profile::learn::Replica;
use lazaret_profile::used::{MOST_USED_BYTES, Used};
use lazaret_sensor::{Observation, Outcome};

use super::verdict::seconds;
use crate::failure::Failure;
use crate::files;

/// Images whose containers may run at the same time; of more nothing is kept.
const MOST_OPEN: usize = 256;
/// That are kept on disk.
const MOST_KEPT: usize = 512;

#[derive(Debug)]
pub struct InUse {
    directory: PathBuf,
    books: BTreeMap<Digest, Book>,
    /// Images for which there was no room, told once each.
    turned_away: BTreeSet<Digest>,
    /// What could not be kept, one sentence each, until somebody asks.
    complaints: Vec<String>,
}

#[derive(Debug)]
struct Book {
    used: Used,
    changed: bool,
    /// Containers of the image that run now.
    running: usize,
}

impl InUse {
    pub fn open(directory: &Path) -> Result<Self, Failure> {
        files::create_private_directory(directory)?;
        Ok(Self {
            directory: directory.to_owned(),
            books: BTreeMap::new(),
            turned_away: BTreeSet::new(),
            complaints: Vec::new(),
        })
    }

    /// A container of the image is watched from now on.
    pub(super) fn enter(&mut self, image: Digest) {
        if let Some(book) = self.books.get_mut(&image) {
            book.running += 1;
            return;
        }
        if self.books.len() >= MOST_OPEN {
            if self.turned_away.len() < MOST_KEPT && self.turned_away.insert(image) {
                self.complaints.push(format!(
                    "what is in use of image {image} is not kept: containers of {MOST_OPEN} other images run"
                ));
            }
            return;
        }
        let used = self.load(image);
        self.books.insert(image, Book { used, changed: false, running: 1 });
    }

    /// A container of the image is no longer watched.
    pub(super) fn leave(&mut self, image: Digest) {
        if let Some(book) = self.books.get_mut(&image) {
            book.running = book.running.saturating_sub(1);
        }
    }

    /// Takes in what was executed or mapped; `started`: with it, the container's program was.
    pub(super) fn observe(&mut self, image: Digest, container: Replica, seen: &Observation, started: bool) {
        let Some(book) = self.books.get_mut(&image) else { return };
        let at = seconds(seen.at);
        if started {
            book.used.started(container, at);
            book.changed = true;
        }
        let mut saw = |path: &str, origin| {
            if seen.incomplete {
                // Something of this container ran, and nobody knows what.
                book.used.missed(container, at);
                book.changed = true;
            } else {
                book.changed |= book.used.saw(container, at, path, origin);
            }
        };
        let ran =
            !matches!(seen.outcome, Outcome::Refused(_) | Outcome::DiedBeforeStart | Outcome::Failed(_));
        match &seen.behaviour.fact {
            _ if !ran || seen.outside_root => {}
            Fact::Exec(execution) => {
                // A script is told as it was called, and packages' scripts are called by whole names.
                if execution.interpreter.is_none() || execution.executable.starts_with('/') {
                    saw(&execution.executable, execution.origin);
                }
                if let Some(interpreter) = &execution.interpreter {
                    saw(interpreter, FileOrigin::Image);
                }
            }
            Fact::Map(mapping) => saw(&mapping.path, mapping.origin),
            _ => {}
        }
    }

    /// Something of the container was missed.
    pub(super) fn missed(&mut self, image: Digest, container: Replica, at: i64) {
        if let Some(book) = self.books.get_mut(&image) {
            book.used.missed(container, at);
            book.changed = true;
        }
    }

    /// The container still runs, and is watched.
    pub(super) fn watched(&mut self, image: Digest, container: Replica, at: i64) {
        if let Some(book) = self.books.get_mut(&image) {
            book.changed |= book.used.watched(container, at);
        }
    }

    /// Writes what changed, and puts away images of which nothing runs. Answers with what is on disk anew.
    pub(super) fn save(&mut self) -> Vec<Digest> {
        let mut saved = Vec::new();
        for (image, book) in self.books.iter_mut().filter(|(_, book)| book.changed) {
            match files::replace(&self.directory.join(file(*image)), &book.used.to_json()) {
                Ok(()) => {
                    book.changed = false;
                    saved.push(*image);
                }
                Err(failure) => tracing::error!("what is in use is not kept: {failure}"),
            }
        }
        self.books.retain(|_, book| book.running > 0 || book.changed);
        saved
    }

    pub(super) fn take_complaints(&mut self) -> Vec<String> {
        std::mem::take(&mut self.complaints)
    }

    fn load(&mut self, image: Digest) -> Used {
        let path = self.directory.join(file(image));
        let read = files::read_optional(&path, MOST_USED_BYTES as u64);
        let read = read.map_err(|failure| failure.to_string()).and_then(|bytes| match bytes {
            None => Ok(None),
            Some(bytes) => Used::from_json(&bytes).map(Some).map_err(|error| error.to_string()),
        });
        match read {
            Ok(Some(used)) if used.image() == image => return used,
            Ok(None) => self.make_room(),
            Ok(Some(_)) => self.set_aside(&path, image, "it is about another image"),
            Err(why) => self.set_aside(&path, image, &why),
        }
        Used::new(image)
    }

    /// Damaged files are kept for people and begun anew: of what runs now nobody saw the start then.
    fn set_aside(&mut self, path: &Path, image: Digest, why: &str) {
        let _ = fs::rename(path, path.with_extension("damaged"));
        self.complaints.push(format!("what was in use of image {image} is lost: {why}"));
    }

    /// Removes what was not used for longest, until a new file has room. The server keeps it.
    fn make_room(&self) {
        let mut kept = kept(&self.directory);
        kept.retain(|(image, _)| !self.books.contains_key(image));
        kept.sort_by_key(|(_, changed)| *changed);
        let surplus = (kept.len() + self.books.len() + 1).saturating_sub(MOST_KEPT);
        for (image, _) in kept.into_iter().take(surplus) {
            let _ = fs::remove_file(self.directory.join(file(image)));
        }
    }
}

fn file(image: Digest) -> String {
    format!("{}.json", image.hex())
}

/// What is on disk of an image, and so is acknowledged.
pub(super) fn read(directory: &Path, image: Digest) -> Option<Vec<u8>> {
    files::read_optional(&directory.join(file(image)), MOST_USED_BYTES as u64).ok().flatten()
}

/// Everything on disk, with the time of its last change.
pub(super) fn kept(directory: &Path) -> Vec<(Digest, SystemTime)> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let images = entries.filter_map(|entry| {
        let image = Digest::from_hex(entry.file_name().to_str()?.strip_suffix(".json")?).ok()?;
        let changed = entry.metadata().and_then(|metadata| metadata.modified()).ok()?;
        Some((image, changed))
    });
    images.collect()
}

#[cfg(test)]
mod tests {
    use lazaret_model::{Execution, Mapping};
    use lazaret_sensor::Rung;

    use super::*;
    use crate::behaviour::testing::{execution, observation};

    const ONE: Replica = Replica(1);

    fn image(number: u16) -> Digest {
        let mut bytes = [0; 32];
        bytes[..2].copy_from_slice(&number.to_le_bytes());
        Digest::from_bytes(bytes)
    }

    fn paths(in_use: &InUse, image: Digest) -> Vec<String> {
        in_use.books[&image].used.files().map(|(path, _)| path.to_owned()).collect()
    }

    #[test]
    fn programs_libraries_and_interpreters_count_and_what_was_prevented_does_not() {
        let directory = tempfile::tempdir().unwrap();
        let mut in_use = InUse::open(directory.path()).unwrap();
        in_use.enter(image(1));
        let program = observation(Fact::Exec(execution("/usr/bin/a", FileOrigin::Image)));
        in_use.observe(image(1), ONE, &program, true);
        let mapping = Mapping {
            path: "/usr/lib/liba.so.1".to_owned(),
            digest: None,
            origin: FileOrigin::Image,
            as_program: false,
        };
        in_use.observe(image(1), ONE, &observation(Fact::Map(mapping)), false);
        let script = Execution {
            interpreter: Some("/usr/bin/dash".to_owned()),
            ..execution("/usr/bin/ldd", FileOrigin::Image)
        };
        in_use.observe(image(1), ONE, &observation(Fact::Exec(script.clone())), false);
        let relative = Execution { executable: "./run".to_owned(), ..script };
        in_use.observe(image(1), ONE, &observation(Fact::Exec(relative)), false);
        let refused = Observation {
            outcome: Outcome::Refused(Rung::Fanotify),
            ..observation(Fact::Exec(execution("/usr/bin/no", FileOrigin::Image)))
        };
        in_use.observe(image(1), ONE, &refused, false);
        assert_eq!(
            paths(&in_use, image(1)),
            ["/usr/bin/a", "/usr/bin/dash", "/usr/bin/ldd", "/usr/lib/liba.so.1"]
        );
        assert!(in_use.books[&image(1)].used.is_complete());
        let (_, watch) = in_use.books[&image(1)].used.containers().next().unwrap();
        assert!(watch.whole);

        let cut = Observation { incomplete: true, ..program };
        in_use.observe(image(1), ONE, &cut, false);
        let (_, watch) = in_use.books[&image(1)].used.containers().next().unwrap();
        assert!(!watch.whole, "what ran is not known");
    }

    #[test]
    fn what_was_saved_survives_and_is_written_only_if_it_changed() {
        let directory = tempfile::tempdir().unwrap();
        let mut in_use = InUse::open(directory.path()).unwrap();
        in_use.enter(image(1));
        in_use.observe(image(1), ONE, &observation(Fact::Exec(execution("/a", FileOrigin::Image))), true);
        assert_eq!(in_use.save(), [image(1)]);
        assert!(in_use.save().is_empty());
        in_use.leave(image(1));
        in_use.save();
        assert!(in_use.books.is_empty());
        drop(in_use);

        let mut in_use = InUse::open(directory.path()).unwrap();
        in_use.enter(image(1));
        assert_eq!(paths(&in_use, image(1)), ["/a"]);
        fs::write(directory.path().join(file(image(2))), "{").unwrap();
        in_use.enter(image(2));
        assert!(in_use.take_complaints()[0].contains("is lost"));
    }

    #[test]
    fn memory_and_disk_are_bounded() {
        let directory = tempfile::tempdir().unwrap();
        let mut in_use = InUse::open(directory.path()).unwrap();
        for number in 0..600 {
            in_use.enter(image(number));
            in_use.watched(image(number), ONE, 1);
            in_use.leave(image(number));
            in_use.save();
        }
        assert!(in_use.books.is_empty() && kept(directory.path()).len() == MOST_KEPT);
        for number in 0..300 {
            in_use.enter(image(number));
        }
        assert_eq!(in_use.books.len(), MOST_OPEN);
        assert_eq!(in_use.take_complaints().len(), 300 - MOST_OPEN);
    }
}
