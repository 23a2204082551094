use std::collections::{HashMap, HashSet};

use lazaret_advisory::{Builder, Database};
use lazaret_model::{DatabaseSnapshot, Digest, ImageReference};
use lazaret_source::{FoundArtifact, FoundContent, Registry};
use lazaret_trust::{Envelope, VerifyingKey};

use super::pack::{CONTENT, CREATED, FILE, KIND, PIECE, PIECE_DIGEST, WHOLE, sha256};
use super::partial::{MOST_PIECE, Partial, unpacked};
use super::{Exchange, checked, parse, registry, report, signature};
use crate::args::DatabaseArg;
use crate::commands::db::mega;
use crate::commands::db::store::{Writing, blocking};
use crate::failure::{Code, Failure, Outcome};
use crate::images::{open_database, source_failure};
use crate::progress::Progress;
use crate::settings::Settings;

/// Largest database that is taken, as it is and compressed.
const MOST: u64 = 8 << 30;

pub(in crate::commands::db) async fn pull(
    settings: &Settings,
    exchange: &Exchange,
    argument: DatabaseArg,
) -> Outcome {
    let reference = parse(&exchange.reference)?;
    let key = exchange.key.as_deref().map(super::public_key).transpose()?;
    let registry = registry(exchange)?;
    let progress = Progress::spinner(settings, format!("asking for {reference}"));
    let found = registry.find_artifact(&reference, KIND).await.map_err(|error| source_failure(&error))?;
    let named = reference.with_digest(found.manifest.digest);
    let envelopes = signatures(&registry, &named, &found, key.as_ref()).await?;
    if let Some(present) = unchanged(&argument, &found) {
        return report(
            settings,
            "unchanged",
            &named.to_string(),
            &present,
            &[("bytes", serde_json::json!(0))],
        );
    }
    let partial = Partial::of(&argument.db);
    let (wanted, present) = {
        let (contents, path, partial) = (found.contents.clone(), argument.clone(), partial.clone());
        blocking(move |_| Ok(missing(contents, &path, &partial))).await?
    };
    let size: u64 = wanted.iter().map(|content| content.size).sum();
    progress.say(format!("fetching {named} ({:.1} MB)", mega(size)));
    let mut pieces = present;
    let (mut failure, mut left) = (None, MOST);
    let mut take = |content: &FoundContent, compressed: Vec<u8>| {
        let kept = unpack(content, &compressed, left).and_then(|(digest, bytes)| {
            left = left.saturating_sub(bytes.len() as u64);
            if content.media_type == PIECE {
                partial.put(&digest, &bytes)?;
            }
            pieces.insert(digest, bytes);
            Ok(())
        });
        failure = kept.err();
        failure.is_none()
    };
    let fetched = registry.fetch_contents(&named, &wanted, MOST, &mut take).await;
    fetched.map_err(|error| {
        source_failure(&error).hint("what came is kept; the same command goes on where it ended")
    })?;
    failure.map_or(Ok(()), Err)?;
    let (subject, file) = (named.to_string(), found.annotations.get(FILE).cloned());
    let snapshot = blocking(move |cancel| {
        progress.say("putting the database together");
        let bytes = whole(&found, pieces, &subject)?;
        let digest = sha256(&bytes);
        let is_other = |expected: &String| *expected != digest.to_string();
        let database = checked(bytes, &subject)?;
        let content = found.annotations.get(CONTENT);
        if file.as_ref().is_some_and(is_other)
            || content.is_some_and(|content| *content != database.snapshot.digest.to_string())
        {
            return Err(Failure::input(format!("{subject} holds another database than its manifest says")));
        }
        let writing = Writing::begin(&argument, &progress, cancel)?;
        signature::put(&argument.db, &signature::about(digest, envelopes))?;
        writing.replace(&database.bytes)?;
        partial.remove();
        Ok(database.snapshot)
    })
    .await?;
    report(settings, "pulled", &named.to_string(), &snapshot, &[("bytes", serde_json::json!(size))])
}

/// The digest that a content is known by here: that of the piece, or its own. It becomes the name of a file: a manifest
/// can write anything there.
fn name_of(content: &FoundContent) -> String {
    let piece = content.annotations.get(PIECE_DIGEST).and_then(|digest| digest.parse::<Digest>().ok());
    piece.unwrap_or(content.digest).to_string()
}

/// The contents that are neither in the database here nor left from an earlier pull, and the pieces that are.
fn missing(
    mut contents: Vec<FoundContent>,
    argument: &DatabaseArg,
    partial: &Partial,
) -> (Vec<FoundContent>, HashMap<String, Vec<u8>>) {
    let names: HashSet<String> = contents.iter().map(name_of).collect();
    let mut present = partial.read(&|digest| names.contains(digest));
    if let Ok(database) = open_database(argument) {
        // What is damaged here is fetched.
        let _ = database.pieces(&mut |piece| {
            let digest = sha256(&piece).to_string();
            if names.contains(&digest) {
                present.insert(digest, piece);
            }
        });
    }
    let mut seen = HashSet::new();
    contents.retain(|content| {
        let name = name_of(content);
        !present.contains_key(&name) && seen.insert(name)
    });
    (contents, present)
}

fn unpack(content: &FoundContent, compressed: &[u8], left: u64) -> Result<(String, Vec<u8>), Failure> {
    let most = if content.media_type == WHOLE { left } else { MOST_PIECE.min(left) };
    let fail = |why: &dyn std::fmt::Display| {
        Failure::input(format!("the content {} is damaged: {why}", content.digest))
    };
    let bytes = unpacked(compressed, most).map_err(|error| fail(&error))?;
    let name = name_of(content);
    if content.media_type == PIECE && sha256(&bytes).to_string() != name {
        return Err(fail(&"it is another piece than its manifest says"));
    }
    Ok((name, bytes))
}

/// The database file: the one content, or all the pieces put together.
fn whole(
    found: &FoundArtifact,
    mut pieces: HashMap<String, Vec<u8>>,
    subject: &str,
) -> Result<Vec<u8>, Failure> {
    let fail =
        |why: &dyn std::fmt::Display| Failure::input(format!("{subject} cannot be put together: {why}"));
    let absent = || fail(&"a piece is not there");
    if let [content] = found.contents.as_slice()
        && content.media_type == WHOLE
    {
        return pieces.remove(&name_of(content)).ok_or_else(absent);
    }
    let built = found.annotations.get(CREATED).and_then(|created| created.parse().ok());
    let built = built.ok_or_else(|| fail(&"it does not say when it was built"))?;
    let (mut builder, mut size) = (Builder::new(), 0_u64);
    for content in &found.contents {
        if content.media_type != PIECE {
            return Err(fail(&format_args!("it has a content of the type {}", content.media_type)));
        }
        let bytes = pieces.remove(&name_of(content)).ok_or_else(absent)?;
        size = size.saturating_add(bytes.len() as u64);
        if size > MOST {
            return Err(fail(&format_args!("it has more than {MOST} bytes")));
        }
        let piece = Database::open(bytes).map_err(|error| fail(&error))?;
        piece.verify().map_err(|error| fail(&error))?;
        builder.keep_piece(&piece).map_err(|error| fail(&error))?;
    }
    builder.build(built).map_err(|error| fail(&error))
}

/// What lies beside the artifact; with a key, only if that signed it.
async fn signatures(
    registry: &Registry,
    named: &ImageReference,
    found: &FoundArtifact,
    key: Option<&VerifyingKey>,
) -> Result<Vec<Envelope>, Failure> {
    let attached = registry.attached(named).await;
    let (attached, problems) = match (attached, key) {
        (Ok(found), _) => found,
        (Err(error), Some(_)) => return Err(source_failure(&error)),
        // Nobody asked for a signature.
        (Err(error), None) => {
            tracing::warn!("beside {named}: {error}");
            return Ok(Vec::new());
        }
    };
    for problem in problems {
        tracing::warn!("beside {named}: {problem}");
    }
    let envelopes = signature::parse(attached.into_iter().map(|it| it.envelope));
    let Some(key) = key else { return Ok(envelopes) };
    // The file; or, as it was before there were pieces, the manifest that names it.
    let file = found.annotations.get(FILE).and_then(|file| file.parse::<Digest>().ok());
    let digests: Vec<Digest> = [found.manifest.digest].into_iter().chain(file).collect();
    if signature::is_signed(&envelopes, &digests, key) {
        return Ok(envelopes);
    }
    let message = match envelopes.len() {
        0 => format!("{named} is not signed"),
        count => format!(
            "{named} is not signed with the key {}: {count} other statements lie beside it",
            key.key_id()
        ),
    };
    Err(Failure::new(Code::Refused, message)
        .hint("the database here is unchanged; whoever keeps that one signs it with `lazaret db push --key`"))
}

/// The database here, if it is the one that the artifact says that it holds.
fn unchanged(argument: &DatabaseArg, found: &FoundArtifact) -> Option<DatabaseSnapshot> {
    let present = open_database(argument).ok()?.snapshot();
    let is_same = match found.annotations.get(FILE) {
        Some(file) => sha256(&std::fs::read(&argument.db).ok()?).to_string() == *file,
        None => present.digest.to_string() == *found.annotations.get(CONTENT)?,
    };
    is_same.then_some(present)
}
