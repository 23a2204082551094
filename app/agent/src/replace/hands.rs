//! The real engine's hands. Each request that the plugin refuses to others is announced to it first.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lazaret_engine::docker::{Client, ContainerDetails, EngineContainer, EngineError, StoreReader};
use lazaret_model::{EngineAction, ImageReference, ReferenceError};
use serde_json::json;

use super::advance::Hands;
use crate::authz::intents::Intents;
use crate::engine_http;

const PAUSE: Duration = Duration::from_millis(500);
/// Large images from slow registries.
const PULL_PATIENCE: Duration = Duration::from_secs(1800);

#[derive(Debug)]
pub struct EngineHands {
    socket: PathBuf,
    files: StoreReader,
    intents: Arc<Intents>,
}

impl EngineHands {
    pub fn new(socket: PathBuf, files: StoreReader, intents: Arc<Intents>) -> Self {
        Self { socket, files, intents }
    }

    /// A connection of its own for each request: the engine may have been restarted since the last.
    async fn engine(&self) -> Result<Client, EngineError> {
        Client::connect(&self.socket).await
    }

    async fn announced(
        &self,
        action: EngineAction,
        subject: &str,
        body: Option<serde_json::Value>,
    ) -> Result<Client, EngineError> {
        let engine = self.engine().await?;
        self.intents.announce(action, subject, body);
        Ok(engine)
    }
}

impl Hands for EngineHands {
    async fn containers(&self) -> Result<Vec<EngineContainer>, EngineError> {
        self.engine().await?.containers().await
    }

    async fn inspect(&self, container: &str) -> Result<ContainerDetails, EngineError> {
        self.engine().await?.inspect(container).await
    }

    async fn pull(&self, image: &str) -> Result<(), EngineError> {
        if self.files.resolve(image)?.is_some() {
            return Ok(());
        }
        let failed = |message: String| EngineError::Failed { what: format!("pull {image}"), message };
        let reference: ImageReference =
            image.parse().map_err(|error: ReferenceError| failed(error.to_string()))?;
        let digest = reference.digest.ok_or_else(|| failed("it is not named by digest".to_owned()))?;
        let name = reference.name();
        self.intents.announce(EngineAction::Pull, &format!("{name}@{digest}"), None);
        let uri = format!("/images/create?fromImage={name}&tag={digest}");
        let answer = engine_http::send(&self.socket, "POST", &uri, PULL_PATIENCE).await;
        let answer = answer.map_err(|error| EngineError::Unreachable {
            socket: self.socket.clone(),
            why: error.to_string(),
        })?;
        match answer.complaint() {
            None if answer.is_ok() => Ok(()),
            complaint => Err(failed(complaint.unwrap_or(answer.status))),
        }
    }

    async fn create_like(
        &self,
        old: &str,
        image: &str,
        name: &str,
        labels: HashMap<String, String>,
    ) -> Result<String, EngineError> {
        self.engine().await?.create_like(old, image, name, labels).await
    }

    async fn start(&self, container: &str) -> Result<(), EngineError> {
        self.engine().await?.start(container).await
    }

    async fn stop(&self, container: &str, seconds: u32) -> Result<(), EngineError> {
        self.announced(EngineAction::Stop, container, None).await?.stop(container, seconds).await
    }

    async fn remove(&self, container: &str) -> Result<(), EngineError> {
        self.announced(EngineAction::Remove, container, None).await?.remove(container).await
    }

    async fn rename(&self, container: &str, name: &str) -> Result<(), EngineError> {
        self.announced(EngineAction::Rename, container, None).await?.rename(container, name).await
    }

    async fn connect(&self, network: &str, container: &str, aliases: &[String]) -> Result<(), EngineError> {
        let body = json!({"Container": container, "EndpointConfig": {"Aliases": aliases}});
        let engine =
            self.announced(EngineAction::ConnectNetwork, &membership(container, network), Some(body)).await?;
        engine.connect_network(network, container, aliases).await
    }

    async fn disconnect(&self, network: &str, container: &str) -> Result<(), EngineError> {
        let body = json!({"Container": container, "Force": false});
        let engine = self
            .announced(EngineAction::DisconnectNetwork, &membership(container, network), Some(body))
            .await?;
        engine.disconnect_network(network, container).await
    }

    async fn pause(&self) {
        tokio::time::sleep(PAUSE).await;
    }
}

/// As the plugin's decoder names what is connected to what.
fn membership(container: &str, network: &str) -> String {
    format!("{container} (network {network})")
}
