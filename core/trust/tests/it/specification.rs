//! The examples in the texts of the specifications.

use lazaret_trust::{Envelope, IN_TOTO, Predicate, Statement};
use serde_json::Value;

use crate::corpora;

/// The fenced blocks of a Markdown text that are JSON as they stand; many are schematic.
fn examples(markdown: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(markdown).into_owned();
    text.split("```json")
        .skip(1)
        .filter_map(|rest| serde_json::from_str(rest.split("```").next()?).ok())
        .collect()
}

#[test]
fn reads_the_envelopes_of_the_dsse_specification() {
    let wanted = |name: &str| name.starts_with("dsse/") && name.ends_with(".md");
    let Some(files) = corpora::files("specs/attestation-signing.tar.zst", wanted) else { return };
    let mut read = 0;
    for document in files.values().flat_map(|text| examples(text)) {
        // Those with `<Base64(…)>` in place of base64 are schematic.
        if document["payload"].as_str().is_some_and(|payload| !payload.starts_with('<')) {
            let envelope = Envelope::parse(document.to_string().as_bytes(), 1000).unwrap();
            assert_eq!(envelope.unverified_payload(), b"hello world");
            assert_eq!(
                (envelope.signatures()[0].bytes.len(), envelope.signatures()[0].key_id.as_str()),
                (64, "")
            );
            read += 1;
        }
    }
    assert!(read >= 1, "no example was found");
}

#[test]
fn reads_the_statements_of_the_in_toto_specification() {
    let wanted = |name: &str| name.starts_with("in-toto-attestation/spec/") && name.ends_with(".md");
    let Some(files) = corpora::files("specs/attestation-signing.tar.zst", wanted) else { return };
    let (mut read, mut refused) = (0, Vec::new());
    for (name, text) in &files {
        for document in
            examples(text).iter().filter(|document| document["_type"] == "https://in-toto.io/Statement/v1")
        {
            match Statement::parse(IN_TOTO, document.to_string().as_bytes()) {
                Ok(statement) => {
                    let kind = document["predicateType"].as_str().unwrap();
                    assert_eq!(statement.predicate.predicate_type(), kind);
                    assert_eq!(
                        matches!(statement.predicate, Predicate::Sbom(_)),
                        kind == "https://cyclonedx.org/bom"
                    );
                    read += 1;
                }
                Err(error) => refused.push(format!("{name}: {error}")),
            }
        }
    }
    // Schematic digests such as `"sha256": "..."` are all that is refused.
    assert!(refused.iter().all(|why| why.contains("has a sha256 that is none")), "{refused:#?}");
    assert!(read >= 3, "only {read} examples were found; refused: {refused:#?}");
}
