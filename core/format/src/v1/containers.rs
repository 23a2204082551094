use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /v1/containers?all=true` answers a list of these; without `all`, only running ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ContainerBody {
    pub host: String,
    pub container: String,
    pub name: String,
    /// `managed` or `unmanaged`.
    pub management: String,
    pub image_name: String,
    pub image_config: Option<String>,
    pub image_manifest: Option<String>,
    /// The furthest stage the image is promoted to.
    pub stage: Option<String>,
    pub decision: Option<String>,
    /// `running` or `ended`.
    pub state: String,
    pub command: String,
    pub started: String,
    pub ended: Option<String>,
    pub exit_code: Option<i32>,
}
