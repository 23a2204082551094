use lazaret_advisory::{Coverage, Feed};
use lazaret_model::DatabaseSnapshot;

use crate::args::DatabaseArg;
use crate::failure::{Failure, Outcome};
use crate::images;
use crate::output::{BAD, Table, ago, print, print_json, short_digest};
use crate::settings::Settings;

pub(super) fn run(settings: &Settings, argument: &DatabaseArg) -> Outcome {
    let database = images::open_database(argument)?;
    let damaged = |error| Failure::input(format!("{}: {error}", argument.db.display()));
    let (snapshot, coverage) = (database.snapshot(), database.coverage().map_err(damaged)?);
    let feeds = database.feeds().map_err(damaged)?;
    let size =
        std::fs::metadata(&argument.db).map_err(|error| Failure::file("read", &argument.db, &error))?;
    if !settings.json() {
        return print(&render(settings, argument, &snapshot, size.len(), &feeds, &coverage));
    }
    let feeds: Vec<_> = feeds
        .iter()
        .map(|feed| {
            serde_json::json!({
                "name": feed.name, "source": feed.source.map(|digest| digest.to_string()), "read": feed.read,
                "problem": feed.problem, "advisories": feed.rows, "vulnerabilities": feed.vulnerabilities,
            })
        })
        .collect();
    let releases: Vec<_> = coverage
        .iter()
        .map(|of| {
            serde_json::json!({ "ecosystem": of.ecosystem.name(), "release": of.release, "packages": of.packages, "advisories": of.advisories })
        })
        .collect();
    print_json(&serde_json::json!({
        "file": argument.db.display().to_string(),
        "bytes": size.len(),
        "digest": snapshot.digest.to_string(),
        "built": snapshot.built,
        "advisories": snapshot.advisories,
        "feeds": feeds,
        "releases": releases,
    }))
}

fn render(
    settings: &Settings,
    argument: &DatabaseArg,
    snapshot: &DatabaseSnapshot,
    bytes: u64,
    feeds: &[Feed],
    coverage: &[Coverage],
) -> String {
    let (plain, now) = (anstyle::Style::new(), jiff::Timestamp::now());
    let names = ["FEED", "ADVISORIES", "VULNERABILITIES", "READ", "PROBLEM"];
    let mut of_feeds = Table::new(settings.color, settings.width, &names);
    for feed in feeds {
        let read = feed.read.as_ref().map_or("never".to_owned(), |read| format!("{} ago", ago(read, now)));
        of_feeds.row(vec![
            (feed.name.clone(), plain),
            (feed.rows.to_string(), plain),
            (feed.vulnerabilities.to_string(), plain),
            (read, plain),
            (feed.problem.clone().unwrap_or_default(), BAD),
        ]);
    }
    let names = ["RELEASE", "ECOSYSTEM", "PACKAGES", "ADVISORIES"];
    let mut of_releases = Table::new(settings.color, settings.width, &names);
    for of in coverage {
        let cells = [
            of.release.clone(),
            of.ecosystem.to_string(),
            of.packages.to_string(),
            of.advisories.to_string(),
        ];
        of_releases.row(cells.into_iter().map(|cell| (cell, plain)).collect());
    }
    format!(
        "{}  {}  {:.1} MB\nbuilt {} ago, {} advisories\n\n{}\n{}",
        argument.db.display(),
        short_digest(&snapshot.digest.to_string()),
        super::mega(bytes),
        ago(&snapshot.built, now),
        snapshot.advisories,
        of_feeds.render(),
        of_releases.render()
    )
}
