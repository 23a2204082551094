//! What is attached to an image: the referrers API where the registry has it, else the index under
//! the tag `sha256-<hex>` (distribution specification, "Referrers Tag Schema").

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use lazaret_model::Digest;
use reqwest::{Method, StatusCode, Url};
use serde_json::{Value, json};

use super::Registry;
use super::client::{Repository, Request, explain};
use super::token::Access;
use crate::error::SourceError;
use crate::manifest::{Descriptor, Manifest, OCI_INDEX};
use crate::retry::jitter;

/// Pages of the referrers API.
const MOST_PAGES: usize = 50;
/// How often the index is written before another writer is taken to be stuck in it.
const MOST_ROUNDS: u32 = 20;

fn tag(subject: Digest) -> String {
    format!("sha256-{}", subject.hex())
}

impl Registry {
    /// Everything that says it is about `subject`.
    pub(super) async fn referrers(
        &self,
        repository: &Repository,
        subject: Digest,
    ) -> Result<Vec<Descriptor>, SourceError> {
        let what = "listing what is attached to an image";
        let mut url = repository.url(&format!("referrers/{subject}"))?;
        let mut found = Vec::new();
        for page in 0..MOST_PAGES {
            let request =
                Request { accept: OCI_INDEX, ..Request::new(Method::GET, url.clone(), Access::Pull, what) };
            let response = self.send(repository, &request).await?;
            match response.status() {
                StatusCode::OK => {}
                // No such API: registries answer 404, a few that route loosely 400 or 405.
                StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST | StatusCode::METHOD_NOT_ALLOWED
                    if page == 0 =>
                {
                    let index = self.tagged_index(repository, subject).await?;
                    return Ok(index.map(|(entries, _)| entries).unwrap_or_default());
                }
                _ => return Err(repository.failed(what, explain(response).await)),
            }
            let next = next_page(&response, &url).filter(|next| repository.same_origin(next));
            let bytes = self.document(repository, response, what).await?;
            found.extend(entries(&bytes, &repository.registry)?);
            match next {
                Some(next) => url = next,
                None => break,
            }
        }
        Ok(found)
    }

    /// The index under the fallback tag: its entries, and the document as it is.
    async fn tagged_index(
        &self,
        repository: &Repository,
        subject: Digest,
    ) -> Result<Option<(Vec<Descriptor>, Value)>, SourceError> {
        let what = "reading the list of what is attached to an image";
        let url = repository.url(&format!("manifests/{}", tag(subject)))?;
        let request = Request { accept: OCI_INDEX, ..Request::new(Method::GET, url, Access::Pull, what) };
        let response = self.send(repository, &request).await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            _ => return Err(repository.failed(what, explain(response).await)),
        }
        let bytes = self.document(repository, response, what).await?;
        let entries = entries(&bytes, &repository.registry)?;
        // What other tools wrote into it is kept as it is.
        let document =
            serde_json::from_slice(&bytes).map_err(|error| repository.failed(what, error.to_string()))?;
        Ok(Some((entries, document)))
    }

    /// Adds entries to the index under the fallback tag.
    ///
    /// Registries cannot write on condition: a writer that read the index before another one wrote
    /// it overwrites the other's entry. So each stays until it has seen its entries twice, longer
    /// apart than it takes anybody to read and write; who finds them gone adds them again.
    pub(super) async fn add_to_index(
        &self,
        repository: &Repository,
        subject: Digest,
        add: &[Descriptor],
    ) -> Result<(), SourceError> {
        let turn = self.turn(repository, subject);
        let _turn = turn.lock().await;
        let mut seen = 0;
        let mut slowest = Duration::ZERO;
        for _ in 0..MOST_ROUNDS {
            let begun = Instant::now();
            let index = self.tagged_index(repository, subject).await?;
            let missing: Vec<&Descriptor> = match &index {
                Some((entries, _)) => {
                    add.iter().filter(|new| !entries.iter().any(|entry| entry.digest == new.digest)).collect()
                }
                None => add.iter().collect(),
            };
            if missing.is_empty() {
                seen += 1;
                if seen == 2 {
                    return Ok(());
                }
            } else {
                seen = 0;
                let document = with_entries(index.map(|(_, document)| document), &missing);
                self.push_manifest(repository, &tag(subject), OCI_INDEX, document.to_string().into_bytes())
                    .await?;
                slowest = slowest.max(begun.elapsed());
            }
            let settle = (slowest * 4).clamp(Duration::from_millis(50), Duration::from_secs(5));
            tokio::time::sleep(settle + jitter(settle / 2)).await;
        }
        let what = "storing the list of what is attached to an image";
        Err(repository.failed(what, "others write to it all the time"))
    }

    /// Within one process writers wait for each other.
    fn turn(&self, repository: &Repository, subject: Digest) -> Arc<tokio::sync::Mutex<()>> {
        let key = format!("{}/{}@{subject}", repository.registry, repository.path);
        let mut attaching = self.0.attaching.lock().unwrap_or_else(PoisonError::into_inner);
        attaching.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(attaching.entry(key).or_default())
    }
}

fn entries(bytes: &[u8], registry: &str) -> Result<Vec<Descriptor>, SourceError> {
    let subject = format!("a list of attestations in the registry {registry}");
    match Manifest::read(bytes, &subject)? {
        Manifest::Index(entries) => Ok(entries),
        Manifest::Image(_) => Err(SourceError::Corrupt {
            subject,
            why: "there is an image where the list should be".to_owned(),
        }),
    }
}

fn with_entries(document: Option<Value>, add: &[&Descriptor]) -> Value {
    let mut document =
        document.unwrap_or_else(|| json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}));
    if let Some(manifests) = document["manifests"].as_array_mut() {
        manifests.extend(add.iter().map(|entry| json!(entry)));
    }
    document
}

/// `Link: <url>; rel="next"`.
fn next_page(response: &reqwest::Response, base: &Url) -> Option<Url> {
    let link = response.headers().get("link")?.to_str().ok()?;
    let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
    parameters.replace('"', "").contains("rel=next").then(|| base.join(target).ok())?
}
