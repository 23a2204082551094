use lazaret_format::v1::EnvelopeBody;
use lazaret_store::{ImageRow, View};
use lazaret_trust::{Collected, Envelope, EnvelopeError, VerifyingKey};

use crate::http::{Answer, ApiError};

/// Larger than any body that is read here.
const LARGEST: usize = 256 << 20;

pub(in crate::api) fn envelope_of(body: &EnvelopeBody) -> Result<Envelope, EnvelopeError> {
    let signatures =
        body.signatures.iter().map(|signature| (signature.keyid.as_str(), signature.sig.as_str()));
    Envelope::from_parts(body.payload_type.clone(), &body.payload, signatures)
}

/// What the statements kept about an image prove now, with the keys that are trusted now.
pub(in crate::api) async fn evidence_of(
    view: &mut View<'_>,
    image: &ImageRow,
    trusted: &[VerifyingKey],
    more: &[Envelope],
) -> Answer<Collected> {
    let mut envelopes = Vec::new();
    for row in view.envelopes_of(image.id, &[]).await? {
        let envelope = Envelope::parse(row.body.as_bytes(), LARGEST);
        envelopes.push(envelope.map_err(|error| {
            ApiError::internal(format!("envelope {} in the database: {error}", row.digest))
        })?);
    }
    envelopes.extend_from_slice(more);
    Ok(lazaret_trust::evidence(&image.repository, image.manifest, image.config, &envelopes, trusted))
}
