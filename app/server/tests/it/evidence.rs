//! Images that do not exist, with evidence that does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lazaret_format::cyclonedx::{self, Bom};
use lazaret_format::v1::{EnvelopeBody, EvidenceRequest, PromotionRequest, SignatureBody};
use lazaret_model::{
    DatabaseSnapshot, Digest, Distribution, Ecosystem, Image, ImageConfiguration, Layer, Outcome, Package,
    Platform, Severity, SourcePackage,
};
use lazaret_trust::{
    AttestedFinding, Envelope, ExecutablesPredicate, Predicate, PromotionPredicate, SigningKey, Statement,
    VerdictPredicate, digest_of,
};

use crate::harness::signing_key;

pub(crate) const REPOSITORY: &str = "r.example/shop";

/// An image with a name of its own and some packages.
pub(crate) struct Sample {
    pub(crate) manifest: Digest,
    pub(crate) manifest_bytes: Vec<u8>,
    pub(crate) config: Digest,
    packages: Vec<Package>,
}

impl Sample {
    /// `packages`: name and version of source packages.
    pub(crate) fn new(name: &str, packages: &[(&str, &str)]) -> Self {
        let config = digest_of(name.as_bytes());
        let manifest_bytes = format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config}","size":1}},"layers":[]}}"#
        )
        .into_bytes();
        let packages = packages.iter().map(|(name, version)| package(name, version)).collect();
        Self { manifest: digest_of(&manifest_bytes), manifest_bytes, config, packages }
    }

    pub(crate) fn state(&self, predicate: Predicate) -> Envelope {
        self.state_as(predicate, &signing_key())
    }

    pub(crate) fn state_as(&self, predicate: Predicate, key: &SigningKey) -> Envelope {
        Statement::about(REPOSITORY, self.manifest, predicate).sign(key).unwrap()
    }

    pub(crate) fn sbom(&self) -> Envelope {
        let layer = |created_by: &str, byte| Layer {
            diff_id: Digest::from_bytes([byte; 32]),
            created_by: created_by.to_owned(),
            size: 1,
        };
        let image = Image {
            manifest: Some(self.manifest),
            config: self.config,
            platform: Platform { os: "linux".to_owned(), architecture: "amd64".to_owned(), variant: None },
            created: None,
            configuration: ImageConfiguration::default(),
            layers: vec![layer("base", 1), layer("shop", 2)],
        };
        let distribution = Distribution {
            id: "debian".to_owned(),
            version: Some("12".to_owned()),
            codename: Some("bookworm".to_owned()),
            title: None,
        };
        let bom = Bom {
            name: REPOSITORY,
            reference: None,
            image: &image,
            distribution: Some(&distribution),
            packages: &self.packages,
            findings: &[],
            problems: &[],
            timestamp: None,
            tool_version: "test",
        };
        self.state(Predicate::Sbom(cyclonedx::write(&bom)))
    }

    pub(crate) fn verdict(&self, outcome: Outcome, findings: Vec<AttestedFinding>, at: &str) -> Envelope {
        let verdict = VerdictPredicate {
            outcome,
            policy: Digest::from_bytes([3; 32]),
            database: DatabaseSnapshot {
                digest: Digest::from_bytes([4; 32]),
                built: "2026-01-01T00:00:00Z".to_owned(),
                advisories: 9,
            },
            findings,
            reasons: Vec::new(),
            excepted: Vec::new(),
            complete: true,
            config: self.config,
            at: at.to_owned(),
        };
        self.state(Predicate::Verdict(verdict))
    }

    pub(crate) fn executables(&self) -> Envelope {
        self.state(Predicate::Executables(ExecutablesPredicate::new(self.config, vec![[5; 32]])))
    }

    /// Everything that a policy may ask for.
    pub(crate) fn all(&self) -> Vec<Envelope> {
        vec![
            self.state(Predicate::Signature),
            self.sbom(),
            self.verdict(Outcome::Pass, Vec::new(), "2026-01-02T00:00:00Z"),
            self.executables(),
        ]
    }

    pub(crate) fn promotion(&self, to: &str, from: Option<&str>, rests_on: &[Envelope]) -> Envelope {
        let promotion = PromotionPredicate {
            to: to.parse().unwrap(),
            from: from.map(|from| from.parse().unwrap()),
            config: self.config,
            evidence: rests_on.iter().map(Envelope::digest).collect(),
            policy: Digest::from_bytes([3; 32]),
            at: "2026-01-03T00:00:00Z".to_owned(),
        };
        self.state(Predicate::Promotion(promotion))
    }

    pub(crate) fn request(&self, envelopes: &[Envelope]) -> EvidenceRequest {
        EvidenceRequest {
            repository: REPOSITORY.to_owned(),
            manifest: self.manifest.to_string(),
            manifest_bytes: STANDARD.encode(&self.manifest_bytes),
            envelopes: envelopes.iter().map(body).collect(),
        }
    }

    pub(crate) fn promotion_request(&self, envelope: &Envelope) -> PromotionRequest {
        PromotionRequest { manifest: self.manifest.to_string(), envelope: body(envelope) }
    }
}

pub(crate) fn body(envelope: &Envelope) -> EnvelopeBody {
    let signatures = envelope.signatures().iter();
    EnvelopeBody {
        payload_type: envelope.payload_type().to_owned(),
        payload: STANDARD.encode(envelope.unverified_payload()),
        signatures: signatures
            .map(|signature| SignatureBody {
                keyid: signature.key_id.clone(),
                sig: STANDARD.encode(&signature.bytes),
            })
            .collect(),
    }
}

pub(crate) fn finding(id: &str, source: &str) -> AttestedFinding {
    AttestedFinding {
        id: id.to_owned(),
        package: format!("lib{source}"),
        version: "1.0-1".to_owned(),
        source: source.to_owned(),
        fixed: Some("1.0-2".to_owned()),
        severity: Severity::High,
    }
}

fn package(name: &str, version: &str) -> Package {
    Package {
        architecture: Some("amd64".to_owned()),
        source: SourcePackage { name: name.to_owned(), version: version.to_owned() },
        location: "var/lib/dpkg/status".to_owned(),
        ..Package::new(Ecosystem::Deb, format!("lib{name}"), version)
    }
}

/// An OSV document about one package of Debian 12.
pub(crate) fn osv(id: &str, aliases: &[&str], package: &str, fixed: &str) -> serde_json::Value {
    serde_json::json!({
        "id": id, "modified": "2026-01-01T00:00:00Z", "aliases": aliases, "summary": "a test",
        "affected": [{
            "package": {"ecosystem": "Debian:12", "name": package},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}],
        }],
    })
}
