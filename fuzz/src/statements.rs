//! What proves something: keys, envelopes, statements, manifests, the audit log.

use std::path::Path;
use std::sync::LazyLock;

use lazaret_model::Digest;
use lazaret_trust::log::{Checkpoint, LogKey, LogVerifier, Tree, leaf_hash, verify_log};
use lazaret_trust::{
    Envelope, IN_TOTO, SigningKey, Statement, VerifyingKey, config_of_manifest, digest_of, evidence,
};

use crate::rows::{join, pick, picking, split};
use crate::{Seed, Target};

pub const STATEMENTS: Target = Target { run, seeds, largest: 64 << 10 };

static KEY: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::from_random([7; 32]).expect("32 bytes make a key"));
static LOG_KEY: LazyLock<LogKey> =
    LazyLock::new(|| LogKey::from_random("fuzz", [7; 32]).expect("32 bytes make a key"));

type Read = fn(&[u8]);

const ROWS: &[(&str, Read)] =
    &[("envelope", envelope), ("statement", statement), ("key", key), ("manifest", manifest), ("log", log)];

/// A byte for the kind, and bytes.
fn run(input: &[u8]) {
    if let Some(((_, read), bytes)) = pick(ROWS, input) {
        read(bytes);
    }
}

fn envelope(bytes: &[u8]) {
    let Ok(envelope) = Envelope::parse(bytes, 1 << 20) else { return };
    let again = Envelope::parse(&envelope.to_json(), 1 << 20).expect("our own envelope");
    assert_eq!(again.to_json(), envelope.to_json());
    let trusted = [KEY.verifying_key().clone()];
    // The key of this program signs nothing here.
    assert!(envelope.verify(&trusted).is_err());
    let collected =
        evidence("a", Digest::from_bytes([0; 32]), Digest::from_bytes([0; 32]), &[envelope], &trusted);
    assert!(collected.statements.is_empty());
}

fn statement(bytes: &[u8]) {
    let Ok(statement) = Statement::parse(IN_TOTO, bytes) else { return };
    if let Ok(written) = statement.to_json() {
        let again = Statement::parse(IN_TOTO, &written).expect("our own statement");
        assert_eq!(again.to_json().expect("once more"), written);
        let signed = statement.sign(&KEY).expect("what can be written can be signed");
        let trusted = [KEY.verifying_key().clone()];
        let content = signed.verify(&trusted).expect("our own signature");
        assert_eq!(Statement::of(&content).and_then(|it| it.to_json()).expect("the same statement"), written);
    }
}

fn key(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(key) = VerifyingKey::from_pem(&text) {
        assert_eq!(VerifyingKey::from_pem(&key.to_pem()).expect("our own PEM").key_id(), key.key_id());
        assert!(!key.verifies(b"message", bytes));
    }
    if let Ok(key) = SigningKey::from_pem(&text) {
        assert!(key.verifying_key().verifies(b"message", &key.sign(b"message")));
    }
    // Which of these it is does not matter, only that there is an answer.
    let _ = text.parse::<LogVerifier>();
    let _ = LogKey::from_pem("fuzz", &text);
}

fn manifest(bytes: &[u8]) {
    let own = digest_of(bytes);
    let _ = config_of_manifest(bytes, own);
    assert!(config_of_manifest(bytes, Digest::from_bytes([0; 32])).is_err());
}

/// Checkpoints first, entries after them.
fn log(bytes: &[u8]) {
    let parts = split(bytes, 16);
    let texts: Vec<String> = parts.iter().map(|part| String::from_utf8_lossy(part).into_owned()).collect();
    let (notes, leaves) = texts.split_at(texts.len().min(2));
    let verifier = LOG_KEY.verifier();
    for note in notes {
        let _ = Checkpoint::verify(note, verifier);
    }
    let none: [&str; 0] = [];
    if let Ok(summary) = verify_log(leaves, &none, verifier) {
        let mut tree = Tree::new();
        leaves.iter().for_each(|leaf| tree.push_hash(leaf_hash(leaf.as_bytes())));
        assert_eq!((summary.entries, summary.root), (tree.size(), tree.root()));
        let signed = Checkpoint::of(&tree, &LOG_KEY).sign(&LOG_KEY);
        assert_eq!(verify_log(leaves, &[signed], verifier).expect("our own log").signed, tree.size());
    }
    let _ = verify_log(leaves, notes, verifier);
}

fn seeds(path: &Path, bytes: &[u8]) -> Vec<Seed> {
    let seed = |name: &str, bytes: &[u8]| {
        let row = ROWS.iter().position(|(known, _)| *known == name).expect("a row of the table");
        Seed { row: name.to_owned(), input: picking(row, bytes) }
    };
    if path.as_os_str().is_empty() {
        let entries: Vec<String> = (0..3).map(|seq| format!("{{\"seq\":{seq},\"what\":\"test\"}}")).collect();
        let mut tree = Tree::new();
        entries.iter().for_each(|entry| tree.push(entry.as_bytes()));
        let note = Checkpoint::of(&tree, &LOG_KEY).sign(&LOG_KEY);
        let parts: Vec<String> = [note.clone(), note].into_iter().chain(entries).collect();
        return vec![
            seed("log", &join(&parts)),
            seed("key", KEY.to_pem().as_bytes()),
            seed("key", KEY.verifying_key().to_pem().as_bytes()),
            seed("key", LOG_KEY.to_pem().as_bytes()),
            seed("key", LOG_KEY.verifier().to_string().as_bytes()),
        ];
    }
    let head = String::from_utf8_lossy(bytes.get(..4096).unwrap_or(bytes));
    let mut seeds = Vec::new();
    if head.contains("\"payloadType\"") {
        seeds.push(seed("envelope", bytes));
    }
    if head.contains("\"predicateType\"") {
        seeds.push(seed("statement", bytes));
    }
    if head.contains("-----BEGIN") {
        seeds.push(seed("key", bytes));
    }
    if head.contains("\"schemaVersion\"") {
        seeds.push(seed("manifest", bytes));
    }
    seeds
}
