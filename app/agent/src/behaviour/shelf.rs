//! What was learned, by image and variant: in memory for those that run, on disk for all.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use lazaret_profile::Subject;
use lazaret_profile::learn::{Learned, MOST_STORED_BYTES};

use crate::failure::Failure;
use crate::files;

/// Images and variants whose containers may run and be learned from at the same time.
const MOST_OPEN: usize = 64;
/// That are kept on disk.
const MOST_KEPT: usize = 256;
/// There while no agent runs, if the last one wrote down all that it had learned.
const COMPLETE: &str = "complete";

#[derive(Debug)]
pub struct Shelf {
    directory: PathBuf,
    books: BTreeMap<Subject, Book>,
    /// Subjects for which there was no room, told once each.
    turned_away: BTreeSet<Subject>,
    /// What could not be kept, one sentence each, until somebody asks.
    complaints: Vec<String>,
}

#[derive(Debug)]
struct Book {
    learned: Learned,
    changed: bool,
    /// Containers that are learned from now.
    readers: usize,
}

/// A file of what was learned, as the server calls it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Title {
    pub image_config: String,
    pub variant: String,
}

impl Title {
    pub fn of(subject: &Subject) -> Self {
        Self { image_config: subject.image.to_string(), variant: subject.variant.key() }
    }

    fn file(&self) -> String {
        let config = self.image_config.strip_prefix("sha256:").unwrap_or(&self.image_config);
        format!("{config}-{}.json", self.variant)
    }

    fn from_file(name: &str) -> Option<Self> {
        let (config, variant) = name.strip_suffix(".json")?.split_once('-')?;
        let is_hex =
            |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_title = is_hex(config, 64) && is_hex(variant, 32);
        is_title.then(|| Self { image_config: format!("sha256:{config}"), variant: variant.to_owned() })
    }

    /// What is on disk, and so is acknowledged.
    pub fn read(&self, directory: &Path) -> Option<Vec<u8>> {
        files::read_optional(&directory.join(self.file()), MOST_STORED_BYTES as u64).ok().flatten()
    }
}

impl Shelf {
    /// The second value says whether the last agent wrote down all that it had learned.
    pub fn open(directory: &Path) -> Result<(Self, bool), Failure> {
        files::create_private_directory(directory)?;
        let complete = directory.join(COMPLETE);
        let is_new = titles(directory).is_empty();
        let was_complete = is_new || complete.exists();
        match fs::remove_file(&complete) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Failure::write(&complete, error));
            }
            _ => {}
        }
        let shelf = Self {
            directory: directory.to_owned(),
            books: BTreeMap::new(),
            turned_away: BTreeSet::new(),
            complaints: Vec::new(),
        };
        Ok((shelf, was_complete))
    }

    /// A container begins to be learned from. False: there is no room, which is told.
    pub fn enter(&mut self, subject: &Subject) -> bool {
        if let Some(book) = self.books.get_mut(subject) {
            book.readers += 1;
            return true;
        }
        if self.books.len() >= MOST_OPEN {
            if self.turned_away.len() < MOST_KEPT && self.turned_away.insert(subject.clone()) {
                self.complaints.push(format!(
                    "nothing is learned of image {}: containers of {MOST_OPEN} other images are learned from now",
                    subject.image
                ));
            }
            return false;
        }
        let learned = self.load(subject);
        self.books.insert(subject.clone(), Book { learned, changed: false, readers: 1 });
        true
    }

    /// A container is no longer learned from.
    pub fn leave(&mut self, subject: &Subject) {
        if let Some(book) = self.books.get_mut(subject) {
            book.readers = book.readers.saturating_sub(1);
        }
    }

    /// For changing; `None`: nobody has entered.
    pub fn learned(&mut self, subject: &Subject) -> Option<&mut Learned> {
        let book = self.books.get_mut(subject)?;
        book.changed = true;
        Some(&mut book.learned)
    }

    /// Writes what changed, and puts away what nobody learns from. Answers with what is on disk anew.
    pub fn save(&mut self) -> Vec<Title> {
        let mut saved = Vec::new();
        for (subject, book) in self.books.iter_mut().filter(|(_, book)| book.changed) {
            let title = Title::of(subject);
            match files::replace(&self.directory.join(title.file()), &book.learned.to_json()) {
                Ok(()) => {
                    book.changed = false;
                    saved.push(title);
                }
                Err(failure) => tracing::error!("what was learned is not kept: {failure}"),
            }
        }
        self.books.retain(|_, book| book.readers > 0 || book.changed);
        saved
    }

    /// Writes everything; the next agent then knows that nothing is missing.
    pub fn close(mut self) -> Vec<Title> {
        let saved = self.save();
        if self.books.values().all(|book| !book.changed)
            && let Err(failure) = files::replace(&self.directory.join(COMPLETE), b"")
        {
            tracing::error!("{failure}");
        }
        saved
    }

    pub fn take_complaints(&mut self) -> Vec<String> {
        std::mem::take(&mut self.complaints)
    }

    fn load(&mut self, subject: &Subject) -> Learned {
        let title = Title::of(subject);
        let path = self.directory.join(title.file());
        let read = files::read_optional(&path, MOST_STORED_BYTES as u64);
        let read = read.map_err(|failure| failure.to_string()).and_then(|bytes| match bytes {
            None => Ok(None),
            Some(bytes) => Learned::from_json(&bytes).map(Some).map_err(|error| error.to_string()),
        });
        match read {
            Ok(Some(learned)) if *learned.subject() == *subject => return learned,
            Ok(None) => self.make_room(),
            Ok(Some(_)) => self.set_aside(&path, subject, "it is about another image"),
            Err(why) => self.set_aside(&path, subject, &why),
        }
        Learned::new(subject.clone())
    }

    /// Damaged files are kept for people and begun anew.
    fn set_aside(&mut self, path: &Path, subject: &Subject, why: &str) {
        let _ = fs::rename(path, path.with_extension("damaged"));
        self.complaints.push(format!("what was learned of image {} is lost: {why}", subject.image));
    }

    /// Removes what was not learned from for longest, until a new file has room.
    fn make_room(&mut self) {
        let mut kept = titles(&self.directory);
        kept.retain(|(title, _)| !self.books.keys().any(|subject| Title::of(subject) == *title));
        kept.sort_by_key(|(_, changed)| *changed);
        let surplus = (kept.len() + self.books.len() + 1).saturating_sub(MOST_KEPT);
        for (title, _) in kept.into_iter().take(surplus) {
            if fs::remove_file(self.directory.join(title.file())).is_ok() {
                self.complaints.push(format!(
                    "what was learned of image {} was dropped here: more than {MOST_KEPT} were learned from since",
                    title.image_config
                ));
            }
        }
    }
}

/// Everything on disk, with the time of its last change.
pub fn titles(directory: &Path) -> Vec<(Title, SystemTime)> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let titles = entries.filter_map(|entry| {
        let title = Title::from_file(entry.file_name().to_str()?)?;
        let changed = entry.metadata().and_then(|metadata| metadata.modified()).ok()?;
        Some((title, changed))
    });
    titles.collect()
}

#[cfg(test)]
mod tests {
    use lazaret_model::Digest;
    use lazaret_profile::learn::Replica;

    use super::*;
    use crate::behaviour::testing::profile;

    fn subject(number: u16) -> Subject {
        let mut bytes = [0; 32];
        bytes[..2].copy_from_slice(&number.to_le_bytes());
        Subject { image: Digest::from_bytes(bytes), ..profile().subject }
    }

    #[test]
    fn what_was_saved_survives_and_an_unclean_end_is_known() {
        let directory = tempfile::tempdir().unwrap();
        let (mut shelf, complete) = Shelf::open(directory.path()).unwrap();
        assert!(complete, "nothing was learned, so nothing is missing");
        assert!(shelf.enter(&subject(1)) && shelf.learned(&subject(2)).is_none());
        shelf.learned(&subject(1)).unwrap().started(Replica(5), 100, 3);
        assert_eq!(shelf.save(), [Title::of(&subject(1))]);
        assert!(shelf.save().is_empty());
        shelf.learned(&subject(1)).unwrap().started(Replica(5), 100, 4);
        drop(shelf);

        let (mut shelf, complete) = Shelf::open(directory.path()).unwrap();
        assert!(!complete);
        shelf.enter(&subject(1));
        assert_eq!(shelf.learned(&subject(1)).unwrap().counted(Replica(5)).starts, 3);
        shelf.close();
        assert!(Shelf::open(directory.path()).unwrap().1);
        assert!(!Shelf::open(directory.path()).unwrap().1, "it is asked once");
    }

    #[test]
    fn memory_and_disk_are_bounded_and_what_is_dropped_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let (mut shelf, _) = Shelf::open(directory.path()).unwrap();
        for number in 0..300 {
            assert!(shelf.enter(&subject(number)));
            shelf.learned(&subject(number)).unwrap().watched(Replica(1), 1);
            shelf.leave(&subject(number));
            shelf.save();
        }
        assert!(shelf.books.is_empty());
        assert_eq!(titles(directory.path()).len(), MOST_KEPT);
        assert_eq!(shelf.take_complaints().len(), 300 - MOST_KEPT);
        for number in 0..64 {
            assert!(shelf.enter(&subject(1000 + number)));
        }
        assert!(!shelf.enter(&subject(2000)) && !shelf.enter(&subject(2000)));
        let complaints = shelf.take_complaints();
        assert_eq!(complaints.iter().filter(|text| text.contains("nothing is learned")).count(), 1);
    }

    #[test]
    fn a_damaged_file_is_told_and_begun_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(Title::of(&subject(1)).file());
        std::fs::write(&path, "{").unwrap();
        let (mut shelf, _) = Shelf::open(directory.path()).unwrap();
        assert!(shelf.enter(&subject(1)));
        assert!(shelf.take_complaints()[0].contains("is lost"));
        assert!(path.with_extension("damaged").exists() && !path.exists());
        assert_eq!(Title::from_file("../../etc/passwd-0.json"), None);
    }
}
