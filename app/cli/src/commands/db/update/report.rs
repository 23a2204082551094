use std::path::Path;
use std::time::Duration;

use lazaret_source::apt::AptFeed;
use lazaret_source::yum::{Vouched, YumFeed};

use super::Answers;
use super::yum::Saved;
use crate::commands::db::mega;
use crate::failure::{Code, Failure, Outcome};
use crate::output::{print, print_json, remark};
use crate::settings::Settings;

/// Says what became of every mirror; fails if a repository could not be had.
pub(super) fn print_all(
    settings: &Settings,
    database: &Path,
    answers: &Answers,
    saved: &[Saved],
    took: Duration,
) -> Outcome {
    remarks(settings, answers, saved);
    match settings.json() {
        true => print_json(&body(database, answers, saved, took))?,
        false => print(&lines(answers, saved, took))?,
    }
    let failed: Vec<&Saved> = saved.iter().filter(|it| it.problem.is_some()).collect();
    let [first, rest @ ..] = failed.as_slice() else { return Ok(()) };
    let more = if rest.is_empty() { String::new() } else { format!(" (and {} more failed)", rest.len()) };
    let message =
        format!("{} was not updated: {}", first.feed(), first.problem.as_deref().unwrap_or_default());
    Err(Failure::new(Code::Unreachable, message + &more).hint(
        "what was known of it before is unchanged, and `lazaret db status` shows the problem; try again when it answers",
    ))
}

fn remarks(settings: &Settings, answers: &Answers, saved: &[Saved]) {
    let mut all: Vec<String> = Vec::new();
    if let Some(AptFeed { skipped, problems, .. }) = &answers.apt {
        all.extend(skipped.iter().cloned().chain(problems.iter().map(ToString::to_string)));
    }
    if let Some(YumFeed { skipped, problems, untrusted, .. }) = &answers.yum {
        all.extend(skipped.iter().cloned().chain(problems.iter().map(ToString::to_string)));
        all.extend(
            untrusted.iter().map(|sentence| format!("{sentence}; --trust-images takes it nevertheless")),
        );
    }
    for of in saved {
        if of.repository.source.is_some() && of.repository.vouched == Vouched::Nothing {
            all.push(format!("{}: it came without TLS and without a signature", of.feed()));
        }
        let Some(updates) = &of.updates else { continue };
        all.extend(updates.problems.iter().take(3).map(|problem| format!("{}: {problem}", of.feed())));
        let passed = updates
            .passed_over
            .iter()
            .map(|(what, count)| format!("{}: {count} × {what} left out", of.feed()));
        all.extend(passed);
    }
    for text in all {
        remark(settings, &format!("note: {text}"));
    }
}

fn state(of: &Saved) -> &'static str {
    match (&of.problem, &of.updates) {
        (Some(_), _) => "failed",
        (None, Some(_)) => "updated",
        (None, None) => "unchanged",
    }
}

fn vouched(of: &Saved) -> &'static str {
    match of.repository.vouched {
        Vouched::Nothing => "nothing",
        Vouched::Transport => "transport",
        Vouched::Metalink => "metalink",
        Vouched::Signature => "signature",
    }
}

fn lines(answers: &Answers, saved: &[Saved], took: Duration) -> String {
    let mut text = String::new();
    for of in saved {
        let rows = of.updates.as_ref().map_or(String::new(), |updates| {
            format!(", {} advisories of {} updates", updates.advisories.len(), updates.updates)
        });
        text += &format!("{}: {}{rows}\n", of.feed(), state(of));
    }
    let seconds = took.as_secs_f64();
    match &answers.apt {
        Some(AptFeed { advisories, fetched, cached, bytes, .. }) => {
            text += &format!(
                "{} advisories from {} source packages ({fetched} fetched, {cached} known; {:.1} MB) in {seconds:.1} s\n",
                advisories.len(),
                fetched + cached,
                mega(*bytes)
            );
        }
        None => text += &format!("{} repositories in {seconds:.1} s\n", saved.len()),
    }
    text
}

fn body(database: &Path, answers: &Answers, saved: &[Saved], took: Duration) -> serde_json::Value {
    let repositories: Vec<_> = saved
        .iter()
        .map(|of| {
            serde_json::json!({
                "feed": of.feed(),
                "state": state(of),
                "vouched": vouched(of),
                "problem": of.problem,
                "updates": of.updates.as_ref().map(|updates| updates.updates),
                "advisories": of.updates.as_ref().map(|updates| updates.advisories.len()),
            })
        })
        .collect();
    let problems = answers.apt.iter().flat_map(|feed| &feed.problems);
    let problems = problems.chain(answers.yum.iter().flat_map(|feed| &feed.problems)).count();
    let rows: usize = saved.iter().filter_map(|of| of.updates.as_ref()).map(|it| it.advisories.len()).sum();
    let apt = answers.apt.as_ref();
    serde_json::json!({
        "database": database.display().to_string(),
        "advisories": apt.map_or(0, |feed| feed.advisories.len()) + rows,
        "sources": { "fetched": apt.map_or(0, |feed| feed.fetched), "cached": apt.map_or(0, |feed| feed.cached) },
        "bytes": apt.map_or(0, |feed| feed.bytes),
        "repositories": repositories,
        "problems": problems,
        "seconds": took.as_secs_f64(),
    })
}
