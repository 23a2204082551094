//! Opening and scanning what people name on the command line.

use std::path::Path;
use std::sync::Arc;

use lazaret_advisory::Database;
use lazaret_model::{ImageReference, Limits, SubjectKind};
use lazaret_pipeline::{Scan, ScanOptions, Subject};
use lazaret_source::{Cache, ErrorClass, OpenOptions, Source, SourceError, Target};

use crate::args::{DatabaseArg, SourceArgs};
use crate::cache;
use crate::failure::{Code, Failure};
use crate::progress::Progress;
use crate::settings::Settings;

/// Something that was scanned, and where it came from.
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
    cache: Option<&Cache>,
    database: Option<Arc<Database>>,
    options: ScanOptions,
) -> Result<Scanned, Failure> {
    let _progress = Progress::spinner(settings, format!("reading {target}"));
    if let Some(path) = target.strip_prefix("sbom:") {
        return read_bill(target, Path::new(path), database).await;
    }
    let parsed = Target::parse(target).map_err(|error| source_failure(&error))?;
    let open_options = OpenOptions { cache: cache.cloned(), ..source.options() };
    let limits = open_options.limits.clone();
    let opened = match lazaret_source::open(&parsed, &open_options).await {
        Ok(opened) => opened,
        // A file that is no archive of an image may be a bill of material.
        Err(error) => {
            let path = Path::new(target);
            return match is_document(path) {
                true => read_bill(target, path, database).await,
                false => Err(not_found(&parsed, &error)),
            };
        }
    };
    let subject = match (opened.image, opened.source) {
        (Some(image), _) => Subject::Image(Box::new(image)),
        (None, Source::RootFileSystem) => Subject::Other(SubjectKind::RootFileSystem, open_options.platform),
        (None, _) => Subject::Other(SubjectKind::Directory, open_options.platform),
    };
    let (reference, mut tree, identity, cache) =
        (opened.reference, opened.tree, opened.identity, cache.cloned());
    let work = move || {
        let catalog =
            cache::list(cache.as_ref(), identity.as_ref(), &subject, tree.as_mut(), &limits, options);
        lazaret_pipeline::matched(subject, catalog, database.as_deref())
    };
    let scan = blocking(target, work).await?.map_err(|error| damaged(&error))?;
    Ok(Scanned { target: target.to_owned(), reference, scan })
}

/// A name without a scheme was looked for in several places: the last one's error alone would mislead.
fn not_found(target: &Target, error: &SourceError) -> Failure {
    let failure = source_failure(error);
    match target {
        Target::Detect(text)
            if (error.is_of_registry() || matches!(error, SourceError::UnknownImage { .. }))
                && !Path::new(text).exists() =>
        {
            let message =
                format!("{text} is no file here and no image of an engine, and {}", failure.message);
            Failure { message, ..failure }
        }
        _ => failure,
    }
}

/// Whether a file begins as bills of material do: archives never begin so.
fn is_document(path: &Path) -> bool {
    use std::io::Read as _;
    let mut head = [0; 64];
    let read = std::fs::File::open(path).and_then(|mut file| file.read(&mut head));
    let head = head.get(..read.unwrap_or_default()).unwrap_or_default();
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    text.starts_with(b"{") || text.starts_with(b"SPDXVersion:") || text.starts_with(b"<")
}

async fn read_bill(target: &str, path: &Path, database: Option<Arc<Database>>) -> Result<Scanned, Failure> {
    let limits = Limits { document_bytes: 512 << 20, ..Limits::default() };
    let path = path.to_owned();
    let work = move || {
        let size = std::fs::metadata(&path).map_err(|error| Failure::file("read", &path, &error))?.len();
        if size > limits.document_bytes {
            return Err(Failure::input(format!(
                "{} has {size} bytes, more than the {} allowed",
                path.display(),
                limits.document_bytes
            )));
        }
        let bytes = std::fs::read(&path).map_err(|error| Failure::file("read", &path, &error))?;
        let inventory = lazaret_format::sbom::read(&bytes, &limits).map_err(|error| {
            Failure::input(format!("{}: {error}", path.display()))
                .hint("`lazaret sbom TARGET` writes one; an archive of an image is named as archive:FILE")
        })?;
        lazaret_pipeline::rescan(
            inventory.image,
            inventory.distribution,
            inventory.packages,
            inventory.problems,
            database.as_deref(),
        )
        .map_err(|error| damaged(&error))
    };
    let scan = blocking(target, work).await??;
    Ok(Scanned { target: target.to_owned(), reference: None, scan })
}

async fn blocking<T: Send + 'static>(
    target: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Failure::new(Code::Internal, format!("scanning {target} broke off: {error}")))
}

fn damaged(error: &lazaret_advisory::DatabaseError) -> Failure {
    Failure::input(format!("the advisory database is damaged: {error}")).hint(REBUILD)
}

const MAKE: &str = "`lazaret db update` makes one from the package mirrors of this machine, `lazaret db import FILE…` from \
    feeds, `lazaret db pull REFERENCE` takes one from a registry; --db or LAZARET_DB name one elsewhere";

const REBUILD: &str =
    "build it anew with `lazaret db update` or `lazaret db import`, or take one with `lazaret db pull`";

pub(crate) fn open_database(argument: &DatabaseArg) -> Result<Database, Failure> {
    let path = &argument.db;
    let file = std::fs::File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            let message = format!("there is no advisory database at {} yet", path.display());
            Failure::input(message).hint(MAKE)
        }
        _ => Failure::file("open the advisory database", path, &error),
    })?;
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
    Failure::new(code, error).hint(hint(error))
}

/// The library's remedy, with the options that carry it out.
fn hint(error: &SourceError) -> String {
    let options = match error {
        SourceError::EngineUnreachable { .. } => "--engine-socket or --podman-socket name another socket",
        SourceError::RegistryUnreachable { .. } => {
            "--ca-file trusts an authority of your own, --plain-http speaks without TLS, --mirror asks elsewhere"
        }
        SourceError::NoPlatform { .. } => "--platform names one",
        SourceError::TooLarge { .. } => "--max-layer, --max-file and --max-document raise them",
        _ => "",
    };
    let remedy = error.remedy();
    let remedy = remedy.trim_end_matches('.');
    let mut letters = remedy.chars();
    let first = letters.next().map(|letter| letter.to_ascii_lowercase());
    let sentence: String = first.into_iter().chain(letters).collect();
    if options.is_empty() { sentence } else { format!("{sentence}; {options}") }
}
