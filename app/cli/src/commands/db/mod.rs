//! `lazaret db`: the advisory database as people keep it.

mod exchange;
mod import;
mod status;
mod store;
mod update;

use std::path::{Path, PathBuf};

use crate::args::DbCommand;
use crate::failure::Outcome;
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings, command: DbCommand) -> Outcome {
    match command {
        DbCommand::Update { database, targets, all, apt_root, cache, source } => {
            let cache = cache.unwrap_or_else(|| beside(&database.db, "cache"));
            update::run(settings, &update::Wish { database, targets, all, apt_root, cache, source: *source })
                .await
        }
        DbCommand::Import { paths, name, again, database } => {
            import::run(settings, import::Wish { paths, name, again, database }).await
        }
        DbCommand::Status { database } => status::run(settings, &database),
        DbCommand::Export { out, database } => exchange::export(settings, &out, &database),
        DbCommand::Push { reference, key, database, registries } => {
            exchange::push(settings, &reference, key.as_deref(), &database, &registries).await
        }
        DbCommand::Pull { reference, key, database, registries } => {
            exchange::pull(settings, &reference, key.as_deref(), database, &registries).await
        }
    }
}

fn beside(path: &Path, name: &str) -> PathBuf {
    path.parent().unwrap_or_else(|| Path::new(".")).join(name)
}

#[expect(clippy::cast_precision_loss, reason = "one digit is shown")]
fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
