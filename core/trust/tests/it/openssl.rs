//! OpenSSL as an independent reader of our keys and judge of our signatures.

use std::path::{Path, PathBuf};
use std::process::Command;

use lazaret_model::Digest;
use lazaret_trust::log::{Checkpoint, LogKey, Tree};
use lazaret_trust::{Envelope, IN_TOTO, Predicate, SigningKey, Statement, VerifyingKey};

use crate::corpora::skipped;

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("lazaret-trust-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder for temporary files");
        Self(path)
    }

    fn put(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, content).expect("a temporary file");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Whether `openssl ARGUMENTS` succeeds, and what it prints.
fn openssl(arguments: &[&str], files: &[&Path]) -> (bool, Vec<u8>) {
    let mut files = files.iter();
    let mut command = Command::new("openssl");
    for argument in arguments {
        match *argument {
            "FILE" => command.arg(files.next().expect("a file for each place")),
            text => command.arg(text),
        };
    }
    let output = command.output().expect("openssl was there before");
    (output.status.success(), output.stdout)
}

fn absent() -> bool {
    let absent = Command::new("openssl").arg("version").output().is_err();
    if absent {
        skipped("no `openssl` program: signatures are not checked by an independent verifier");
    }
    absent
}

#[test]
fn believes_our_signatures_and_no_altered_ones() {
    if absent() {
        return;
    }
    let folder = Folder::new("verify");
    let key = SigningKey::from_random([0x5a; 32]).unwrap();
    let public = folder.put("public.pem", key.verifying_key().to_pem());
    let statement = Statement::about("r.example/shop", Digest::from_bytes([1; 32]), Predicate::Signature);
    let envelope = statement.sign(&key).unwrap();
    let payload = envelope.unverified_payload();
    let mut message = format!("DSSEv1 {} {IN_TOTO} {} ", IN_TOTO.len(), payload.len()).into_bytes();
    message.extend_from_slice(payload);
    let signature = folder.put("signature", &envelope.signatures()[0].bytes);
    let good = folder.put("message", &message);
    message[20] ^= 1;
    let bad = folder.put("altered", &message);
    let arguments = ["dgst", "-sha256", "-verify", "FILE", "-signature", "FILE", "FILE"];
    assert!(openssl(&arguments, &[&public, &signature, &good]).0);
    assert!(!openssl(&arguments, &[&public, &signature, &bad]).0);
}

#[test]
fn reads_our_key_and_we_read_its_key() {
    if absent() {
        return;
    }
    let folder = Folder::new("keys");
    let ours = SigningKey::from_random([0x5b; 32]).unwrap();
    let private = folder.put("ours.pem", ours.to_pem().as_bytes());
    let (read, public) = openssl(&["pkey", "-in", "FILE", "-pubout"], &[&private]);
    assert!(read);
    assert_eq!(String::from_utf8(public).unwrap(), ours.verifying_key().to_pem());
    let (_, der) = openssl(&["pkey", "-in", "FILE", "-pubout", "-outform", "DER"], &[&private]);
    assert_eq!(lazaret_trust::digest_of(&der).hex(), ours.key_id());

    let generate = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
    let (_, pem) = openssl(&generate, &[]);
    let theirs = folder.put("theirs.pem", &pem);
    let key = SigningKey::from_pem(&String::from_utf8(pem).unwrap()).unwrap();
    let message = folder.put("message", b"hello");
    let (signed, signature) = openssl(&["dgst", "-sha256", "-sign", "FILE", "FILE"], &[&theirs, &message]);
    assert!(signed && key.verifying_key().verifies(b"hello", &signature));
    assert!(!key.verifying_key().verifies(b"hallo", &signature));

    let compressed = ["pkey", "-in", "FILE", "-pubout", "-ec_conv_form", "compressed"];
    let (_, public) = openssl(&compressed, &[&theirs]);
    let public = VerifyingKey::from_pem(&String::from_utf8(public).unwrap()).unwrap();
    assert_eq!(public.key_id(), key.key_id());
}

#[test]
fn its_other_keys_are_refused_by_name() {
    if absent() {
        return;
    }
    let folder = Folder::new("other");
    let pem = |arguments: &[&str]| String::from_utf8(openssl(arguments, &[]).1).unwrap();
    let p384 = pem(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]);
    let rsa = pem(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"]);
    let ed25519 = pem(&["genpkey", "-algorithm", "ED25519"]);
    for (pem, word) in [(&p384, "P-384"), (&rsa, "for RSA"), (&ed25519, "for Ed25519")] {
        let error = SigningKey::from_pem(pem).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
    assert!(LogKey::from_pem("log", &ed25519).is_ok());
    let plain = folder.put("plain.pem", SigningKey::from_random([1; 32]).unwrap().to_pem().as_bytes());
    let arguments = ["pkcs8", "-topk8", "-in", "FILE", "-passout", "pass:x"];
    let encrypted = String::from_utf8(openssl(&arguments, &[&plain]).1).unwrap();
    assert!(SigningKey::from_pem(&encrypted).unwrap_err().to_string().contains("is encrypted"));
    let old = String::from_utf8(openssl(&["ec", "-in", "FILE"], &[&plain]).1).unwrap();
    assert!(SigningKey::from_pem(&old).unwrap_err().to_string().contains("-topk8"));
}

#[test]
fn believes_our_checkpoints() {
    if absent() {
        return;
    }
    let folder = Folder::new("log");
    let key = LogKey::from_random("lazaret/test", [3; 32]).unwrap();
    let signed = Checkpoint::of(&Tree::new(), &key).sign(&key);
    let (text, line) = signed.split_once("\n— ").unwrap();
    let encoded = line.trim_end().rsplit(' ').next().unwrap();
    let base64 = folder.put("base64", format!("{encoded}\n"));
    let (_, bytes) = openssl(&["base64", "-d", "-A", "-in", "FILE"], &[&base64]);
    let signature = folder.put("signature", &bytes[4..]);
    let private = folder.put("private.pem", key.to_pem().as_bytes());
    let good = folder.put("text", text);
    let bad = folder.put("altered", text.replace("\n0\n", "\n1\n"));
    let arguments = ["pkeyutl", "-verify", "-rawin", "-inkey", "FILE", "-sigfile", "FILE", "-in", "FILE"];
    assert!(openssl(&arguments, &[&private, &signature, &good]).0);
    assert!(!openssl(&arguments, &[&private, &signature, &bad]).0);
}

/// Not about OpenSSL, but about the size of what admission reads: the largest list of executables met.
#[test]
fn a_long_list_of_executables_is_read() {
    let config = Digest::from_bytes([1; 32]);
    let files = (0..20_000u32).map(|n| *lazaret_trust::digest_of(&n.to_le_bytes()).as_bytes()).collect();
    let list = lazaret_trust::ExecutablesPredicate::new(config, files);
    let key = SigningKey::from_random([1; 32]).unwrap();
    let statement = Statement::about("r.example/shop", config, Predicate::Executables(list));
    let json = statement.sign(&key).unwrap().to_json();
    let envelope = Envelope::parse(&json, 4 << 20).unwrap();
    let keys = [key.verifying_key().clone()];
    assert_eq!(Statement::of(&envelope.verify(&keys).unwrap()).unwrap(), statement);
}
