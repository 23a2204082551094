//! The database on its way to others: as a file, and as an artifact in a registry.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use lazaret_advisory::{Database, DatabaseError};
use lazaret_model::{DatabaseSnapshot, ImageReference};
use lazaret_source::{Artifact, Attachment, FoundArtifact, Registry};
use lazaret_trust::{Envelope, Predicate, Statement, VerifyingKey};

use super::store::{Writing, blocking};
use crate::args::{DatabaseArg, RegistryArgs};
use crate::failure::{Code, Failure, Outcome};
use crate::images::{open_database, source_failure};
use crate::output::{print, print_json, short_digest};
use crate::progress::Progress;
use crate::settings::Settings;
use crate::{commands, files};

/// What the registry holds; the number is that of the database's format.
const KIND: &str = "application/vnd.lazaret.advisories.v2";
const MEDIA_TYPE: &str = "application/vnd.lazaret.advisories.v2+zstd";
/// Digest of the database's content: whether there is something new is told by the manifest alone.
const CONTENT: &str = "vnd.lazaret.advisories.content";
const CREATED: &str = "org.opencontainers.image.created";
const TITLE: &str = "org.opencontainers.image.title";
/// Largest database that is taken, as it is and compressed.
const MOST: u64 = 8 << 30;
/// Twice as fast to write as the next ones, and hardly larger.
const LEVEL: i32 = 9;

pub(super) fn export(settings: &Settings, out: &Path, argument: &DatabaseArg) -> Outcome {
    // Checked as a whole when it is opened.
    let snapshot = open_database(argument)?.snapshot();
    let bytes = std::fs::read(&argument.db).map_err(|error| Failure::file("read", &argument.db, &error))?;
    let copied = checked(bytes, &argument.db.display().to_string())?;
    files::replace(out, &copied.bytes, 0o644)?;
    report(settings, "exported", &out.display().to_string(), &snapshot, &[])
}

pub(super) async fn push(
    settings: &Settings,
    reference: &str,
    key: Option<&Path>,
    argument: &DatabaseArg,
    registries: &RegistryArgs,
) -> Outcome {
    let reference = parse(reference)?;
    let key = key.map(commands::key::read).transpose()?;
    let snapshot = open_database(argument)?.snapshot();
    let _progress = Progress::spinner(settings, format!("storing the database as {reference}"));
    let path = argument.db.clone();
    let content = blocking(move |_| {
        let file = std::fs::File::open(&path).map_err(|error| Failure::file("read", &path, &error))?;
        zstd::encode_all(file, LEVEL).map_err(|error| Failure::file("compress", &path, &error))
    })
    .await?;
    let annotations = BTreeMap::from([
        (CONTENT.to_owned(), snapshot.digest.to_string()),
        (CREATED.to_owned(), snapshot.built.clone()),
        (TITLE.to_owned(), "advisories.lzdb".to_owned()),
    ]);
    let artifact =
        Artifact { kind: KIND, media_type: MEDIA_TYPE, content: &content, annotations: &annotations };
    let registry = registry(registries)?;
    let manifest =
        registry.push_artifact(&reference, &artifact).await.map_err(|error| source_failure(&error))?;
    if let Some(key) = &key {
        let statement = Statement::about(&reference.name(), manifest.digest, Predicate::Signature);
        let envelope = statement
            .sign(key)
            .map_err(|error| Failure::new(Code::Internal, format!("cannot sign the database: {error}")))?
            .to_json();
        let attachment =
            Attachment { envelope: &envelope, predicate_type: statement.predicate.predicate_type() };
        let named = reference.with_digest(manifest.digest);
        registry.attach(&named, &manifest, &[attachment]).await.map_err(|error| source_failure(&error))?;
    }
    let named = reference.with_digest(manifest.digest).to_string();
    let more = [
        ("bytes", serde_json::json!(content.len())),
        ("keyId", serde_json::json!(key.as_ref().map(|key| key.key_id()))),
    ];
    report(settings, if key.is_some() { "signed and pushed" } else { "pushed" }, &named, &snapshot, &more)
}

pub(super) async fn pull(
    settings: &Settings,
    reference: &str,
    key: Option<&Path>,
    argument: DatabaseArg,
    registries: &RegistryArgs,
) -> Outcome {
    let reference = parse(reference)?;
    let key = key.map(public_key).transpose()?;
    let registry = registry(registries)?;
    let progress = Progress::spinner(settings, format!("asking for {reference}"));
    let found = registry.find_artifact(&reference, KIND).await.map_err(|error| source_failure(&error))?;
    let named = reference.with_digest(found.manifest.digest);
    if let Some(key) = &key {
        check_signature(&registry, &named, &found, key).await?;
    }
    if let Some(present) = unchanged(&argument, &found) {
        return report(
            settings,
            "unchanged",
            &named.to_string(),
            &present,
            &[("bytes", serde_json::json!(0))],
        );
    }
    progress.say(format!("fetching {named} ({:.1} MB)", super::mega(found.size)));
    let compressed =
        registry.fetch_artifact(&named, &found, MOST).await.map_err(|error| source_failure(&error))?;
    let (subject, size) = (named.to_string(), compressed.len());
    let expected = found.annotations.get(CONTENT).cloned();
    let snapshot = blocking(move |cancel| {
        let database = checked(unpacked(&compressed, &subject)?, &subject)?;
        if expected.is_some_and(|expected| expected != database.snapshot.digest.to_string()) {
            return Err(Failure::input(format!("{subject} holds another database than its manifest says")));
        }
        Writing::begin(&argument, &progress, cancel)?.replace(&database.bytes)?;
        Ok(database.snapshot)
    })
    .await?;
    report(settings, "pulled", &named.to_string(), &snapshot, &[("bytes", serde_json::json!(size))])
}

/// A database file that holds what it says.
pub(super) struct Checked {
    pub(super) bytes: Vec<u8>,
    pub(super) snapshot: DatabaseSnapshot,
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

async fn check_signature(
    registry: &Registry,
    named: &ImageReference,
    found: &FoundArtifact,
    key: &VerifyingKey,
) -> Outcome {
    let (attached, problems) = registry.attached(named).await.map_err(|error| source_failure(&error))?;
    for problem in problems {
        tracing::warn!("beside {named}: {problem}");
    }
    let envelopes: Vec<_> =
        attached.iter().filter_map(|it| Envelope::parse(&it.envelope, 1 << 20).ok()).collect();
    // Statements about a configuration count for images alone, and a signature is none.
    let digest = found.manifest.digest;
    let keys = std::slice::from_ref(key);
    let proven = lazaret_trust::evidence(&named.name(), digest, digest, &envelopes, keys);
    if proven.evidence.signed {
        return Ok(());
    }
    let count = envelopes.len();
    let message = match count {
        0 => format!("{named} is not signed"),
        _ => format!(
            "{named} is not signed with the key {}: {count} other statements lie beside it",
            key.key_id()
        ),
    };
    Err(Failure::new(Code::Refused, message)
        .hint("the database here is unchanged; whoever keeps that one signs it with `lazaret db push --key`"))
}

/// The database here, if it holds what the artifact says that it holds.
fn unchanged(argument: &DatabaseArg, found: &FoundArtifact) -> Option<DatabaseSnapshot> {
    let content = found.annotations.get(CONTENT)?;
    let present = open_database(argument).ok()?.snapshot();
    (present.digest.to_string() == *content).then_some(present)
}

fn unpacked(compressed: &[u8], subject: &str) -> Result<Vec<u8>, Failure> {
    let fail = |error: &std::io::Error| Failure::input(format!("{subject} is damaged: {error}"));
    let decoder = zstd::stream::read::Decoder::with_buffer(compressed).map_err(|error| fail(&error))?;
    let mut bytes = Vec::new();
    decoder.take(MOST).read_to_end(&mut bytes).map_err(|error| fail(&error))?;
    Ok(bytes)
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

fn registry(registries: &RegistryArgs) -> Result<Registry, Failure> {
    Registry::new(registries.options()).map_err(|error| source_failure(&error))
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
