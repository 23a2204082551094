//! Envelopes that cosign, sigstore and SLSA generators made, with keys from their certificates.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lazaret_trust::{Envelope, EnvelopeError, Statement, StatementError, VerifyError, VerifyingKey};
use serde_json::Value;

use crate::corpora;

/// What comes before the 65 bytes of an uncompressed P-256 point in a SubjectPublicKeyInfo.
const SPKI_P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Cases of which the signature itself is wrong; in all others something around it may be.
const WRONG_SIGNATURE: &[&str] =
    &["dsse-invalid-sig_fail/", "rekor2-dsse-invalid-sig_fail/", "/invalid-dsse-sig."];

#[test]
fn signatures_of_other_tools_are_judged_right() {
    let Some(files) = corpora::files("specs/attestation-signing.tar.zst", |name| !name.ends_with(".md"))
    else {
        return;
    };
    let (mut good, mut bad) = (0, 0);
    for (name, content) in files {
        let Some((envelope, key)) = bundle(&content) else { continue };
        let keys = [key];
        if WRONG_SIGNATURE.iter().any(|wrong| name.contains(wrong)) {
            // One of them differs from a good one only in bits that base64 leaves unused.
            let believed = envelope
                .is_ok_and(|envelope| !matches!(envelope.verify(&keys), Err(VerifyError::Untrusted(_))));
            assert!(!believed, "{name}");
            bad += 1;
            continue;
        }
        let envelope = envelope.unwrap_or_else(|error| panic!("{name}: {error}"));
        let content = envelope.verify(&keys).unwrap_or_else(|error| panic!("{name}: {error}"));
        good += 1;
        // Older ones are Statement v0.1.
        match Statement::of(&content) {
            Ok(statement) => assert!(!statement.subjects.is_empty()),
            Err(error) => assert!(matches!(error, StatementError::Version(_)), "{name}: {error}"),
        }
    }
    assert!(good >= 100 && bad >= 3, "{good} good and {bad} bad signatures were found");
}

/// The envelope of a sigstore bundle, and the P-256 key of the certificate beside it.
fn bundle(content: &[u8]) -> Option<(Result<Envelope, EnvelopeError>, VerifyingKey)> {
    let bundle: Value = serde_json::from_slice(content).ok()?;
    let envelope = bundle.get("dsseEnvelope")?;
    let material = bundle.get("verificationMaterial")?;
    let certificate = material
        .pointer("/certificate/rawBytes")
        .or_else(|| material.pointer("/x509CertificateChain/certificates/0/rawBytes"))?;
    let certificate = STANDARD.decode(certificate.as_str()?).ok()?;
    let at = certificate.windows(SPKI_P256.len()).position(|window| window == SPKI_P256)?;
    let spki = certificate.get(at..at + SPKI_P256.len() + 65)?;
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        wrapped(&STANDARD.encode(spki))
    );
    let envelope = Envelope::parse(&serde_json::to_vec(envelope).ok()?, 16 << 20);
    Some((envelope, VerifyingKey::from_pem(&pem).expect("a P-256 key")))
}

fn wrapped(base64: &str) -> String {
    let lines: Vec<&str> =
        base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    lines.join("\n")
}
