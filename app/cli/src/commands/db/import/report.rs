use std::path::Path;
use std::time::Duration;

use super::Done;
use super::source::{Counted, Source};
use crate::failure::{Failure, Outcome};
use crate::output::{print, print_json, remark};
use crate::settings::Settings;

/// Says what became of every source; fails if one of them could not be read.
pub(super) fn print_all(settings: &Settings, database: &Path, done: &Done, took: Duration) -> Outcome {
    if settings.json() {
        let sources: Vec<_> = done.sources.iter().map(body).collect();
        print_json(&serde_json::json!({
            "database": database.display().to_string(),
            "digest": done.snapshot.as_ref().map(|snapshot| snapshot.digest.to_string()),
            "advisories": done.snapshot.as_ref().map(|snapshot| snapshot.advisories),
            "sources": sources,
            "seconds": took.as_secs_f64(),
        }))?;
    } else {
        let lines: Vec<_> = done.sources.iter().map(|source| line(settings, source)).collect();
        let advisories = done.snapshot.as_ref().map_or(0, |snapshot| snapshot.advisories);
        let (file, seconds) = (database.display(), took.as_secs_f64());
        print(&format!("{}{advisories} advisories in {file}, {seconds:.1} s\n", lines.concat()))?;
    }
    let failed: Vec<&Source> = done.sources.iter().filter(|source| source.problem.is_some()).collect();
    let [first, rest @ ..] = failed.as_slice() else { return Ok(()) };
    let message = format!(
        "{} was not imported: {}",
        first.path.display(),
        first.problem.as_deref().unwrap_or_default()
    );
    let more = match rest.len() {
        0 => String::new(),
        more => format!(" (and {more} more files were not)"),
    };
    Err(Failure::input(message + &more).hint(
        "what was known of its feed before is unchanged, and `lazaret db status` shows the problem; fetch the file again, \
         or see the formats in `lazaret db import --help`",
    ))
}

fn state(source: &Source) -> &'static str {
    match (source.is_unchanged, &source.problem) {
        (true, _) => "unchanged",
        (_, Some(_)) => "failed",
        _ => "imported",
    }
}

fn line(settings: &Settings, source: &Source) -> String {
    let (path, told) = (source.path.display(), &source.told);
    if source.is_unchanged {
        return format!("{path}: unchanged\n");
    }
    if source.problem.is_some() {
        return format!("{path}: failed\n");
    }
    let note = |counted: &Counted, what: &str| {
        if let Some(first) = &counted.first {
            remark(settings, &format!("note: {path}: {} {what}; the first: {first}", counted.count));
        }
    };
    note(&told.unknown, "files have no format that is known");
    note(&told.unreadable, "documents could not be read");
    note(&told.problems, "parts were passed over");
    for (ecosystem, count) in &told.passed_over {
        remark(
            settings,
            &format!("note: {path}: {count} entries for {ecosystem} are left out: it is not supported"),
        );
    }
    let feeds: Vec<&str> = told.feeds.iter().map(String::as_str).collect();
    format!(
        "{path}: {} documents of {}: {} advisories, {} vulnerabilities, {} withdrawn\n",
        told.documents,
        feeds.join(" and "),
        told.advisories,
        told.vulnerabilities,
        told.withdrawn
    )
}

fn body(source: &Source) -> serde_json::Value {
    let told = &source.told;
    let counted = |of: &Counted| serde_json::json!({ "count": of.count, "first": of.first });
    serde_json::json!({
        "path": source.path.display().to_string(),
        "source": source.digest.to_string(),
        "state": state(source),
        "problem": source.problem,
        "feeds": told.feeds,
        "documents": told.documents,
        "advisories": told.advisories,
        "vulnerabilities": told.vulnerabilities,
        "withdrawn": told.withdrawn,
        "passedOver": told.passed_over,
        "unknown": counted(&told.unknown),
        "unreadable": counted(&told.unreadable),
        "problems": counted(&told.problems),
    })
}
