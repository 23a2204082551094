use std::path::Path;

use lazaret_advisory::{Builder, Database};
use lazaret_model::{Advisory, Limits};

use crate::args::{DatabaseArg, DbCommand};
use crate::failure::{Failure, Outcome};
use crate::output::{Table, ago, print, print_json, remark, short_digest};
use crate::settings::Settings;
use crate::{files, images};

mod update;

pub(crate) async fn run(settings: &Settings, command: DbCommand) -> Outcome {
    match command {
        DbCommand::Update { database, targets, all, apt_root, cache, source } => {
            let cache = cache.unwrap_or_else(|| beside(&database.db, "cache"));
            update::run(settings, &update::Wish { database, targets, all, apt_root, cache, source }).await
        }
        DbCommand::Import { files, database } => import(settings, &files, &database),
        DbCommand::Status { database } => status(settings, &database),
    }
}

fn beside(path: &Path, name: &str) -> std::path::PathBuf {
    path.parent().unwrap_or_else(|| Path::new(".")).join(name)
}

fn import(settings: &Settings, files: &[std::path::PathBuf], argument: &DatabaseArg) -> Outcome {
    let mut advisories = Vec::new();
    for file in files {
        let bytes = std::fs::read(file).map_err(|error| Failure::file("read", file, &error))?;
        let feed = lazaret_advisory::feed::osv::parse(&bytes, &Limits::default()).map_err(|error| {
            Failure::input(format!("{}: {error}", file.display()))
                .hint("the format is OSV JSON, one document or an array")
        })?;
        for (ecosystem, count) in &feed.unknown_ecosystems {
            remark(
                settings,
                &format!(
                    "{}: {count} entries for {ecosystem} are left out: not supported yet",
                    file.display()
                ),
            );
        }
        for problem in &feed.problems {
            remark(settings, &format!("{}: {problem}", file.display()));
        }
        advisories.extend(feed.advisories);
    }
    let added = advisories.len();
    store(argument, advisories, |_| false)?;
    if settings.json() {
        return print_json(&serde_json::json!({ "added": added }));
    }
    print(&format!("{added} advisories added to {}\n", argument.db.display()))
}

/// Writes a new database of these advisories and of those in the present one that they don't supersede.
fn store(
    argument: &DatabaseArg,
    advisories: Vec<Advisory>,
    superseded: impl Fn(&Advisory) -> bool,
) -> Outcome {
    let mut builder = Builder::new();
    if argument.db.exists() {
        let present = images::open_database(argument)?;
        for advisory in present.advisories() {
            let advisory =
                advisory.map_err(|error| Failure::input(format!("{}: {error}", argument.db.display())))?;
            if !superseded(&advisory) {
                builder.push(advisory);
            }
        }
    }
    for advisory in advisories {
        builder.push(advisory);
    }
    let bytes = builder
        .build(jiff::Timestamp::now())
        .map_err(|error| Failure::input(format!("cannot build the database: {error}")))?;
    files::replace(&argument.db, &bytes, 0o644)
}

fn status(settings: &Settings, argument: &DatabaseArg) -> Outcome {
    let database = images::open_database(argument)?;
    let snapshot = database.snapshot();
    let coverage =
        database.coverage().map_err(|error| Failure::input(format!("{}: {error}", argument.db.display())))?;
    if settings.json() {
        let releases: Vec<_> = coverage
            .iter()
            .map(|of| serde_json::json!({ "ecosystem": of.ecosystem.name(), "release": of.release, "packages": of.packages, "advisories": of.advisories }))
            .collect();
        return print_json(&serde_json::json!({
            "file": argument.db.display().to_string(),
            "digest": snapshot.digest.to_string(),
            "built": snapshot.built,
            "advisories": snapshot.advisories,
            "releases": releases,
        }));
    }
    print(&render_status(settings, argument, &database, &coverage))
}

fn render_status(
    settings: &Settings,
    argument: &DatabaseArg,
    database: &Database,
    coverage: &[lazaret_advisory::Coverage],
) -> String {
    let snapshot = database.snapshot();
    let plain = anstyle::Style::new();
    let mut table = Table::new(
        settings.color,
        settings.width,
        &["RELEASE", "ECOSYSTEM", "SOURCE PACKAGES", "ADVISORIES"],
    );
    for of in coverage {
        let cells = [
            of.release.clone(),
            of.ecosystem.to_string(),
            of.packages.to_string(),
            of.advisories.to_string(),
        ];
        table.row(cells.into_iter().map(|cell| (cell, plain)).collect());
    }
    format!(
        "{}  {}\nbuilt {} ago, {} advisories\n\n{}",
        argument.db.display(),
        short_digest(&snapshot.digest.to_string()),
        ago(&snapshot.built, jiff::Timestamp::now()),
        snapshot.advisories,
        table.render()
    )
}
