use crate::{Digest, Platform};

/// One image for one platform: what its configuration says and the layers it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Digest of the registry's manifest. Absent where the source keeps none (`docker save`, an
    /// engine that never pushed or pulled the image).
    pub manifest: Option<Digest>,
    /// Digest of the configuration: Docker's image ID, the same from every source.
    pub config: Digest,
    pub platform: Platform,
    /// RFC 3339, as the image states it.
    pub created: Option<String>,
    pub configuration: ImageConfiguration,
    /// Lowest layer first.
    pub layers: Vec<Layer>,
}

/// What was scanned, where that may be something other than an image. Its [`Image`] then tells what is known:
/// no layers, and as configuration the digest of what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubjectKind {
    Image,
    /// A directory, such as a checkout of sources.
    Directory,
    /// The root file system of a host or of a virtual machine.
    RootFileSystem,
    /// A bill of material that somebody wrote.
    BillOfMaterial,
}

impl SubjectKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Directory => "directory",
            Self::RootFileSystem => "root-file-system",
            Self::BillOfMaterial => "bill-of-material",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Digest of the uncompressed layer archive: its identity wherever it is stored.
    pub diff_id: Digest,
    /// The history entry that brought the layer.
    pub created_by: String,
    /// Bytes of the layer as stored in the source (compressed or not).
    pub size: u64,
}

/// What the image says about how it wants to be run (OCI image configuration, `config`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageConfiguration {
    pub user: String,
    pub entrypoint: Vec<String>,
    pub command: Vec<String>,
    pub working_directory: String,
    /// `NAME=value`.
    pub environment: Vec<String>,
    /// `80/tcp`.
    pub exposed_ports: Vec<String>,
    pub volumes: Vec<String>,
    pub labels: Vec<(String, String)>,
    pub health_check: Option<HealthCheck>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// As in the image: `["CMD", "/bin/check"]` or `["CMD-SHELL", "…"]`.
    pub test: Vec<String>,
}
