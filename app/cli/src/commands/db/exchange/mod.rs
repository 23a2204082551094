//! The database on its way to others: as a file, and as an artifact in a registry.

mod pack;
mod partial;
mod pull;
mod signature;

use std::path::{Path, PathBuf};

use lazaret_advisory::{Database, DatabaseError};
use lazaret_model::{DatabaseSnapshot, ImageReference};
use lazaret_source::Registry;
use lazaret_trust::{Envelope, VerifyingKey};

use super::store::{Writing, blocking};
use crate::args::{DatabaseArg, RegistryArgs};
use crate::failure::{Code, Failure, Outcome};
use crate::images::{open_database, source_failure};
use crate::output::{print, print_json, short_digest};
use crate::progress::Progress;
use crate::settings::Settings;
use crate::{commands, files};

pub(super) use pack::{Compressed, Packed, sha256};
pub(super) use pull::pull;
pub(super) use signature::{attachments, beside, lines, place, put, sign};

/// Who gives or takes.
pub(super) struct Exchange {
    pub(super) reference: String,
    pub(super) key: Option<PathBuf>,
    pub(super) registries: RegistryArgs,
}

pub(super) fn export(settings: &Settings, out: &Path, argument: &DatabaseArg) -> Outcome {
    // Checked as a whole when it is opened.
    let snapshot = open_database(argument)?.snapshot();
    let bytes = std::fs::read(&argument.db).map_err(|error| Failure::file("read", &argument.db, &error))?;
    let copied = checked(bytes, &argument.db.display().to_string())?;
    put(out, &beside(&argument.db, sha256(&copied.bytes)))?;
    files::replace(out, &copied.bytes, 0o644)?;
    report(settings, "exported", &out.display().to_string(), &snapshot, &[])
}

/// A database file, with what lies beside it.
pub(super) struct Loaded {
    pub(super) packed: Packed,
    pub(super) envelopes: Vec<Envelope>,
}

/// Reads and packs a database, signs it if there is a key, and takes along who signed it before.
pub(super) fn load(
    path: &Path,
    bytes: Vec<u8>,
    key: Option<&lazaret_trust::SigningKey>,
    known: &Compressed,
) -> Result<Loaded, Failure> {
    let file = sha256(&bytes);
    let database = checked(bytes, &path.display().to_string())?;
    let packed = Packed::new(&database.database()?, file, path, known)?;
    let mut envelopes = beside(path, file);
    if let Some(key) = key {
        let own = sign(file, key)?;
        envelopes.retain(|envelope| *envelope != own);
        envelopes.push(own);
    }
    Ok(Loaded { packed, envelopes })
}

pub(super) async fn push(settings: &Settings, exchange: &Exchange, argument: &DatabaseArg) -> Outcome {
    let reference = parse(&exchange.reference)?;
    let key = exchange.key.as_deref().map(commands::key::read).transpose()?;
    let registry = registry(exchange)?;
    let key_id = key.as_ref().map(|key| key.key_id().to_owned());
    let progress = Progress::spinner(settings, format!("storing the database as {reference}"));
    let path = argument.db.clone();
    let Loaded { packed, envelopes } = blocking(move |_| {
        let bytes = std::fs::read(&path).map_err(|error| {
            Failure::file("open the advisory database", &path, &error)
                .hint("make one with `lazaret db update`")
        })?;
        load(&path, bytes, key.as_ref(), &Compressed::new())
    })
    .await?;
    let stored = registry
        .push_artifact(&reference, &packed.artifact())
        .await
        .map_err(|error| source_failure(&error))?;
    let named = reference.with_digest(stored.manifest.digest);
    if !envelopes.is_empty() {
        let texts: Vec<Vec<u8>> = envelopes.iter().map(Envelope::to_json).collect();
        let attached = registry.attach(&named, &stored.manifest, &attachments(&texts)).await;
        attached.map_err(|error| source_failure(&error))?;
    }
    if key_id.is_some() {
        let (argument, texts) = (argument.clone(), envelopes.clone());
        let keep = move |cancel: &std::sync::atomic::AtomicBool| {
            let _writing = Writing::begin(&argument, &progress, cancel)?;
            put(&argument.db, &texts)
        };
        // Who may only read the database here can push it nevertheless.
        if let Err(failure) = blocking(keep).await {
            tracing::warn!(
                "the signature was pushed, and is not kept beside the database: {}",
                failure.message
            );
        }
    }
    let more = [
        ("bytes", serde_json::json!(packed.size())),
        ("sent", serde_json::json!(stored.sent)),
        ("pieces", serde_json::json!(packed.contents.len())),
        ("keyId", serde_json::json!(key_id)),
    ];
    let done = if envelopes.is_empty() { "pushed" } else { "signed and pushed" };
    report(settings, done, &named.to_string(), &packed.snapshot, &more)
}

/// A database file that holds what it says.
pub(super) struct Checked {
    pub(super) bytes: Vec<u8>,
    pub(super) snapshot: DatabaseSnapshot,
}

impl Checked {
    fn database(self) -> Result<Database, Failure> {
        Database::open(self.bytes).map_err(|error| Failure::new(Code::Internal, error))
    }
}

/// Checks everything in a database file that comes in.
pub(super) fn checked(bytes: Vec<u8>, subject: &str) -> Result<Checked, Failure> {
    let fail = |error: DatabaseError| {
        Failure::input(format!("{subject} is not a usable advisory database: {error}"))
            .hint("the database here is unchanged; make or fetch that one again")
    };
    let database = Database::open(bytes.as_slice()).map_err(fail)?;
    database.verify().map_err(fail)?;
    let snapshot = database.snapshot();
    Ok(Checked { bytes, snapshot })
}

fn public_key(path: &Path) -> Result<VerifyingKey, Failure> {
    let pem = files::read_text(path, 64 << 10)?;
    VerifyingKey::from_pem(&pem).map_err(|error| {
        Failure::input(format!("{} is not a usable public key: {error}", path.display()))
            .hint("`lazaret key generate` writes it as lazaret.pub")
    })
}

fn parse(reference: &str) -> Result<ImageReference, Failure> {
    reference.parse().map_err(|error| {
        Failure::new(Code::Usage, error).hint(
            "name it as registry/repository:tag, for example registry.example.org/lazaret/advisories:latest",
        )
    })
}

fn registry(exchange: &Exchange) -> Result<Registry, Failure> {
    Registry::new(exchange.registries.options()).map_err(|error| source_failure(&error))
}

fn report(
    settings: &Settings,
    done: &str,
    place: &str,
    snapshot: &DatabaseSnapshot,
    more: &[(&str, serde_json::Value)],
) -> Outcome {
    if settings.json() {
        let mut body = serde_json::json!({
            "state": done, "place": place, "digest": snapshot.digest.to_string(),
            "built": snapshot.built, "advisories": snapshot.advisories,
        });
        if let Some(fields) = body.as_object_mut() {
            fields.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        }
        return print_json(&body);
    }
    print(&format!(
        "{done}: {place}\n{} advisories, {}\n",
        snapshot.advisories,
        short_digest(&snapshot.digest.to_string())
    ))
}
