//! Contents by digest, verified while they stream, taken up again where they broke off.

use std::io;

use lazaret_model::Digest;
use reqwest::{Method, StatusCode};
use sha2::{Digest as _, Sha256};
use tokio::runtime::Handle;

use super::Registry;
use super::client::{Repository, Request, bounded, explain, reasons};
use super::token::Access;
use crate::bridge::{self, Closed, Writer};
use crate::error::SourceError;
use crate::layer::{LayerBytes, Opener};
use crate::manifest::Descriptor;
use crate::problems::SourceFailed;
use crate::retry::back_off;

/// A layer in a registry.
pub(super) struct RemoteLayer {
    pub(super) registry: Registry,
    pub(super) repository: Repository,
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) runtime: Handle,
}

impl Opener for RemoteLayer {
    fn open(&self) -> io::Result<LayerBytes> {
        let (writer, reader) = bridge::channel();
        let registry = self.registry.clone();
        let (repository, digest, size) = (self.repository.clone(), self.digest, self.size);
        self.runtime.spawn(async move {
            match registry.stream(&repository, digest, size, &writer).await {
                Ok(()) => writer.finish(Ok(())).await,
                Err(Broken::Closed) => {}
                Err(Broken::Failed(error)) => writer.finish(Err(error)).await,
            }
        });
        Ok(LayerBytes::Stream(Box::new(reader)))
    }

    fn verifies(&self) -> bool {
        true
    }
}

/// Why a transfer ended early.
enum Broken {
    Closed,
    Failed(io::Error),
}

impl From<Closed> for Broken {
    fn from(Closed: Closed) -> Self {
        Self::Closed
    }
}

impl Registry {
    async fn stream(
        &self,
        repository: &Repository,
        digest: Digest,
        size: u64,
        writer: &Writer,
    ) -> Result<(), Broken> {
        let what = format!("layer sha256:{}", digest.short());
        let failed = |text: String| Broken::Failed(SourceFailed::io(text));
        let wrong = |text: String| Broken::Failed(io::Error::new(io::ErrorKind::InvalidData, text));
        let url = repository.url(&format!("blobs/{digest}")).map_err(|error| failed(error.to_string()))?;
        let mut hash = Sha256::new();
        let mut have: u64 = 0;
        let mut attempt = 0;
        while have < size || attempt == 0 {
            let request =
                Request { from: have, ..Request::new(Method::GET, url.clone(), Access::Pull, &what) };
            let mut response =
                self.send(repository, &request).await.map_err(|error| failed(error.to_string()))?;
            // A registry that does not do ranges begins anew.
            let mut skip = match response.status() {
                StatusCode::OK => have,
                StatusCode::PARTIAL_CONTENT if have > 0 => 0,
                _ => {
                    return Err(failed(format!(
                        "the registry {} answered {}",
                        repository.registry,
                        explain(response).await
                    )));
                }
            };
            let before = have;
            let broke = loop {
                match response.chunk().await {
                    Ok(Some(mut chunk)) => {
                        let pass = usize::try_from(skip).unwrap_or(usize::MAX).min(chunk.len());
                        skip -= pass as u64;
                        let _ = chunk.split_to(pass);
                        have += chunk.len() as u64;
                        if have > size {
                            return Err(wrong(format!(
                                "it is larger than the {size} bytes that its manifest says"
                            )));
                        }
                        hash.update(&chunk);
                        writer.write(chunk).await?;
                    }
                    Ok(None) => break "it is shorter than its manifest says".to_owned(),
                    Err(error) => break reasons(&error),
                }
            };
            if have == size {
                break;
            }
            attempt = if have > before { 1 } else { attempt + 1 };
            if attempt >= self.0.options.attempts {
                return Err(failed(format!("the registry {} broke off: {broke}", repository.registry)));
            }
            tracing::debug!("{what} broke off at {have} of {size} bytes: {broke}");
            tokio::time::sleep(back_off(attempt)).await;
        }
        if <[u8; 32]>::from(hash.finalize()) != *digest.as_bytes() {
            return Err(wrong(format!("its bytes do not have the digest {digest}")));
        }
        Ok(())
    }

    /// A small blob, verified.
    pub(super) async fn small_blob(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        what: &str,
    ) -> Result<Vec<u8>, SourceError> {
        let corrupt = |why: String| SourceError::Corrupt {
            subject: format!("{what} in {}/{}", repository.registry, repository.path),
            why,
        };
        let digest = descriptor.digest().map_err(&corrupt)?;
        let url = repository.url(&format!("blobs/{digest}"))?;
        let response = self.send(repository, &Request::new(Method::GET, url, Access::Pull, what)).await?;
        if response.status() != StatusCode::OK {
            return Err(repository.failed(what, explain(response).await));
        }
        let bytes = self.document(repository, response, what).await?;
        if crate::image::sha256(&bytes) != digest {
            return Err(corrupt(format!("its bytes do not have the digest {digest}")));
        }
        Ok(bytes)
    }

    pub(super) async fn has_blob(
        &self,
        repository: &Repository,
        digest: Digest,
    ) -> Result<bool, SourceError> {
        let url = repository.url(&format!("blobs/{digest}"))?;
        let request = Request::new(Method::HEAD, url, Access::Push, "looking for a blob");
        let response = self.send(repository, &request).await?;
        let found = response.status() == StatusCode::OK;
        // Nothing is in it, but the connection is free once it was read.
        let _ = bounded(response, 0).await;
        Ok(found)
    }
}
