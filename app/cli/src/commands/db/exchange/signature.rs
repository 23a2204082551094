//! The signature of a database file. It is about the file, wherever it lies and however it travels, and lies beside it
//! as `advisories.lzdb.sig`: whoever passes the database on passes it along.

use std::path::{Path, PathBuf};

use lazaret_model::Digest;
use lazaret_source::Attachment;
use lazaret_trust::{Envelope, Predicate, SigningKey, Statement, VerifyingKey};

use crate::failure::{Code, Failure, Outcome};
use crate::files;

/// The name that statements about databases give them.
pub(super) const SUBJECT: &str = "advisories.lzdb";
/// Largest file of signatures, most signatures in it, and largest one.
const MOST_BYTES: u64 = 4 << 20;
const MOST: usize = 32;
const MOST_ENVELOPE: usize = 1 << 20;

/// Signs a file.
pub(in crate::commands::db) fn sign(file: Digest, key: &SigningKey) -> Result<Envelope, Failure> {
    Statement::about(SUBJECT, file, Predicate::Signature)
        .sign(key)
        .map_err(|error| Failure::new(Code::Internal, format!("cannot sign the database: {error}")))
}

/// Whether one of the envelopes is this key's signature of one of the digests.
pub(super) fn is_signed(envelopes: &[Envelope], digests: &[Digest], key: &VerifyingKey) -> bool {
    let keys = std::slice::from_ref(key);
    // Statements about a configuration count for images alone, and a signature is none.
    let signed =
        |digest: &Digest| lazaret_trust::evidence(SUBJECT, *digest, *digest, envelopes, keys).evidence.signed;
    digests.iter().any(signed)
}

/// Those that say that they are about a file; whether they are is told by a key.
pub(super) fn about(file: Digest, envelopes: Vec<Envelope>) -> Vec<Envelope> {
    let is_about = |envelope: &Envelope| {
        let statement = Statement::parse(envelope.payload_type(), envelope.unverified_payload());
        statement.is_ok_and(|statement| statement.is_about(file))
    };
    envelopes.into_iter().filter(is_about).take(MOST).collect()
}

/// What lies beside a database, about that very file.
pub(in crate::commands::db) fn beside(database: &Path, file: Digest) -> Vec<Envelope> {
    let path = place(database);
    let is_small = std::fs::metadata(&path).is_ok_and(|meta| meta.len() <= MOST_BYTES);
    let text = if is_small { std::fs::read(&path).unwrap_or_default() } else { Vec::new() };
    let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    about(file, lines.filter_map(|line| Envelope::parse(line, MOST_ENVELOPE).ok()).collect())
}

/// Puts signatures beside a database; to be done before the database itself is put there.
pub(in crate::commands::db) fn put(database: &Path, envelopes: &[Envelope]) -> Outcome {
    let path = place(database);
    if envelopes.is_empty() {
        // What is there is about another file, which only its digest would tell.
        return match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Failure::file("remove", &path, &error))
            }
            _ => Ok(()),
        };
    }
    files::replace(&path, &lines(envelopes), 0o644)
}

/// One envelope a line.
pub(in crate::commands::db) fn lines(envelopes: &[Envelope]) -> Vec<u8> {
    envelopes.iter().flat_map(|envelope| [envelope.to_json(), b"\n".to_vec()].concat()).collect()
}

pub(in crate::commands::db) fn place(database: &Path) -> PathBuf {
    database.with_added_extension("sig")
}

/// For [`Attachment`].
pub(in crate::commands::db) fn attachments(texts: &[Vec<u8>]) -> Vec<Attachment<'_>> {
    let predicate_type = Predicate::Signature.predicate_type();
    texts.iter().map(|envelope| Attachment { envelope, predicate_type }).collect()
}

pub(super) fn parse(texts: impl Iterator<Item = Vec<u8>>) -> Vec<Envelope> {
    texts.filter_map(|text| Envelope::parse(&text, MOST_ENVELOPE).ok()).collect()
}
