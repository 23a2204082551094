//! What is signed about an image: in-toto Statement v1 ("spec/v1/statement.md" of in-toto/attestation).

mod executables;
mod predicate;
mod profile;
mod wire;

use std::collections::BTreeMap;

use lazaret_model::Digest;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub use executables::ExecutablesPredicate;
pub use predicate::{AttestedFinding, Predicate, PromotionPredicate, VerdictPredicate, predicate_type};
pub use profile::{MOST_PROFILE_BYTES, ProfilePredicate};

use crate::json::{self, JsonError, shorten};
use crate::{Authentic, Envelope, IN_TOTO, SigningKey};

const STATEMENT_V1: &str = "https://in-toto.io/Statement/v1";

/// A statement about files or images, one of which is meant by its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub subjects: Vec<Subject>,
    pub predicate: Predicate,
}

/// What a statement is about. Only the digest counts: the name is for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// `registry/repository`; foreign statements may have none.
    pub name: String,
    /// Its SHA-256; foreign statements may identify a subject by other digests alone.
    pub digest: Option<Digest>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    #[error("the envelope holds `{0}`, not an in-toto statement")]
    PayloadType(String),
    #[error("the statement {0}")]
    Json(#[from] JsonError),
    #[error("the statement is of type `{0}`, not {STATEMENT_V1}")]
    Version(String),
    #[error("the statement is about nothing: it has no subject")]
    NoSubject,
    #[error("the statement's subject `{0}` has a sha256 that is none")]
    Subject(String),
    #[error("the predicate {kind} {source}")]
    Predicate { kind: String, source: JsonError },
}

impl Statement {
    /// A statement about one image: `registry/repository` and the digest of its manifest.
    pub fn about(repository: &str, manifest: Digest, predicate: Predicate) -> Self {
        Self { subjects: vec![Subject { name: repository.to_owned(), digest: Some(manifest) }], predicate }
    }

    /// Reads the content of a verified envelope.
    pub fn of(content: &Authentic<'_>) -> Result<Self, StatementError> {
        Self::parse(content.payload_type, content.payload)
    }

    /// Reads a payload whose signature the caller verified, or which the caller will not believe.
    ///
    /// Unknown fields of the statement are ignored, as its specification demands, and foreign predicates
    /// are kept as text; Lazaret's own predicates must have exactly the fields they are known by.
    pub fn parse(payload_type: &str, payload: &[u8]) -> Result<Self, StatementError> {
        if payload_type != IN_TOTO {
            return Err(StatementError::PayloadType(shorten(payload_type)));
        }
        let wire: Wire<'_> = json::parse(payload, payload.len())?;
        if wire.kind != STATEMENT_V1 {
            return Err(StatementError::Version(shorten(&wire.kind)));
        }
        if wire.subject.is_empty() {
            return Err(StatementError::NoSubject);
        }
        let subjects = wire.subject.into_iter().map(WireSubject::read).collect::<Result<_, _>>()?;
        let json = wire.predicate.map_or("{}", RawValue::get);
        let predicate = Predicate::parse(&wire.predicate_type, json)
            .map_err(|source| StatementError::Predicate { kind: shorten(&wire.predicate_type), source })?;
        Ok(Self { subjects, predicate })
    }

    /// The bytes that are signed. Equal statements give equal bytes.
    ///
    /// Fails where it could not be read again: text that is not JSON, a time that is none.
    pub fn to_json(&self) -> Result<Vec<u8>, StatementError> {
        let predicate = self.predicate.to_json().map_err(|source| StatementError::Predicate {
            kind: shorten(self.predicate.predicate_type()),
            source,
        })?;
        let wire = WireOut {
            kind: STATEMENT_V1,
            subject: self.subjects.iter().map(SubjectOut::new).collect(),
            predicate_type: self.predicate.predicate_type(),
            predicate: &predicate,
        };
        Ok(serde_json::to_vec(&wire).expect("strings always serialize"))
    }

    /// Puts the statement into an envelope signed by `key`.
    pub fn sign(&self, key: &SigningKey) -> Result<Envelope, StatementError> {
        Ok(Envelope::sign(IN_TOTO, self.to_json()?, key))
    }

    /// Whether one of the subjects is `manifest`.
    pub fn is_about(&self, manifest: Digest) -> bool {
        self.subjects.iter().any(|subject| subject.digest == Some(manifest))
    }
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<WireSubject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    #[serde(borrow, default)]
    predicate: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireSubject {
    #[serde(default)]
    name: String,
    #[serde(default)]
    digest: BTreeMap<String, String>,
}

impl WireSubject {
    fn read(self) -> Result<Subject, StatementError> {
        let digest = match self.digest.get("sha256") {
            Some(hex) => {
                Some(Digest::from_hex(hex).map_err(|_| StatementError::Subject(shorten(&self.name)))?)
            }
            None => None,
        };
        Ok(Subject { name: self.name, digest })
    }
}

#[derive(Serialize)]
struct WireOut<'a> {
    #[serde(rename = "_type")]
    kind: &'a str,
    subject: Vec<SubjectOut<'a>>,
    #[serde(rename = "predicateType")]
    predicate_type: &'a str,
    predicate: &'a RawValue,
}

#[derive(Serialize)]
struct SubjectOut<'a> {
    name: &'a str,
    digest: BTreeMap<&'static str, String>,
}

impl<'a> SubjectOut<'a> {
    fn new(subject: &'a Subject) -> Self {
        let digest = subject.digest.iter().map(|digest| ("sha256", digest.hex())).collect();
        Self { name: &subject.name, digest }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::digest_of;

    fn parse(json: &str) -> Result<Statement, StatementError> {
        Statement::parse(IN_TOTO, json.as_bytes())
    }

    #[test]
    fn has_the_shape_that_others_read() {
        let statement = Statement::about("r.example/shop", digest_of(b"m"), Predicate::Signature);
        let expected = format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"name":"r.example/shop","digest":{{"sha256":"{}"}}}}],"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{{}}}}"#,
            digest_of(b"m").hex()
        );
        assert_eq!(String::from_utf8(statement.to_json().unwrap()).unwrap(), expected);
        assert_eq!(parse(&expected), Ok(statement));
    }

    #[test]
    fn foreign_statements_are_kept_as_they_are() {
        let statement = parse(
            r#"{"_type":"https://in-toto.io/Statement/v1","new":1,
                "subject":[{"digest":{"gitCommit":"c0ffee"},"uri":"git+ssh://x"}],
                "predicateType":"https://slsa.dev/provenance/v1","predicate":{"a": [1, 2]}}"#,
        )
        .unwrap();
        assert_eq!(statement.subjects, [Subject { name: String::new(), digest: None }]);
        assert!(!statement.is_about(digest_of(b"")));
        let Predicate::Other { predicate_type, json } = &statement.predicate else { panic!("{statement:?}") };
        assert_eq!(
            (predicate_type.as_str(), json.as_str()),
            ("https://slsa.dev/provenance/v1", r#"{"a": [1, 2]}"#)
        );
    }

    #[test]
    fn refuses_what_is_no_statement() {
        let with = |kind: &str, subject: &str| {
            format!(
                r#"{{"_type":"https://in-toto.io/{kind}","subject":[{subject}],"predicateType":"p","predicate":{{}}}}"#
            )
        };
        let cases = [
            (with("Statement/v0.1", "{}"), "of type"),
            (with("Statement/v1", ""), "no subject"),
            (with("Statement/v1", r#"{"name":"a","digest":{"sha256":"AB"}}"#), "sha256"),
            (with("Statement/v1", r#"{"name":"a","name":"b"}"#), "twice"),
            ("{}".to_owned(), "_type"),
            (String::new(), "JSON"),
        ];
        for (json, word) in cases {
            let error = parse(&json).unwrap_err().to_string();
            assert!(error.contains(word), "{json}: {error}");
        }
        assert!(matches!(Statement::parse("text/plain", b"{}"), Err(StatementError::PayloadType(_))));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Statement::parse(IN_TOTO, &bytes);
        }

        #[test]
        fn never_panics_on_predicates(
            kind in proptest::sample::select(predicate_type::ALL),
            json in r#"\{("(to|from|at|config|sha256|evidence|policy|outcome|findings)":("[a-z0-9:]{0,80}"|\[\]|\{\}|null|1),?){0,6}\}"#,
        ) {
            let text = format!(r#"{{"_type":"{STATEMENT_V1}","subject":[{{"name":"a"}}],"predicateType":"{kind}","predicate":{json}}}"#);
            let _ = parse(&text);
        }
    }
}
