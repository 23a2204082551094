use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /v1/agent/admissions?after=REVISION&wait=SECONDS`: everything an agent needs to decide alone.
///
/// Answers at once when the revision is newer than `after`, else when something changes or the wait is over
/// (then with the same revision). The agent believes the signatures in it, not the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AdmissionSnapshot {
    pub revision: u64,
    pub at: String,
    pub policy: PolicyBody,
    pub images: Vec<AdmittedImage>,
}

/// `PUT /v1/policy` takes this with an empty digest; `GET /v1/policy` answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyBody {
    /// The policy file as written (YAML).
    pub text: String,
    #[serde(default)]
    pub digest: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AdmittedImage {
    /// `registry/repository`.
    pub repository: String,
    pub manifest: String,
    pub config: String,
    /// Every statement about the image, as DSSE envelopes: signature, verdict, promotions, executables.
    /// Bills of material are left out unless a stage of the policy requires one: they are large, and agents
    /// only need to know that they are there.
    pub envelopes: Vec<EnvelopeBody>,
    /// What its containers may do, as text (YAML), from the newest profile that was promoted with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

/// DSSE envelope, as in the DSSE specification ("envelope.md").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvelopeBody {
    #[serde(rename = "payloadType")]
    pub payload_type: String,
    /// Standard base64.
    pub payload: String,
    pub signatures: Vec<SignatureBody>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignatureBody {
    #[serde(default)]
    pub keyid: String,
    /// Standard base64.
    pub sig: String,
}
