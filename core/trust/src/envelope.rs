use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use lazaret_model::Digest;
use serde::{Deserialize, Serialize};

use crate::json::{self, JsonError, shorten};
use crate::{SigningKey, VerifyingKey, digest_of};

/// `payloadType` of the statements in [`Statement`](crate::Statement).
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// Each signature costs up to one verification for each trusted key.
const MOST_SIGNATURES: usize = 16;

/// Signed bytes: a DSSE 1.0 envelope ("envelope.md" and "protocol.md" of the specification).
///
/// The payload is handed out by [`verify`](Self::verify) alone (and by a method whose name warns), so
/// that nothing unproven is parsed by mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    payload_type: String,
    payload: Vec<u8>,
    signatures: Vec<Signature>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Only a hint which key to try first: it is not signed.
    pub key_id: String,
    pub bytes: Vec<u8>,
}

/// What an envelope holds, after at least one trusted key was found to have signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authentic<'a> {
    pub payload_type: &'a str,
    pub payload: &'a [u8],
    /// Ids of the trusted keys that signed, each once, in the order of the signatures; never empty.
    pub keys: Vec<&'a str>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    #[error("the envelope {0}")]
    Json(#[from] JsonError),
    #[error("`{0}` of the envelope is not base64")]
    Base64(&'static str),
    #[error("the envelope has {0} signatures; 1 to {MOST_SIGNATURES} are read")]
    Signatures(usize),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    #[error("no key is trusted, so nothing can be believed")]
    NoKeys,
    #[error("the signature that names the trusted key {} is not valid for this content: the content was altered", short(.0))]
    Altered(String),
    #[error("signed by no trusted key (it names {})", named(.0))]
    Untrusted(Vec<String>),
}

impl Envelope {
    /// Signs `payload` together with its type.
    pub fn sign(payload_type: &str, payload: Vec<u8>, key: &SigningKey) -> Self {
        let bytes = key.sign(&pae(payload_type, &payload));
        let signatures = vec![Signature { key_id: key.key_id().to_owned(), bytes }];
        Self { payload_type: payload_type.to_owned(), payload, signatures }
    }

    /// Adds another key's signature over the same content.
    pub fn countersign(&mut self, key: &SigningKey) {
        let bytes = key.sign(&pae(&self.payload_type, &self.payload));
        self.signatures.push(Signature { key_id: key.key_id().to_owned(), bytes });
    }

    /// Reads an envelope of at most `limit` bytes of JSON.
    ///
    /// Unknown fields are ignored, as the specification demands; a key that comes twice is refused, since
    /// another reader may take the other value.
    pub fn parse(bytes: &[u8], limit: usize) -> Result<Self, EnvelopeError> {
        let wire: Wire = json::parse(bytes, limit)?;
        Self::from_parts(
            wire.payload_type,
            &wire.payload,
            wire.signatures
                .iter()
                .map(|signature| (signature.keyid.as_deref().unwrap_or_default(), signature.sig.as_str())),
        )
    }

    /// Builds an envelope of the texts that its JSON would hold: type, base64 payload, and for each
    /// signature key id and base64 signature.
    pub fn from_parts<'a>(
        payload_type: String,
        payload: &str,
        signatures: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, EnvelopeError> {
        let payload = decode("payload", payload)?;
        let signatures = signatures
            .into_iter()
            .map(|(key_id, sig)| Ok(Signature { key_id: key_id.to_owned(), bytes: decode("sig", sig)? }))
            .collect::<Result<Vec<_>, EnvelopeError>>()?;
        if signatures.is_empty() || signatures.len() > MOST_SIGNATURES {
            return Err(EnvelopeError::Signatures(signatures.len()));
        }
        Ok(Self { payload_type, payload, signatures })
    }

    /// Canonical JSON: one line, fixed order of fields, standard base64.
    pub fn to_json(&self) -> Vec<u8> {
        let wire = WireOut {
            payload_type: &self.payload_type,
            payload: STANDARD.encode(&self.payload),
            signatures: self
                .signatures
                .iter()
                .map(|signature| SignatureOut {
                    keyid: &signature.key_id,
                    sig: STANDARD.encode(&signature.bytes),
                })
                .collect(),
        };
        serde_json::to_vec(&wire).expect("strings always serialize")
    }

    /// SHA-256 of [`to_json`](Self::to_json): the envelope's identity, however it was spelled when it came.
    pub fn digest(&self) -> Digest {
        digest_of(&self.to_json())
    }

    pub fn payload_type(&self) -> &str {
        &self.payload_type
    }

    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// The payload before anything is proven: for showing what cannot be believed, never for deciding.
    pub fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    /// Hands out the content if at least one of the `trusted` keys signed exactly these bytes.
    pub fn verify<'a>(&'a self, trusted: &'a [VerifyingKey]) -> Result<Authentic<'a>, VerifyError> {
        if trusted.is_empty() {
            return Err(VerifyError::NoKeys);
        }
        let message = pae(&self.payload_type, &self.payload);
        let mut keys: Vec<&str> = Vec::new();
        for signature in self.signatures.iter().take(MOST_SIGNATURES) {
            let (named, others): (Vec<_>, Vec<_>) =
                trusted.iter().partition(|key| key.key_id() == signature.key_id);
            let signer = named.into_iter().chain(others).find(|key| key.verifies(&message, &signature.bytes));
            if let Some(key) = signer.filter(|key| !keys.contains(&key.key_id())) {
                keys.push(key.key_id());
            }
        }
        if !keys.is_empty() {
            return Ok(Authentic { payload_type: &self.payload_type, payload: &self.payload, keys });
        }
        let named = self.signatures.iter().map(|signature| &signature.key_id);
        match named.clone().find(|id| trusted.iter().any(|key| key.key_id() == *id)) {
            Some(id) => Err(VerifyError::Altered(id.clone())),
            None => Err(VerifyError::Untrusted(named.map(|id| short(id)).collect())),
        }
    }
}

/// Pre-authentication encoding: what is signed. Lengths before contents make it injective.
pub(crate) fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut message = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    message.extend_from_slice(payload);
    message
}

/// Either alphabet: verifiers must accept both.
fn decode(field: &'static str, text: &str) -> Result<Vec<u8>, EnvelopeError> {
    let engine = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    engine.decode(text).map_err(|_| EnvelopeError::Base64(field))
}

fn short(key_id: &str) -> String {
    shorten(&key_id.chars().take(12).collect::<String>())
}

fn named(ids: &[String]) -> String {
    let ids: Vec<&str> = ids.iter().map(String::as_str).filter(|id| !id.is_empty()).collect();
    if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }
}

#[derive(Deserialize)]
struct Wire {
    #[serde(rename = "payloadType")]
    payload_type: String,
    payload: String,
    signatures: Vec<WireSignature>,
}

#[derive(Deserialize)]
struct WireSignature {
    keyid: Option<String>,
    sig: String,
}

#[derive(Serialize)]
struct WireOut<'a> {
    #[serde(rename = "payloadType")]
    payload_type: &'a str,
    payload: String,
    signatures: Vec<SignatureOut<'a>>,
}

#[derive(Serialize)]
struct SignatureOut<'a> {
    keyid: &'a str,
    sig: String,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::key::tests::key;

    const LIMIT: usize = 1 << 16;

    fn trusted(seeds: &[u8]) -> Vec<VerifyingKey> {
        seeds.iter().map(|seed| key(*seed).verifying_key().clone()).collect()
    }

    #[test]
    fn agrees_with_the_specification() {
        // protocol.md, "Test Vectors": deterministic ECDSA, there as raw r and s.
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
        let secret =
            Digest::from_hex("d73ec437fd6346e3619c5ebfdfff0f6916804955ad32ac9ac492b0ede1f6ffb7").unwrap();
        let key = SigningKey::from_random(*secret.as_bytes()).unwrap();
        let envelope = Envelope::sign("http://example.com/HelloWorld", b"hello world".to_vec(), &key);
        let raw = "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==";
        let raw = STANDARD.decode(raw).unwrap();
        // Both numbers start with a zero bit, so their DER form is their bytes.
        let der = [&[0x30, 0x44, 0x02, 0x20], &raw[..32], &[0x02, 0x20], &raw[32..]].concat();
        assert_eq!(envelope.signatures()[0].bytes, der);
    }

    #[test]
    fn survives_its_json() {
        let envelope = Envelope::sign(IN_TOTO, b"{}\xff\x00".to_vec(), &key(1));
        let json = envelope.to_json();
        assert!(json.starts_with(
            br#"{"payloadType":"application/vnd.in-toto+json","payload":"e33/AA==","signatures":[{"keyid":""#
        ));
        let again = Envelope::parse(&json, LIMIT).unwrap();
        assert_eq!(again, envelope);
        assert_eq!(again.digest(), digest_of(&json));
    }

    #[test]
    fn every_spelling_has_one_digest() {
        let envelope = Envelope::sign(IN_TOTO, b"{}\xff\xff".to_vec(), &key(1));
        let json = String::from_utf8(envelope.to_json()).unwrap();
        let other = json.replacen('{', "{ \"x\":[1], ", 1).replace("e33//w==", "e33__w==");
        assert_eq!(Envelope::parse(other.as_bytes(), LIMIT).unwrap().digest(), envelope.digest());
    }

    #[test]
    fn believes_trusted_keys_only() {
        let envelope = Envelope::sign(IN_TOTO, b"payload".to_vec(), &key(1));
        let keys = trusted(&[2, 1]);
        let content = envelope.verify(&keys).unwrap();
        assert_eq!((content.payload, content.keys), (&b"payload"[..], vec![key(1).key_id()]));
        assert!(matches!(envelope.verify(&trusted(&[2, 3])), Err(VerifyError::Untrusted(_))));
        assert_eq!(envelope.verify(&[]), Err(VerifyError::NoKeys));
    }

    #[test]
    fn the_key_id_is_only_a_hint() {
        let mut lying = Envelope::sign(IN_TOTO, b"payload".to_vec(), &key(1));
        lying.signatures[0].key_id = key(2).key_id().to_owned();
        assert_eq!(lying.verify(&trusted(&[1, 2])).unwrap().keys, [key(1).key_id()]);
        // Naming a trusted key does not help the signature of another.
        let error = lying.verify(&trusted(&[2])).unwrap_err();
        assert_eq!(error, VerifyError::Altered(key(2).key_id().to_owned()));
        lying.signatures[0].key_id.clear();
        assert!(lying.verify(&trusted(&[1])).is_ok());
    }

    #[test]
    fn one_good_signature_of_several_is_enough_and_keys_count_once() {
        let mut envelope = Envelope::sign(IN_TOTO, b"payload".to_vec(), &key(9));
        envelope.countersign(&key(1));
        envelope.countersign(&key(1));
        envelope.countersign(&key(2));
        envelope.signatures.insert(0, Signature { key_id: String::new(), bytes: b"junk".to_vec() });
        let keys = trusted(&[1, 2]);
        assert_eq!(envelope.verify(&keys).unwrap().keys, [key(1).key_id(), key(2).key_id()]);
    }

    #[test]
    fn each_altered_byte_is_noticed() {
        let keys = trusted(&[1]);
        let good = Envelope::sign(IN_TOTO, b"payload".to_vec(), &key(1));
        for at in 0..7 {
            let mut bad = good.clone();
            bad.payload[at] ^= 1;
            assert!(matches!(bad.verify(&keys), Err(VerifyError::Altered(_))));
        }
        let mut bad = good.clone();
        bad.payload_type = "text/plain".to_owned();
        assert!(bad.verify(&keys).is_err());
    }

    #[test]
    fn refuses_malformed_envelopes() {
        let cases = [
            ("", "JSON"),
            ("[]", "JSON"),
            (r#"{"payloadType":"a","payload":"","payload":"","signatures":[{"sig":""}]}"#, "twice"),
            (r#"{"payloadType":"a","payload":"","signatures":[{"sig":"","sig":""}]}"#, "twice"),
            (r#"{"payloadType":"a","payload":"?","signatures":[{"sig":""}]}"#, "`payload`"),
            (r#"{"payloadType":"a","payload":"eA=","signatures":[{"sig":""}]}"#, "`payload`"),
            (r#"{"payloadType":"a","payload":"","signatures":[{"sig":"+_"}]}"#, "`sig`"),
            (r#"{"payloadType":"a","payload":"","signatures":[]}"#, "0 signatures"),
            (r#"{"payloadType":"a","payload":"","signatures":[{"keyid":"x"}]}"#, "sig"),
            (r#"{"payload":"","signatures":[{"sig":""}]}"#, "payloadType"),
        ];
        for (json, word) in cases {
            let error = Envelope::parse(json.as_bytes(), LIMIT).unwrap_err().to_string();
            assert!(error.contains(word), "{json}: {error}");
        }
        let many = format!(
            r#"{{"payloadType":"a","payload":"","signatures":[{}{{"sig":""}}]}}"#,
            r#"{"sig":""},"#.repeat(16)
        );
        assert_eq!(Envelope::parse(many.as_bytes(), LIMIT), Err(EnvelopeError::Signatures(17)));
        assert!(matches!(
            Envelope::parse(many.as_bytes(), 99),
            Err(EnvelopeError::Json(JsonError::TooLarge { .. }))
        ));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Envelope::parse(&bytes, 150);
        }

        #[test]
        fn anything_signed_round_trips(kind in ".{0,40}", payload in proptest::collection::vec(any::<u8>(), 0..200)) {
            let envelope = Envelope::sign(&kind, payload.clone(), &key(5));
            let again = Envelope::parse(&envelope.to_json(), LIMIT).unwrap();
            let keys = trusted(&[5]);
            prop_assert_eq!(again.verify(&keys).unwrap().payload, payload);
        }
    }
}
