//! What one profile says that another does not.

use std::collections::BTreeSet;

use crate::profile::Profile;

/// One line that is in one of two profiles only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Where it stands: `processes`, `network.connect`.
    pub section: String,
    /// The entry, as the text form writes it.
    pub entry: String,
    pub side: Side,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Only the old profile has it.
    Removed,
    /// Only the new profile has it.
    Added,
}

/// What changed from one profile to another, section by section. What they are about is no change.
pub fn diff(old: &Profile, new: &Profile) -> Vec<Change> {
    let (old, new) = (lines(old), lines(new));
    let side = |from: &[Line], other: &[Line], side| -> Vec<Change> {
        let other: BTreeSet<&Line> = other.iter().collect();
        let only = from.iter().filter(|line| !other.contains(line));
        only.map(|(section, entry)| Change { section: section.clone(), entry: entry.clone(), side }).collect()
    };
    let mut changes = side(&old, &new, Side::Removed);
    changes.extend(side(&new, &old, Side::Added));
    let places: Vec<&String> = old.iter().chain(&new).map(|(section, _)| section).collect();
    let order = |change: &Change| places.iter().position(|section| **section == change.section);
    // Entries that differ in little stand side by side.
    changes.sort_by_cached_key(|change| (order(change), change.entry.clone(), change.side));
    changes
}

pub(crate) type Line = (String, String);

/// The entries of a profile with their sections, as the text form has them.
pub(crate) fn lines(profile: &Profile) -> Vec<Line> {
    let text = profile.text();
    let mut lines = Vec::new();
    let (mut section, mut part) = ("", String::new());
    for line in text.lines() {
        if let Some(entry) = line.trim_start().strip_prefix("- ") {
            let place = if part.is_empty() { section.to_owned() } else { format!("{section}.{part}") };
            lines.push((place, entry.to_owned()));
            continue;
        }
        let inner = line.strip_prefix("  ");
        let Some((key, value)) = inner.unwrap_or(line).split_once(':') else { continue };
        match (inner, value.trim()) {
            (None, "") => (section, part) = (key, String::new()),
            (None, value) if !matches!(key, "version" | "image") => {
                lines.push((key.to_owned(), value.to_owned()))
            }
            (None, _) => {}
            (Some(_), "") => key.clone_into(&mut part),
            (Some(_), value) => lines.push((format!("{section}.{key}"), value.to_owned())),
        }
    }
    lines
}
