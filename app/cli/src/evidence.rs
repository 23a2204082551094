//! Statements about an image: beside it in the registry, and at the server.

use lazaret_format::v1::{EnvelopeBody, EvidenceRequest, ImageBody};
use lazaret_model::{Digest, ImageReference};
use lazaret_source::{Attachment, ManifestDescriptor, Registry};
use lazaret_trust::{Collected, Envelope, SigningKey, Statement, VerifyingKey};

use crate::args::RegistryArgs;
use crate::client::Client;
use crate::failure::{Code, Failure};
use crate::images::source_failure;

/// Largest envelope that is read back: a bill of material of 200,000 packages stays below.
const MAX_ENVELOPE_BYTES: usize = 256 << 20;

/// An image in a registry, named by digest, with what its manifest proves.
pub(crate) struct Subject {
    pub(crate) reference: ImageReference,
    pub(crate) manifest: Digest,
    pub(crate) manifest_bytes: Vec<u8>,
    pub(crate) config: Digest,
    descriptor: ManifestDescriptor,
    registry: Registry,
}

impl Subject {
    /// Fetches the manifest, which says which configuration belongs to the digest.
    pub(crate) async fn fetch(
        reference: ImageReference,
        manifest: Digest,
        registries: &RegistryArgs,
    ) -> Result<Self, Failure> {
        let registry = Registry::new(registries.options()).map_err(|error| source_failure(&error))?;
        let (descriptor, manifest_bytes) =
            registry.manifest(&reference).await.map_err(|error| source_failure(&error))?;
        let config = lazaret_trust::config_of_manifest(&manifest_bytes, manifest).map_err(|error| {
            Failure::input(format!("{reference}: {error}")).hint("name one platform's image, not an index")
        })?;
        Ok(Self { reference, manifest, manifest_bytes, config, descriptor, registry })
    }

    pub(crate) fn repository(&self) -> String {
        self.reference.name()
    }

    /// Signs a statement and stores it beside the image.
    pub(crate) async fn attach(&self, statement: &Statement, key: &SigningKey) -> Result<Envelope, Failure> {
        let envelope = statement
            .sign(key)
            .map_err(|error| Failure::new(Code::Internal, format!("cannot sign a statement: {error}")))?;
        let json = envelope.to_json();
        let attachment = Attachment { envelope: &json, predicate_type: statement.predicate.predicate_type() };
        self.registry
            .attach(&self.reference, &self.descriptor, &[attachment])
            .await
            .map_err(|error| source_failure(&error))?;
        Ok(envelope)
    }

    /// Everything that lies beside the image. What is no envelope is passed over: anyone may put things there.
    pub(crate) async fn attached(&self) -> Result<Vec<Envelope>, Failure> {
        let (found, problems) =
            self.registry.attached(&self.reference).await.map_err(|error| source_failure(&error))?;
        for problem in problems {
            tracing::warn!("beside {}: {problem}", self.reference);
        }
        Ok(found
            .iter()
            .filter_map(|attached| Envelope::parse(&attached.envelope, MAX_ENVELOPE_BYTES).ok())
            .collect())
    }

    /// What the envelopes prove, if `keys` are believed.
    pub(crate) fn evidence(&self, envelopes: &[Envelope], keys: &[VerifyingKey]) -> Collected {
        lazaret_trust::evidence(&self.repository(), self.manifest, self.config, envelopes, keys)
    }

    /// Tells the server; it keeps what it can verify itself.
    pub(crate) async fn upload(&self, client: &Client, envelopes: &[Envelope]) -> Result<ImageBody, Failure> {
        use base64::Engine as _;
        let request = EvidenceRequest {
            repository: self.repository(),
            manifest: self.manifest.to_string(),
            manifest_bytes: base64::engine::general_purpose::STANDARD.encode(&self.manifest_bytes),
            envelopes: envelopes.iter().map(to_body).collect::<Result<_, _>>()?,
        };
        client.post("/v1/images", &request).await
    }
}

pub(crate) fn to_body(envelope: &Envelope) -> Result<EnvelopeBody, Failure> {
    // The REST body and the canonical envelope are the same JSON.
    serde_json::from_slice(&envelope.to_json())
        .map_err(|error| Failure::new(Code::Internal, format!("an envelope is not readable: {error}")))
}

#[cfg(test)]
mod tests {
    use lazaret_format::v1::SignatureBody;
    use lazaret_trust::Predicate;

    use super::*;

    #[test]
    fn the_rest_body_is_the_envelope() {
        let key = SigningKey::from_random([7; 32]).unwrap();
        let statement = Statement::about("r.example/shop", Digest::from_bytes([1; 32]), Predicate::Signature);
        let envelope = statement.sign(&key).unwrap();
        let body = to_body(&envelope).unwrap();
        let SignatureBody { keyid, .. } = &body.signatures[0];
        assert_eq!(keyid, key.key_id());
        assert_eq!(serde_json::to_vec(&body).unwrap(), envelope.to_json());
    }
}
