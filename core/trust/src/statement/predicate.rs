use lazaret_model::{DatabaseSnapshot, Digest, Finding, Outcome, Reason, Severity, Stage, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{ExecutablesPredicate, ProfilePredicate, wire};
use crate::json::{self, JsonError};

/// The predicate types that Lazaret writes.
pub mod predicate_type {
    pub const SIGNATURE: &str = "https://sigstore.dev/cosign/sign/v1";
    pub const SBOM: &str = "https://cyclonedx.org/bom";
    pub const VERDICT: &str = "urn:lazaret:verdict:v1";
    pub const EXECUTABLES: &str = "urn:lazaret:executables:v1";
    pub const PROMOTION: &str = "urn:lazaret:promotion:v1";
    pub const PROFILE: &str = "urn:lazaret:profile:v1";

    pub const ALL: &[&str] = &[SIGNATURE, SBOM, VERDICT, EXECUTABLES, PROMOTION, PROFILE];
}

/// What a statement says of its subjects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Predicate {
    /// "I vouch for this image": cosign's predicate, which has no content.
    Signature,
    /// A bill of material: the CycloneDX document exactly as it was or will be signed.
    Sbom(String),
    /// The result of a scan under a policy.
    Verdict(VerdictPredicate),
    /// Every file that the image may execute.
    Executables(ExecutablesPredicate),
    /// Permission to run in a stage.
    Promotion(PromotionPredicate),
    /// What its containers may do, run in one way.
    Profile(ProfilePredicate),
    /// Somebody else's statement.
    Other {
        predicate_type: String,
        /// The predicate as text.
        json: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerdictPredicate {
    #[serde(with = "wire::outcome")]
    pub outcome: Outcome,
    /// Digest of the policy's text.
    #[serde(with = "wire::text")]
    pub policy: Digest,
    #[serde(with = "wire::snapshot")]
    pub database: DatabaseSnapshot,
    pub findings: Vec<AttestedFinding>,
    #[serde(with = "wire::reasons")]
    pub reasons: Vec<Reason>,
    #[serde(with = "wire::reasons")]
    pub excepted: Vec<Reason>,
    /// Whether the scan could read everything.
    pub complete: bool,
    /// Digest of the configuration of the image that was scanned.
    #[serde(with = "wire::text")]
    pub config: Digest,
    /// RFC 3339.
    #[serde(with = "wire::time")]
    pub at: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttestedFinding {
    pub id: String,
    pub package: String,
    pub version: String,
    /// Name of the source package.
    pub source: String,
    pub fixed: Option<String>,
    #[serde(with = "wire::severity")]
    pub severity: Severity,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromotionPredicate {
    #[serde(with = "wire::text")]
    pub to: Stage,
    #[serde(with = "wire::optional_stage")]
    pub from: Option<Stage>,
    #[serde(with = "wire::text")]
    pub config: Digest,
    /// Digests of the envelopes that the promotion rests on.
    #[serde(with = "wire::digests")]
    pub evidence: Vec<Digest>,
    /// Digest of the text of the policy that demanded them.
    #[serde(with = "wire::text")]
    pub policy: Digest,
    /// RFC 3339.
    #[serde(with = "wire::time")]
    pub at: String,
}

impl VerdictPredicate {
    /// What a scan found and a policy said of the image with the configuration `config`.
    pub fn new(verdict: &Verdict, findings: &[Finding], config: Digest, complete: bool) -> Self {
        Self {
            outcome: verdict.outcome,
            policy: verdict.policy,
            database: verdict.database.clone(),
            findings: findings.iter().map(AttestedFinding::from).collect(),
            reasons: verdict.reasons.clone(),
            excepted: verdict.excepted.clone(),
            complete,
            config,
            at: verdict.at.clone(),
        }
    }

    pub fn to_verdict(&self) -> Verdict {
        Verdict {
            outcome: self.outcome,
            reasons: self.reasons.clone(),
            excepted: self.excepted.clone(),
            policy: self.policy,
            database: self.database.clone(),
            at: self.at.clone(),
        }
    }
}

impl From<&Finding> for AttestedFinding {
    fn from(finding: &Finding) -> Self {
        Self {
            id: finding.id.clone(),
            package: finding.package.name.clone(),
            version: finding.package.version.clone(),
            source: finding.package.source.name.clone(),
            fixed: finding.fix.version().map(str::to_owned),
            severity: finding.severity,
        }
    }
}

impl Predicate {
    pub fn predicate_type(&self) -> &str {
        match self {
            Self::Signature => predicate_type::SIGNATURE,
            Self::Sbom(_) => predicate_type::SBOM,
            Self::Verdict(_) => predicate_type::VERDICT,
            Self::Executables(_) => predicate_type::EXECUTABLES,
            Self::Promotion(_) => predicate_type::PROMOTION,
            Self::Profile(_) => predicate_type::PROFILE,
            Self::Other { predicate_type, .. } => predicate_type,
        }
    }

    /// The configuration digest that the predicate binds itself to, where its kind does.
    pub fn config(&self) -> Option<Digest> {
        match self {
            Self::Verdict(verdict) => Some(verdict.config),
            Self::Executables(executables) => Some(executables.config),
            Self::Promotion(promotion) => Some(promotion.config),
            Self::Profile(profile) => Some(profile.config),
            Self::Signature | Self::Sbom(_) | Self::Other { .. } => None,
        }
    }

    /// `json` is one value without duplicate keys: the statement around it was read so.
    pub(super) fn parse(kind: &str, json: &str) -> Result<Self, JsonError> {
        let (bytes, limit) = (json.as_bytes(), json.len());
        Ok(match kind {
            predicate_type::SIGNATURE => {
                object(json)?;
                Self::Signature
            }
            predicate_type::SBOM => {
                object(json)?;
                Self::Sbom(json.to_owned())
            }
            predicate_type::VERDICT => Self::Verdict(json::parse(bytes, limit)?),
            predicate_type::EXECUTABLES => Self::Executables(json::parse(bytes, limit)?),
            predicate_type::PROMOTION => Self::Promotion(json::parse(bytes, limit)?),
            predicate_type::PROFILE => Self::Profile(json::parse(bytes, limit)?),
            _ => Self::Other { predicate_type: kind.to_owned(), json: json.to_owned() },
        })
    }

    pub(super) fn to_json(&self) -> Result<Box<RawValue>, JsonError> {
        let raw = match self {
            Self::Signature => RawValue::from_string("{}".to_owned()),
            Self::Sbom(json) => {
                object(json)?;
                RawValue::from_string(json.clone())
            }
            Self::Verdict(verdict) => serde_json::value::to_raw_value(verdict),
            Self::Executables(executables) => serde_json::value::to_raw_value(executables),
            Self::Promotion(promotion) => serde_json::value::to_raw_value(promotion),
            Self::Profile(profile) => serde_json::value::to_raw_value(profile),
            Self::Other { json, .. } => RawValue::from_string(json.clone()),
        };
        raw.map_err(|error| JsonError::Malformed(json::shorten(&error.to_string())))
    }
}

fn object(json: &str) -> Result<(), JsonError> {
    match json.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{') {
        true => Ok(()),
        false => Err(JsonError::Malformed("an object is missing".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use lazaret_model::{Ecosystem, FixState, Package, SourcePackage};
    use proptest::prelude::*;

    use super::*;
    use crate::{IN_TOTO, Statement, digest_of};

    fn round_trip(predicate: Predicate) -> String {
        let statement = Statement::about("r.example/shop", digest_of(b"m"), predicate);
        let json = statement.to_json().unwrap();
        assert_eq!(Statement::parse(IN_TOTO, &json).unwrap(), statement);
        String::from_utf8(json).unwrap()
    }

    fn verdict() -> VerdictPredicate {
        let package = Package {
            source: SourcePackage { name: "openssl".to_owned(), version: "3.0.9-1".to_owned() },
            ..Package::new(Ecosystem::Deb, "libssl3", "3.0.9-1")
        };
        let finding =
            |id: &str, fix| Finding { fix, severity: Severity::High, ..Finding::new(id, package.clone()) };
        let verdict = Verdict {
            outcome: Outcome::Refuse,
            reasons: vec![Reason { rule: "r".to_owned(), message: "m".to_owned(), remedy: String::new() }],
            excepted: vec![],
            policy: digest_of(b"p"),
            database: DatabaseSnapshot {
                digest: digest_of(b"d"),
                built: "2026-11-01T00:00:00Z".to_owned(),
                advisories: 7,
            },
            at: "2026-11-02T00:00:00Z".to_owned(),
        };
        let findings = [
            finding("CVE-2026-1", FixState::Fixed { version: "3.0.9-2".to_owned() }),
            finding("CVE-2026-2", FixState::NotFixed),
        ];
        VerdictPredicate::new(&verdict, &findings, digest_of(b"c"), true)
    }

    #[test]
    fn a_verdict_has_the_promised_fields() {
        let json = round_trip(Predicate::Verdict(verdict()));
        let hex = |text: &str| digest_of(text.as_bytes());
        let expected = format!(
            concat!(
                r#""predicateType":"urn:lazaret:verdict:v1","predicate":{{"outcome":"refuse","policy":"{}","#,
                r#""database":{{"digest":"{}","built":"2026-11-01T00:00:00Z","advisories":7}},"#,
                r#""findings":[{{"id":"CVE-2026-1","package":"libssl3","version":"3.0.9-1","source":"openssl","fixed":"3.0.9-2","severity":"high"}},"#,
                r#"{{"id":"CVE-2026-2","package":"libssl3","version":"3.0.9-1","source":"openssl","fixed":null,"severity":"high"}}],"#,
                r#""reasons":[{{"rule":"r","message":"m","remedy":""}}],"excepted":[],"complete":true,"config":"{}","at":"2026-11-02T00:00:00Z"}}}}"#
            ),
            hex("p"),
            hex("d"),
            hex("c")
        );
        assert!(json.ends_with(&expected), "{json}");
    }

    #[test]
    fn promotions_executables_and_sboms_survive() {
        let promotion = |from: Option<&str>| PromotionPredicate {
            to: "prod".parse().unwrap(),
            from: from.map(|stage| stage.parse().unwrap()),
            config: digest_of(b"c"),
            evidence: vec![digest_of(b"e1"), digest_of(b"e2")],
            policy: digest_of(b"p"),
            at: "2026-11-02T00:00:00Z".to_owned(),
        };
        assert!(round_trip(Predicate::Promotion(promotion(None))).contains(r#""to":"prod","from":null,"#));
        round_trip(Predicate::Promotion(promotion(Some("qa"))));
        let executables = ExecutablesPredicate::new(digest_of(b"c"), vec![[9; 32], [1; 32], [9; 32]]);
        assert_eq!(executables.files, [[1; 32], [9; 32]]);
        round_trip(Predicate::Executables(executables));
        let placed = vec![("/b".to_owned(), [9; 32]), ("/a".to_owned(), [1; 32])];
        let executables = ExecutablesPredicate::placed(digest_of(b"c"), placed);
        assert!(round_trip(Predicate::Executables(executables)).contains(r#""places":[["/a",0],["/b",1]]"#));
        round_trip(Predicate::Sbom(r#"{ "bomFormat" : "CycloneDX" }"#.to_owned()));
        round_trip(Predicate::Other { predicate_type: "p".to_owned(), json: "[1.0]".to_owned() });
    }

    #[test]
    fn own_predicates_are_read_strictly() {
        let good = serde_json::to_string(&verdict()).unwrap();
        let bad = [
            good.replacen('{', r#"{"extra":1,"#, 1),
            good.replace(r#""outcome":"refuse""#, r#""outcome":"Refuse""#),
            good.replace(r#""severity":"high""#, r#""severity":"HIGH""#),
            good.replace("2026-11-02T00:00:00Z", "yesterday"),
            good.replace(r#""complete":true,"#, ""),
            good.replace(r#""version":"3.0.9-1","#, r#""version":"3.0.9-1","path":"/","#),
        ];
        for json in bad {
            assert!(Predicate::parse(predicate_type::VERDICT, &json).is_err(), "{json}");
        }
        let config = digest_of(b"c");
        let (low, high) = ("00".repeat(32), "ff".repeat(32));
        for list in [format!(r#""{high}","{low}""#), format!(r#""{low}","{low}""#), r#""zz""#.to_owned()] {
            let json = format!(r#"{{"config":"{config}","sha256":[{list}]}}"#);
            assert!(Predicate::parse(predicate_type::EXECUTABLES, &json).is_err(), "{json}");
        }
        assert!(Predicate::parse(predicate_type::SIGNATURE, "[]").is_err());
        assert!(Predicate::parse(predicate_type::SBOM, "1").is_err());
    }

    #[test]
    fn what_could_not_be_read_again_is_not_signed() {
        for predicate in [
            Predicate::Verdict(VerdictPredicate { at: "yesterday".to_owned(), ..verdict() }),
            Predicate::Executables(ExecutablesPredicate {
                config: digest_of(b"c"),
                files: vec![[2; 32], [1; 32]],
                places: vec![],
            }),
            Predicate::Executables(ExecutablesPredicate {
                config: digest_of(b"c"),
                files: vec![[1; 32]],
                places: vec![("/b".to_owned(), 0), ("/a".to_owned(), 0)],
            }),
            Predicate::Sbom("{".to_owned()),
            Predicate::Sbom("[]".to_owned()),
            Predicate::Other { predicate_type: "p".to_owned(), json: "}, {".to_owned() },
        ] {
            assert!(
                Statement::about("a", digest_of(b""), predicate.clone()).to_json().is_err(),
                "{predicate:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_executables_survive(files in proptest::collection::vec(any::<[u8; 32]>(), 0..20)) {
            round_trip(Predicate::Executables(ExecutablesPredicate::new(digest_of(b"c"), files)));
        }
    }
}
