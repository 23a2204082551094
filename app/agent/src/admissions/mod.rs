//! What may run here: the policy, and what is proven of each image. The server only delivers it; every
//! statement is verified with the keys that this host was given, before anything is decided with it.

mod store;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use lazaret_format::v1::{AdmissionSnapshot, AdmittedImage};
use lazaret_model::{Digest, Evidence};
use lazaret_policy::Policy;
use lazaret_sensor::ExecutableSet;
use lazaret_trust::{Envelope, Predicate, Verified, VerifyingKey};
use sha2::{Digest as _, Sha256};

pub use store::{AdmissionStore, Applied, forget};

/// One state of knowledge, verified; decisions are made with one of these from begin to end.
#[derive(Debug, Clone)]
pub struct Admissions {
    pub revision: u64,
    /// `None` until a valid policy came: then nothing is admitted.
    pub policy: Option<Arc<Policy>>,
    images: HashMap<Digest, Vec<Arc<Admitted>>>,
    /// Verified entries by the digest of what was verified, so that each is verified once.
    verified: HashMap<[u8; 32], Option<Arc<Admitted>>>,
}

/// What is proven of one image.
#[derive(Debug, Clone)]
pub struct Admitted {
    pub evidence: Evidence,
    /// What it may execute, and where, if that was stated; `None`: no statement says.
    pub executables: Option<Arc<ExecutableSet>>,
    /// What its containers may do: the newest signed profile for each way to run it, as text.
    pub profiles: Vec<Arc<str>>,
}

impl Admissions {
    pub fn empty() -> Self {
        Self { revision: 0, policy: None, images: HashMap::new(), verified: HashMap::new() }
    }

    /// Everything proven of images with this configuration: the same image may be in several repositories.
    pub fn by_config(&self, config: &Digest) -> &[Arc<Admitted>] {
        self.images.get(config).map_or(&[], Vec::as_slice)
    }

    pub fn images(&self) -> usize {
        self.images.len()
    }

    /// Verifies a snapshot; what `before` holds already is not verified again. The second value says what
    /// was not believed, one sentence each.
    fn verify(
        snapshot: &AdmissionSnapshot,
        policy: Option<Arc<Policy>>,
        keys: &[VerifyingKey],
        before: &Self,
    ) -> (Self, Vec<String>) {
        let mut images: HashMap<Digest, Vec<Arc<Admitted>>> = HashMap::new();
        let mut verified = HashMap::new();
        let mut complaints = Vec::new();
        for image in &snapshot.images {
            let fingerprint = fingerprint(image);
            let admitted = match before.verified.get(&fingerprint) {
                Some(known) => known.clone(),
                None => match verify_image(image, keys) {
                    Ok(admitted) => Some(Arc::new(admitted)),
                    Err(why) => {
                        complaints.push(format!(
                            "nothing is believed about {}@{}: {why}",
                            image.repository, image.manifest
                        ));
                        None
                    }
                },
            };
            if let Some(admitted) = &admitted {
                images.entry(admitted.evidence.config).or_default().push(Arc::clone(admitted));
            }
            verified.insert(fingerprint, admitted);
        }
        (Self { revision: snapshot.revision, policy, images, verified }, complaints)
    }
}

/// The snapshot says which configuration belongs to which manifest, but nobody signed that. Statements
/// name both; without one that does, a server could pass off any image as a signed one.
fn verify_image(image: &AdmittedImage, keys: &[VerifyingKey]) -> Result<Admitted, String> {
    let manifest: Digest = image.manifest.parse().map_err(|_| "the manifest's digest is not readable")?;
    let config: Digest = image.config.parse().map_err(|_| "the configuration's digest is not readable")?;
    let mut envelopes = Vec::with_capacity(image.envelopes.len());
    for body in &image.envelopes {
        let signatures =
            body.signatures.iter().map(|signature| (signature.keyid.as_str(), signature.sig.as_str()));
        match Envelope::from_parts(body.payload_type.clone(), &body.payload, signatures) {
            Ok(envelope) => envelopes.push(envelope),
            Err(error) => tracing::warn!(manifest = image.manifest, %error, "an envelope is not readable"),
        }
    }
    let collected = lazaret_trust::evidence(&image.repository, manifest, config, &envelopes, keys);
    for (envelope, why) in &collected.rejected {
        tracing::warn!(manifest = image.manifest, %envelope, why, "a statement is not believed");
    }
    let bound =
        collected.statements.iter().any(|verified| verified.statement.predicate.config() == Some(config));
    if !bound {
        let first = collected.rejected.first().map(|(_, why)| format!(" ({why})")).unwrap_or_default();
        return Err(format!("no statement by a trusted key names the configuration {config} with it{first}"));
    }
    // Those that were signed, whatever the snapshot itself says: nobody signed that.
    let signed = collected.profiles().into_iter();
    let profiles = signed.map(|(_, profile)| Arc::from(profile.profile.as_str())).collect();
    let mut evidence = collected.evidence;
    evidence.has_sbom |= names_unsent(&collected.statements, &envelopes);
    let placed = collected.places.map(|places| {
        places.into_iter().map(|(path, file)| (path, Digest::from_bytes(file))).collect::<ExecutableSet>()
    });
    let anywhere = || Some(collected.executables?.into_iter().map(Digest::from_bytes).collect());
    let executables = placed.or_else(anywhere);
    Ok(Admitted { evidence, executables: executables.map(Arc::new), profiles })
}

/// Bills of material are large, so agents are not sent them. A promotion names every statement that its signer
/// had before him: one that is not here is the bill.
fn names_unsent(statements: &[Verified], sent: &[Envelope]) -> bool {
    let sent: HashSet<Digest> = sent.iter().map(Envelope::digest).collect();
    statements.iter().any(|verified| match &verified.statement.predicate {
        Predicate::Promotion(promotion) => promotion.evidence.iter().any(|envelope| !sent.contains(envelope)),
        _ => false,
    })
}

/// Length before content, so that no two images look the same.
fn fingerprint(image: &AdmittedImage) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    };
    for text in [&image.repository, &image.manifest, &image.config] {
        add(text);
    }
    for envelope in &image.envelopes {
        add(&envelope.payload_type);
        add(&envelope.payload);
        add(&envelope.signatures.len().to_string());
        for signature in &envelope.signatures {
            add(&signature.keyid);
            add(&signature.sig);
        }
    }
    hash.finalize().into()
}
