use std::time::Instant;

use lazaret_store::{Store, View};
use lazaret_trust::log::{Checkpoint, LogKey, Tree, verify_log};

use super::directory::StateDirectory;
use crate::commit::Ledger;
use crate::error::ServeError;

/// The private key that checkpoints are signed with.
pub(super) const KEY: &str = "log.key";
/// The public one, for those who verify.
pub(super) const PUBLIC: &str = "log.pub";

/// Entries read at once.
const PAGE: u32 = 10_000;

/// Entries that are looked through again, with every checkpoint, to say where a broken log is broken.
const NAMEABLE: u64 = 1_000_000;

/// Name of the log of a server.
pub(super) fn origin(server_id: &str) -> String {
    format!("lazaret/{server_id}")
}

/// Hashes the whole log and compares it with the newest checkpoint; answers with the public key's text.
///
/// A log that is broken does not keep the server from starting: hosts still have to be heard. It is closed.
pub(super) async fn open(
    directory: &StateDirectory,
    store: &Store,
    server_id: &str,
) -> Result<(Ledger, String), ServeError> {
    let published = directory.read(PUBLIC)?.unwrap_or_default();
    let pem = directory.read(KEY)?;
    let Some(pem) = pem else {
        let why = format!("its key {} is gone, so nothing can be signed", directory.file(KEY).display());
        return Ok((Ledger::Closed { why }, published.trim().to_owned()));
    };
    let key = match LogKey::from_pem(&origin(server_id), &pem) {
        Ok(key) => key,
        Err(error) => {
            let why = format!("its key {} is not usable: {error}", directory.file(KEY).display());
            return Ok((Ledger::Closed { why }, published.trim().to_owned()));
        }
    };
    let public = key.verifier().to_string();
    if published.trim().is_empty() {
        directory.write(PUBLIC, 0o644, &format!("{public}\n"))?;
    } else if published.trim() != public {
        let why = format!(
            "{} and {} do not belong together",
            directory.file(KEY).display(),
            directory.file(PUBLIC).display()
        );
        return Ok((Ledger::Closed { why }, published.trim().to_owned()));
    }
    let mut read = store.read().await?;
    let mut view = read.view();
    let begun = Instant::now();
    let ledger = match hash_all(&mut view, &key).await? {
        Ok(tree) => {
            tracing::info!(entries = tree.size(), took = ?begun.elapsed(), "the audit log is whole");
            Ledger::Open { tree, key: Box::new(key) }
        }
        Err(why) => Ledger::Closed { why: name_the_break(&mut view, &key, why).await? },
    };
    Ok((ledger, public))
}

async fn hash_all(view: &mut View<'_>, key: &LogKey) -> Result<Result<Tree, String>, ServeError> {
    let Some((size, note)) = view.newest_checkpoint().await? else {
        return Ok(Err("its checkpoints are gone".to_owned()));
    };
    let checkpoint = match Checkpoint::verify(&note, key.verifier()) {
        Ok(checkpoint) if checkpoint.size == size => checkpoint,
        Ok(_) => return Ok(Err("its newest checkpoint is filed under another size".to_owned())),
        Err(error) => return Ok(Err(format!("its newest checkpoint is not believed: {error}"))),
    };
    let mut tree = Tree::new();
    loop {
        let leaves = view.audit_leaves(tree.size(), PAGE).await?;
        if leaves.is_empty() {
            break;
        }
        for leaf in &leaves {
            if leaf.index != tree.size() {
                return Ok(Err(format!("entry {} is missing", tree.size())));
            }
            tree.push(leaf.leaf.as_bytes());
        }
    }
    if tree.size() != checkpoint.size {
        let why =
            format!("it has {} entries, and its newest checkpoint signs {}", tree.size(), checkpoint.size);
        return Ok(Err(why));
    }
    if tree.root() != checkpoint.root {
        return Ok(Err("its entries are not those that its newest checkpoint signs".to_owned()));
    }
    Ok(Ok(tree))
}

/// Says it as precisely as all checkpoints together can prove it.
async fn name_the_break(view: &mut View<'_>, key: &LogKey, known: String) -> Result<String, ServeError> {
    if view.audit_size().await? > NAMEABLE {
        return Ok(known);
    }
    let mut leaves: Vec<String> = Vec::new();
    let mut from = 0;
    loop {
        let page = view.audit_leaves(from, PAGE).await?;
        let Some(last) = page.last() else { break };
        from = last.index + 1;
        leaves.extend(page.into_iter().map(|leaf| leaf.leaf));
    }
    let notes: Vec<String> = view.checkpoints(0, u32::MAX).await?.into_iter().map(|(_, note)| note).collect();
    Ok(match verify_log(&leaves, &notes, key.verifier()) {
        Err(broken) => broken.to_string(),
        Ok(_) => known,
    })
}
