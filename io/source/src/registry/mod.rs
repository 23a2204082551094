//! Image registries (OCI distribution specification 1.1).
//!
//! A client of our own over HTTP: every answer is read within bounds, every content verified
//! against its digest, transfers that break off are resumed, and no answer can make it panic.

mod credentials;
mod helper;
mod challenge;
mod token;
mod client;
mod blob;
mod pull;
mod push;
mod referrers;
mod artifact;
mod attest;

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lazaret_model::{Digest, ImageReference};

use crate::error::SourceError;
use credentials::Credentials;
use token::Tokens;

pub use artifact::{Artifact, ArtifactContent, Document, FoundArtifact, FoundContent, StoredArtifact};
pub use attest::{Attached, Attachment, referrers};
pub(crate) use client::{bounded, reasons};

/// How registries are spoken to.
#[derive(Debug, Clone)]
pub struct RegistryOptions {
    /// Registries, as `host` or `host:port`, that are spoken to without TLS. Loopback always is.
    pub insecure: Vec<String>,
    /// Files with logins: Docker's `config.json`, Podman's `auth.json`. The first that knows a registry
    /// counts.
    pub logins: Vec<PathBuf>,
    /// Where credential helpers are looked for instead of in `$PATH`, in the same form.
    pub helper_path: Option<OsString>,
    /// Files of PEM certificates of authorities that are trusted besides the system's.
    pub authorities: Vec<PathBuf>,
    /// Where to look for images of a registry before that itself is asked.
    pub mirrors: Vec<Mirror>,
    /// How often a request is made before it counts as failed.
    pub attempts: u32,
    pub connect_timeout: Duration,
    /// Longest silence within an answer.
    pub read_timeout: Duration,
    /// Largest manifest, configuration or attestation.
    pub document_bytes: u64,
}

impl Default for RegistryOptions {
    /// No logins; [`from_environment`](Self::from_environment) has them.
    fn default() -> Self {
        Self {
            insecure: Vec::new(),
            logins: Vec::new(),
            helper_path: None,
            authorities: Vec::new(),
            mirrors: Vec::new(),
            attempts: 4,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(60),
            document_bytes: lazaret_model::Limits::default().document_bytes,
        }
    }
}

impl RegistryOptions {
    /// With the logins of Docker and Podman.
    pub fn from_environment() -> Self {
        Self { logins: credentials::default_paths(), ..Self::default() }
    }
}

/// A registry that has copies of another's images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// The registry whose images it has: `docker.io`.
    pub of: String,
    /// `host[:port]`, or `host[:port]/path` where its repositories lie below a path.
    pub address: String,
}

/// A client for all registries. Cheap to clone.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    options: RegistryOptions,
    http: reqwest::Client,
    /// Loopback is not reached through a proxy.
    direct: reqwest::Client,
    credentials: Credentials,
    tokens: Tokens,
    /// One at a time writes the list of what is attached to an image.
    attaching: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("options", &self.0.options).finish_non_exhaustive()
    }
}

/// A manifest (or index) in a registry: what signatures and attestations are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestDescriptor {
    pub media_type: String,
    pub digest: Digest,
    pub size: u64,
}

impl Registry {
    pub fn new(options: RegistryOptions) -> Result<Self, SourceError> {
        let mut authorities = Vec::new();
        for path in &options.authorities {
            let fail = |source| SourceError::File { path: path.clone(), source };
            let read = std::fs::read(path).map_err(fail)?;
            let certificates = reqwest::Certificate::from_pem_bundle(&read);
            let certificates = certificates.map_err(|error| fail(std::io::Error::other(error)))?;
            if certificates.is_empty() {
                return Err(fail(std::io::Error::other("it holds no PEM certificate")));
            }
            authorities.extend(certificates);
        }
        let build = |direct: bool| {
            let builder = reqwest::Client::builder()
                .tls_certs_merge(authorities.iter().cloned())
                .user_agent(concat!("lazaret/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(options.connect_timeout)
                .read_timeout(options.read_timeout);
            let builder = if direct { builder.no_proxy() } else { builder };
            builder.build().map_err(|error| SourceError::RegistryUnreachable {
                registry: "client".to_owned(),
                why: client::reasons(&error),
            })
        };
        Ok(Self(Arc::new(Inner {
            http: build(false)?,
            direct: build(true)?,
            credentials: Credentials::load(&options.logins, options.helper_path.clone()),
            tokens: Tokens::default(),
            attaching: Mutex::default(),
            options,
        })))
    }

    /// What a reference leads to: the manifest's media type, digest and size.
    pub async fn describe(&self, reference: &ImageReference) -> Result<ManifestDescriptor, SourceError> {
        let (descriptor, _) = self.manifest(reference).await?;
        Ok(descriptor)
    }
}
