//! `lazaret db`: the advisory database as people keep it.

mod exchange;
mod import;
mod serve;
mod status;
mod store;
mod update;

use std::path::{Path, PathBuf};

use lazaret_model::Limits;

use crate::args::DbCommand;
use crate::failure::Outcome;
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings, command: DbCommand) -> Outcome {
    match command {
        DbCommand::Update { database, targets, all, root, trust_images, allow_older, cache, source } => {
            let cache = cache.unwrap_or_else(|| beside(&database.db, "cache"));
            let source = *source;
            let wish =
                update::Wish { database, targets, all, root, trust_images, allow_older, cache, source };
            update::run(settings, wish).await
        }
        DbCommand::Import { paths, name, again, database } => {
            import::run(settings, import::Wish { paths, name, again, database }).await
        }
        DbCommand::Status { database } => status::run(settings, &database),
        DbCommand::Export { out, database } => exchange::export(settings, &out, &database),
        DbCommand::Push { reference, key, database, registries } => {
            exchange::push(settings, &exchange::Exchange { reference, key, registries }, &database).await
        }
        DbCommand::Pull { reference, key, database, registries } => {
            exchange::pull(settings, &exchange::Exchange { reference, key, registries }, database).await
        }
        DbCommand::Serve { listen, key, database } => serve::run(settings, listen, key, database).await,
    }
}

/// Feeds are large, and a person waits for them.
fn import_limits() -> Limits {
    let time = std::time::Duration::from_secs(4 * 3600);
    Limits { file_bytes: 1 << 30, kept_bytes: 1 << 30, time, ..Limits::default() }
}

fn beside(path: &Path, name: &str) -> PathBuf {
    path.parent().unwrap_or_else(|| Path::new(".")).join(name)
}

#[expect(clippy::cast_precision_loss, reason = "one digit is shown")]
fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
