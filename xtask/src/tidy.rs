//! The rules of the house as a program: it reads `cargo metadata` and the tracked files, and says where they
//! differ from the plan.

mod arrows;
mod linked;
mod links;
mod purity;
mod sources;

use std::fmt;
use std::path::Path;
use std::process::Command;

use crate::cargo;

/// One departure from the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    level: Level,
    /// File (with line) or crate.
    place: String,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    /// Fails the run.
    Error,
    /// Is only said.
    Warning,
}

impl Complaint {
    fn error(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self { level: Level::Error, place: place.into(), text: text.into() }
    }

    fn warning(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self { level: Level::Warning, place: place.into(), text: text.into() }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Error => "error",
            Level::Warning => "warning",
        };
        write!(f, "{level}: {}: {}", self.place, self.text)
    }
}

/// Prints every complaint; `Ok(true)` when none of them is an error.
pub(crate) fn run(root: &Path) -> Result<bool, String> {
    let workspace = cargo::workspace(root)?;
    let files = tracked_files(root)?;
    let mut complaints = arrows::check(&workspace);
    complaints.extend(purity::check(root, &workspace));
    complaints.extend(linked::check(&cargo::linked(root)?));
    complaints.extend(sources::check(&files));
    complaints.extend(links::check(&files));
    for complaint in &complaints {
        println!("{complaint}");
    }
    let errors = complaints.iter().filter(|complaint| complaint.level == Level::Error).count();
    let warnings = complaints.len() - errors;
    let crates = workspace.crates.len();
    println!("tidy: {crates} crates, {} files, {errors} errors, {warnings} warnings", files.len());
    Ok(errors == 0)
}

/// A text file that git knows, or would take.
#[derive(Debug)]
pub(crate) struct TrackedFile {
    /// Relative to the root.
    path: String,
    text: String,
}

fn tracked_files(root: &Path) -> Result<Vec<TrackedFile>, String> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("cannot run git: {error}"))?;
    if !output.status.success() {
        return Err(format!("`git ls-files` failed: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    let names = String::from_utf8_lossy(&output.stdout);
    let mut files = Vec::new();
    for path in names.split('\0').filter(|name| !name.is_empty()) {
        // Deleted but still in the index, or not text: neither has words in it.
        if let Ok(text) = std::fs::read_to_string(root.join(path)) {
            files.push(TrackedFile { path: path.to_owned(), text });
        }
    }
    Ok(files)
}
