//! What was read of a source's changelog, kept by source and version.

use std::path::{Path, PathBuf};

use lazaret_advisory::feed::apt::{EXTRACTION, Fix};
use lazaret_version::deb;
use serde::{Deserialize, Serialize};

use super::error::AptError;

#[derive(Debug, Clone)]
pub(super) struct Cache {
    folder: PathBuf,
}

/// What is known of one version of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) version: String,
    /// `None`: none of its packages has a changelog.
    pub(super) fixes: Option<Vec<Fix>>,
}

/// A file of the cache.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Which reading of changelogs made it.
    extraction: u32,
    source: String,
    version: String,
    fixes: Option<Vec<FileFix>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileFix {
    id: String,
    fixed: Option<String>,
    published: Option<String>,
    summary: String,
}

impl Cache {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Names and versions are those of package lists, whose characters were checked.
    pub(super) fn get(&self, source: &str, version: &str) -> Option<Known> {
        let known = read(&self.path(source, version))?;
        (known.0 == source && known.1.version == version).then_some(known.1)
    }

    /// The newest other version that something is known of.
    pub(super) fn newest(&self, source: &str) -> Option<Known> {
        let start = format!("{source}_");
        let entries = std::fs::read_dir(&self.folder).ok()?;
        entries
            .flatten()
            .filter(|entry| {
                entry
                    .file_name()
                    .to_str()
                    .is_some_and(|name| name.starts_with(&start) && name.ends_with(".json"))
            })
            .filter_map(|entry| read(&entry.path()))
            .filter(|(name, known)| name == source && known.fixes.is_some())
            .map(|(_, known)| known)
            .max_by(|a, b| deb::compare(&a.version, &b.version))
    }

    pub(super) fn put(&self, source: &str, known: &Known) -> Result<(), AptError> {
        let path = self.path(source, &known.version);
        let fix = |fix: &Fix| {
            let Fix { id, fixed, published, summary } = fix.clone();
            FileFix { id, fixed, published, summary }
        };
        let file = File {
            extraction: EXTRACTION,
            source: source.to_owned(),
            version: known.version.clone(),
            fixes: known.fixes.as_ref().map(|fixes| fixes.iter().map(fix).collect()),
        };
        // A file is whole or it is not there.
        let unfinished = path.with_extension("new");
        serde_json::to_vec(&file)
            .map_err(std::io::Error::from)
            .and_then(|text| std::fs::write(&unfinished, text))
            .and_then(|()| std::fs::rename(&unfinished, &path))
            .map_err(AptError::file(&path))
    }

    fn path(&self, source: &str, version: &str) -> PathBuf {
        self.folder.join(format!("{source}_{}.json", version.replace(':', "%3a")))
    }
}

/// A file that cannot be read or is of another time counts as none: it is made again.
fn read(path: &Path) -> Option<(String, Known)> {
    let file: File = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    let fix =
        |fix: FileFix| Fix { id: fix.id, fixed: fix.fixed, published: fix.published, summary: fix.summary };
    let fixes = file.fixes.map(|fixes| fixes.into_iter().map(fix).collect());
    (file.extraction == EXTRACTION).then_some((file.source, Known { version: file.version, fixes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(version: &str) -> Known {
        let fix = Fix {
            id: "CVE-2024-0001".into(),
            fixed: Some(version.into()),
            published: None,
            summary: "überlauf".into(),
        };
        Known { version: version.into(), fixes: Some(vec![fix]) }
    }

    #[test]
    fn keeps_what_was_read_by_source_and_version() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().to_owned());
        assert_eq!(cache.get("foo", "1:1.0-1"), None);
        for version in ["1:1.0-9", "1:1.0-10", "1:1.0-1"] {
            cache.put("foo", &known(version)).unwrap();
        }
        cache.put("foo", &Known { version: "2:0".into(), fixes: None }).unwrap();
        cache.put("foo_bar", &known("9:9")).unwrap();
        assert_eq!(cache.get("foo", "1:1.0-1"), Some(known("1:1.0-1")));
        assert_eq!(cache.get("foo", "1:1.0-2"), None);
        assert_eq!(cache.get("foo", "2:0").unwrap().fixes, None);
        assert_eq!(cache.newest("foo"), Some(known("1:1.0-10")));
        assert_eq!(cache.newest("bar"), None);
    }

    #[test]
    fn a_damaged_or_old_file_counts_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().to_owned());
        cache.put("foo", &known("1.0")).unwrap();
        let path = folder.path().join("foo_1.0.json");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("\"extraction\":", "\"extraction\":9")).unwrap();
        assert_eq!(cache.get("foo", "1.0"), None);
        std::fs::write(&path, &text[..text.len() / 2]).unwrap();
        assert_eq!(cache.get("foo", "1.0"), None);
        assert_eq!(cache.newest("foo"), None);
    }
}
