//! What was used, as it is kept and sent: JSON, the same bytes for the same knowledge.

use std::collections::{BTreeMap, BTreeSet};

use lazaret_model::Digest;
use serde::{Deserialize, Serialize};

use super::{MOST_CONTAINERS, MOST_FILES, MOST_NAMED, MOST_TEXT, MOST_TOUCHED, Seen, Used, Watch};
use crate::learn::Replica;

/// Most bytes of the stored form: all paths, escaped, with what is said of each.
pub const MOST_USED_BYTES: usize = 4 << 20;

const VERSION: u32 = 1;

/// Bytes that are not what was used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsedError {
    #[error("what was used takes {bytes} bytes, more than the {MOST_USED_BYTES} allowed")]
    Large { bytes: usize },
    #[error("what was used is of version {0}: this program reads {VERSION}")]
    Version(u32),
    #[error("what was used is not the JSON expected here: {0}")]
    Malformed(String),
    #[error("what was used holds {0} that cannot have been seen")]
    Impossible(&'static str),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    image: String,
    overflow: bool,
    /// Replica, since, last, whole.
    containers: Vec<(u64, i64, i64, bool)>,
    files: Vec<File>,
    touched: Vec<File>,
}

/// Path, first, last, replicas.
type File = (String, i64, i64, Vec<u64>);

#[derive(Deserialize)]
struct Written {
    version: u32,
}

impl Used {
    /// Writes the stored form.
    pub fn to_json(&self) -> Vec<u8> {
        let files = |files: &BTreeMap<String, Seen>| {
            let file = |(path, seen): (&String, &Seen)| {
                (path.clone(), seen.first, seen.last, seen.containers.iter().map(|one| one.0).collect())
            };
            files.iter().map(file).collect()
        };
        let document = Document {
            version: VERSION,
            image: self.image.to_string(),
            overflow: self.overflow,
            containers: self
                .containers
                .iter()
                .map(|(container, watch)| (container.0, watch.since, watch.last, watch.whole))
                .collect(),
            files: files(&self.files),
            touched: files(&self.touched),
        };
        serde_json::to_vec(&document).expect("strings and numbers always serialize")
    }

    /// Reads the stored form. What [`to_json`](Self::to_json) wrote comes back as it was.
    ///
    /// # Errors
    ///
    /// Whatever no agent can have seen is refused as a whole.
    pub fn from_json(bytes: &[u8]) -> Result<Self, UsedError> {
        if bytes.len() > MOST_USED_BYTES {
            return Err(UsedError::Large { bytes: bytes.len() });
        }
        let malformed = |error: serde_json::Error| {
            UsedError::Malformed(error.to_string().chars().filter(|c| !c.is_control()).take(160).collect())
        };
        let Written { version } = serde_json::from_slice(bytes).map_err(malformed)?;
        if version != VERSION {
            return Err(UsedError::Version(version));
        }
        read(serde_json::from_slice(bytes).map_err(malformed)?)
    }
}

fn read(document: Document) -> Result<Used, UsedError> {
    let image: Digest = document.image.parse().map_err(|_| UsedError::Impossible("an image"))?;
    let mut used = Used { overflow: document.overflow, ..Used::new(image) };
    if document.containers.len() > MOST_CONTAINERS {
        return Err(UsedError::Impossible("more containers"));
    }
    for (container, since, last, whole) in document.containers {
        let is_new = used.containers.insert(Replica(container), Watch { since, last, whole }).is_none();
        if !is_new || since > last {
            return Err(UsedError::Impossible("a container"));
        }
    }
    used.files = files(document.files, MOST_FILES)?;
    used.touched = files(document.touched, MOST_TOUCHED)?;
    used.text = used.files().chain(used.touched()).map(|(path, _)| path.len()).sum();
    match used.text > MOST_TEXT {
        true => Err(UsedError::Impossible("more paths")),
        false => Ok(used),
    }
}

fn files(list: Vec<File>, most: usize) -> Result<BTreeMap<String, Seen>, UsedError> {
    if list.len() > most {
        return Err(UsedError::Impossible("more files"));
    }
    let mut files = BTreeMap::new();
    for (path, first, last, replicas) in list {
        let named = replicas.len();
        let containers: BTreeSet<Replica> = replicas.into_iter().map(Replica).collect();
        let is_plain =
            is_path(&path) && first <= last && (1..=MOST_NAMED).contains(&named) && containers.len() == named;
        if !is_plain || files.insert(path, Seen { first, last, containers }).is_some() {
            return Err(UsedError::Impossible("a file"));
        }
    }
    Ok(files)
}

/// Absolute, and as the sensor writes paths.
pub(super) fn is_path(path: &str) -> bool {
    path.starts_with('/') && !path.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use lazaret_model::FileOrigin;
    use proptest::prelude::*;

    use super::*;

    fn used(steps: &[(u8, u64, i64, String)]) -> Used {
        let mut used = Used::new(Digest::from_bytes([7; 32]));
        for (what, container, at, path) in steps {
            let container = Replica(*container);
            match what {
                0 => used.started(container, *at),
                1 => used.missed(container, *at),
                2 => drop(used.watched(container, *at)),
                3 => drop(used.saw(container, *at, path, FileOrigin::Upper)),
                _ => drop(used.saw(container, *at, path, FileOrigin::Image)),
            }
        }
        used
    }

    fn steps() -> impl Strategy<Value = Vec<(u8, u64, i64, String)>> {
        prop::collection::vec((0..6_u8, 0..4_u64, any::<i64>(), "/?[a\\\\é\"\n]{0,3}"), 0..30)
    }

    #[test]
    fn the_stored_form_is_this() {
        let used = used(&[(0, 1, 5, String::new()), (4, 1, 6, "/usr/bin/a".to_owned())]);
        let json = String::from_utf8(used.to_json()).unwrap();
        let image = used.image();
        let expected = format!(
            r#"{{"version":1,"image":"{image}","overflow":false,"containers":[[1,5,5,true]],"files":[["/usr/bin/a",6,6,[1]]],"touched":[]}}"#
        );
        assert_eq!(json, expected);
        for (from, to) in [
            (r#""version":1"#, r#""version":2"#),
            ("[1,5,5,true]", "[1,5,4,true]"),
            ("[1,5,5,true]", "[1,5,5,true],[1,5,5,true]"),
            ("/usr", "usr"),
            ("6,6,[1]", "6,5,[1]"),
            ("6,6,[1]", "6,6,[]"),
            ("6,6,[1]", "6,6,[1,1]"),
            ("6,6,[1]", "6,6,[1,2,3,4,5,6,7,8,9]"),
            (r#""touched""#, r#""more":1,"touched""#),
        ] {
            let bad = json.replacen(from, to, 1);
            assert_ne!(bad, json);
            assert!(Used::from_json(bad.as_bytes()).is_err(), "{bad}");
        }
        let large = vec![b' '; MOST_USED_BYTES + 1];
        assert_eq!(Used::from_json(&large), Err(UsedError::Large { bytes: large.len() }));
    }

    proptest! {
        #[test]
        fn comes_back_as_it_was(steps in steps()) {
            let used = used(&steps);
            prop_assert_eq!(Used::from_json(&used.to_json()), Ok(used));
        }

        #[test]
        fn hostile_bytes_are_read_or_refused(
            steps in steps(),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
            noise in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let mut bytes = used(&steps).to_json();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            for bytes in [&bytes[..], &bytes[..at], &noise] {
                if let Ok(read) = Used::from_json(bytes) {
                    prop_assert_eq!(Used::from_json(&read.to_json()), Ok(read));
                }
            }
        }
    }
}
