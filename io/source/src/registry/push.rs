//! Small contents → a registry.

use bytes::Bytes;
use lazaret_model::Digest;
use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Method, StatusCode};

use super::Registry;
use super::client::{Repository, Request, explain};
use super::token::Access;
use crate::error::SourceError;
use crate::image::sha256;

impl Registry {
    /// Stores a blob unless it is there.
    pub(super) async fn push_blob(
        &self,
        repository: &Repository,
        bytes: &[u8],
    ) -> Result<Digest, SourceError> {
        self.push_blob_if_new(repository, bytes).await.map(|(digest, _)| digest)
    }

    /// The same, and whether it was not there.
    pub(super) async fn push_blob_if_new(
        &self,
        repository: &Repository,
        bytes: &[u8],
    ) -> Result<(Digest, bool), SourceError> {
        let digest = sha256(bytes);
        if self.has_blob(repository, digest).await? {
            return Ok((digest, false));
        }
        let what = "storing a blob";
        let url = repository.url("blobs/uploads/")?;
        let response =
            self.send(repository, &Request::new(Method::POST, url.clone(), Access::Push, what)).await?;
        if response.status() != StatusCode::ACCEPTED {
            return Err(repository.failed(what, explain(response).await));
        }
        // Relative or absolute, perhaps on another host.
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let mut upload = location
            .and_then(|location| url.join(location).ok())
            .ok_or_else(|| repository.failed(what, "it names no place to upload to"))?;
        upload.query_pairs_mut().append_pair("digest", &digest.to_string());
        let request = Request {
            content_type: "application/octet-stream",
            body: Bytes::copy_from_slice(bytes),
            ..Request::new(Method::PUT, upload, Access::Push, what)
        };
        let response = self.send(repository, &request).await?;
        match response.status() {
            StatusCode::CREATED => Ok((digest, true)),
            _ => Err(repository.failed(what, explain(response).await)),
        }
    }

    /// Stores a manifest under a tag or its digest; gives the answer's headers.
    pub(super) async fn push_manifest(
        &self,
        repository: &Repository,
        name: &str,
        media_type: &str,
        bytes: Vec<u8>,
    ) -> Result<HeaderMap, SourceError> {
        let what = "storing a manifest";
        let url = repository.url(&format!("manifests/{name}"))?;
        let request = Request {
            content_type: media_type,
            body: bytes.into(),
            ..Request::new(Method::PUT, url, Access::Push, what)
        };
        let response = self.send(repository, &request).await?;
        match response.status() {
            StatusCode::CREATED | StatusCode::OK => Ok(response.headers().clone()),
            _ => Err(repository.failed(what, explain(response).await)),
        }
    }
}
