//! Opening and scanning what people name on the command line.

use lazaret_advisory::Database;
use lazaret_model::{ImageReference, Limits};
use lazaret_pipeline::{Scan, ScanOptions};
use lazaret_source::{ErrorClass, OpenOptions, SourceError, Target};

use crate::args::{DatabaseArg, SourceArgs};
use crate::failure::{Code, Failure};
use crate::progress::Progress;
use crate::settings::Settings;

/// A scanned image and where it came from.
#[derive(Debug)]
pub(crate) struct Scanned {
    pub(crate) target: String,
    /// Where the image can be fetched by digest, when it came from a registry.
    pub(crate) reference: Option<ImageReference>,
    pub(crate) scan: Scan,
}

/// Opens the target and runs it through the stations, off the async threads.
pub(crate) async fn scan(
    settings: &Settings,
    target: &str,
    source: &SourceArgs,
    database: Option<std::sync::Arc<Database>>,
    options: ScanOptions,
) -> Result<Scanned, Failure> {
    let progress = Progress::spinner(settings, format!("reading {target}"));
    let parsed = Target::parse(target).map_err(|error| source_failure(&error))?;
    let limits = Limits::default();
    let open_options = OpenOptions {
        engine_socket: source.engine_socket.clone(),
        limits: limits.clone(),
        ..OpenOptions::from_environment()
    };
    let opened =
        lazaret_source::open(&parsed, &open_options).await.map_err(|error| source_failure(&error))?;
    let (reference, image, mut tree) = (opened.reference, opened.image, opened.tree);
    let work = move || lazaret_pipeline::scan(image, tree.as_mut(), database.as_deref(), &limits, options);
    let scan = tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Failure::new(Code::Internal, format!("scanning {target} broke off: {error}")))?
        .map_err(|error| {
            Failure::input(format!("the advisory database is damaged: {error}")).hint(REBUILD)
        })?;
    drop(progress);
    Ok(Scanned { target: target.to_owned(), reference, scan })
}

const REBUILD: &str = "build it anew with `lazaret db update`";

pub(crate) fn open_database(argument: &DatabaseArg) -> Result<Database, Failure> {
    let path = &argument.db;
    let file = std::fs::File::open(path)
        .map_err(|error| Failure::file("open the advisory database", path, &error).hint(REBUILD))?;
    let fail = |error: &lazaret_advisory::DatabaseError| {
        Failure::input(format!("{} is not a usable advisory database: {error}", path.display())).hint(REBUILD)
    };
    let database = Database::map(&file).map_err(|error| fail(&error))?;
    database.verify().map_err(|error| fail(&error))?;
    Ok(database)
}

pub(crate) fn source_failure(error: &SourceError) -> Failure {
    let code = match error.class() {
        ErrorClass::Usage => Code::Usage,
        ErrorClass::Input => Code::Input,
        ErrorClass::Unreachable => Code::Unreachable,
        ErrorClass::Unauthorized => Code::Unauthorized,
        ErrorClass::Local => Code::Local,
    };
    Failure::new(code, error).hint(error.remedy())
}
