//! The shape of the text form, key by key, in the order in which it is written.

use lazaret_model::{Capability, Digest, Dimension, FileOperation, KernelOperation, Phase, Transport};
use serde::Deserialize;

use super::scalars::{CallName, FromText, Place, Port, Scalar};
use crate::modes::{Action, Mode};
use crate::pattern::Pattern;
use crate::profile::{Peer, Permission, State};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Document {
    pub(super) version: u32,
    pub(super) image: Scalar<Digest>,
    pub(super) variant: Variant,
    pub(super) state: Scalar<State>,
    #[serde(default)]
    pub(super) coverage: Option<Coverage>,
    pub(super) modes: Words<Mode>,
    #[serde(default)]
    pub(super) actions: Words<Action>,
    #[serde(default)]
    pub(super) wide: Vec<Scalar<Dimension>>,
    #[serde(default)]
    pub(super) users: Vec<User>,
    #[serde(default)]
    pub(super) processes: Vec<Process>,
    pub(super) executables: Executables,
    pub(super) libraries: Libraries,
    #[serde(default)]
    pub(super) volumes: Vec<Volume>,
    #[serde(default)]
    pub(super) files: Vec<FileRule>,
    #[serde(default)]
    pub(super) secrets: Vec<FileRule>,
    #[serde(default)]
    pub(super) network: Network,
    #[serde(default)]
    pub(super) capabilities: Vec<Scalar<Capability>>,
    #[serde(default)]
    pub(super) system_calls: Vec<Scalar<CallName>>,
    #[serde(default)]
    pub(super) kernel: Vec<Scalar<KernelOperation>>,
    #[serde(default)]
    pub(super) login: Login,
    #[serde(default)]
    pub(super) resources: Resources,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Variant {
    pub(super) command: Vec<String>,
    pub(super) user: String,
    pub(super) architecture: String,
}

/// A word for each dimension.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", bound(deserialize = "T: FromText"))]
pub(super) struct Words<T> {
    pub(super) users: Option<Scalar<T>>,
    pub(super) processes: Option<Scalar<T>>,
    pub(super) executables: Option<Scalar<T>>,
    pub(super) libraries: Option<Scalar<T>>,
    pub(super) volumes: Option<Scalar<T>>,
    pub(super) files: Option<Scalar<T>>,
    pub(super) secrets: Option<Scalar<T>>,
    pub(super) network: Option<Scalar<T>>,
    pub(super) capabilities: Option<Scalar<T>>,
    pub(super) system_calls: Option<Scalar<T>>,
    pub(super) login: Option<Scalar<T>>,
    pub(super) resources: Option<Scalar<T>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Coverage {
    pub(super) since: Scalar<jiff::Timestamp>,
    pub(super) until: Scalar<jiff::Timestamp>,
    pub(super) replicas: u32,
    pub(super) starts: u32,
    pub(super) stops: u32,
    pub(super) gaps: u32,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pending {
    pub(super) replicas: u32,
    pub(super) of: u32,
    #[serde(default)]
    pub(super) tainted: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) by: Scalar<Place>,
    #[serde(default)]
    pub(super) phases: Vec<Scalar<Phase>>,
    #[serde(default)]
    pub(super) pending: Option<Pending>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Process {
    pub(super) path: Scalar<Place>,
    #[serde(default)]
    pub(super) digest: Option<Scalar<Digest>>,
    pub(super) parent: Scalar<Place>,
    /// Absent: any.
    #[serde(default)]
    pub(super) arguments: Option<Vec<Vec<Argument>>>,
    #[serde(default)]
    pub(super) phases: Vec<Scalar<Phase>>,
    #[serde(default)]
    pub(super) pending: Option<Pending>,
}

/// An argument may be empty, which no other pattern may.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Argument(pub(super) String);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Executables {
    #[serde(default)]
    pub(super) listed: Option<Listed>,
    pub(super) drift: Scalar<Permission>,
    pub(super) memory: Scalar<Permission>,
    pub(super) loader: Scalar<Permission>,
    #[serde(default)]
    pub(super) set_user_id: Vec<Scalar<Place>>,
    #[serde(default)]
    pub(super) added: Vec<Added>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listed {
    pub(super) count: u32,
    pub(super) digest: Scalar<Digest>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Added {
    pub(super) path: Scalar<Place>,
    pub(super) digest: Scalar<Digest>,
    #[serde(default)]
    pub(super) phases: Vec<Scalar<Phase>>,
    #[serde(default)]
    pub(super) pending: Option<Pending>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Libraries {
    pub(super) outside_image: Scalar<Permission>,
    #[serde(default)]
    pub(super) added: Vec<Library>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Library {
    pub(super) path: Scalar<Pattern>,
    pub(super) by: Scalar<Place>,
    #[serde(default)]
    pub(super) phases: Vec<Scalar<Phase>>,
    #[serde(default)]
    pub(super) pending: Option<Pending>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Volume {
    pub(super) target: Scalar<Place>,
    #[serde(default)]
    pub(super) phases: Vec<Scalar<Phase>>,
    #[serde(default)]
    pub(super) pending: Option<Pending>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileRule {
    pub(super) path: Scalar<Pattern>,
    pub(super) by: Scalar<Place>,
    pub(super) operations: Vec<Scalar<FileOperation>>,
    #[serde(default)]
    pub(super) phases: Vec<Scalar<Phase>>,
    #[serde(default)]
    pub(super) pending: Option<Pending>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Network {
    pub(super) listen: Vec<Listen>,
    pub(super) connect: Vec<Connect>,
    pub(super) lookup: Vec<Lookup>,
    pub(super) longest_label: u32,
    pub(super) raw: Vec<Raw>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listen {
    pub(super) transport: Scalar<Transport>,
    pub(super) port: Scalar<Port>,
    pub(super) by: Scalar<Place>,
    #[serde(default)]
    pub(super) phases: Vec<Scalar<Phase>>,
    #[serde(default)]
    pub(super) pending: Option<Pending>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Connect {
    pub(super) transport: Scalar<Transport>,
    pub(super) to: Scalar<Peer>,
    pub(super) port: Scalar<Port>,
    pub(super) by: Scalar<Place>,
    #[serde(default)]
    pub(super) phases: Vec<Scalar<Phase>>,
    #[serde(default)]
    pub(super) pending: Option<Pending>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lookup {
    pub(super) name: Scalar<Pattern>,
    #[serde(default)]
    pub(super) phases: Vec<Scalar<Phase>>,
    #[serde(default)]
    pub(super) pending: Option<Pending>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) by: Scalar<Place>,
    #[serde(default)]
    pub(super) phases: Vec<Scalar<Phase>>,
    #[serde(default)]
    pub(super) pending: Option<Pending>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Login {
    pub(super) health_check: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Resources {
    pub(super) cpu_permille: Option<u64>,
    pub(super) memory_bytes: Option<u64>,
    pub(super) processes: Option<u64>,
    pub(super) written_bytes_per_minute: Option<u64>,
}
