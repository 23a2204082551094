use lazaret_store::{AuditLeaf, TokenKind, TokenRow, Writer};
use lazaret_trust::digest_of;
use lazaret_trust::log::{Checkpoint, LogKey, Tree};
use serde_json::json;

use super::directory::StateDirectory;
use super::ledger;
use crate::auth::new_secret;
use crate::clock;
use crate::error::ServeError;

pub(super) const SERVER_ID: &str = "server-id";
pub(super) const ADMIN_TOKEN: &str = "admin.token";

/// What a server is born with: an identity, a log key, the administrator's token, and the log's first entry.
///
/// Files first: with the commit they count, and until then the next start writes them anew or, the token,
/// takes them as they are.
pub(super) async fn first_start(
    directory: &StateDirectory,
    writer: &mut Writer,
) -> Result<String, ServeError> {
    let mut random = [0; 40];
    getrandom::fill(&mut random).map_err(|error| ServeError::Randomness(error.to_string()))?;
    let (id, seed) = random.split_at(8);
    let id = hex::encode(id);
    let seed = seed.try_into().map_err(|_| ServeError::Internal("a key has 32 bytes".to_owned()))?;
    let key = LogKey::from_random(&ledger::origin(&id), seed)
        .map_err(|error| ServeError::Internal(format!("a log key cannot be made: {error}")))?;
    directory.write(ledger::KEY, 0o600, &key.to_pem())?;
    let token = admin_token(directory)?;

    let now = clock::now();
    let mut write = writer.begin().await?;
    write.set_meta(SERVER_ID, &id).await?;
    let row = TokenRow {
        hash: digest_of(token.as_bytes()),
        kind: TokenKind::User,
        name: "admin".to_owned(),
        created: now.clone(),
        expires: None,
    };
    write.add_token(&row).await?;
    let data = json!({ "server": id, "version": env!("CARGO_PKG_VERSION") });
    let leaf = json!({ "seq": 0, "at": now, "kind": "server-created", "data": data }).to_string();
    let mut tree = Tree::new();
    tree.push(leaf.as_bytes());
    write.add_audit_leaves(&[AuditLeaf { index: 0, leaf }]).await?;
    write.add_checkpoint(1, &Checkpoint::of(&tree, &key).sign(&key)).await?;
    write.commit().await?;
    Ok(id)
}

/// A token that stands there already was put there by somebody, or by a start that was interrupted.
fn admin_token(directory: &StateDirectory) -> Result<String, ServeError> {
    if let Some(text) = directory.read(ADMIN_TOKEN)? {
        let token = text.trim();
        if token.len() < 32 || token.contains(char::is_whitespace) {
            return Err(ServeError::AdminToken { path: directory.file(ADMIN_TOKEN) });
        }
        return Ok(token.to_owned());
    }
    let token = new_secret("lzu").map_err(ServeError::Randomness)?;
    directory.write(ADMIN_TOKEN, 0o600, &format!("{token}\n"))?;
    Ok(token)
}
