use std::sync::Arc;
use std::time::Instant;

use lazaret_fleet::{Index, Knowledge, Start};
use lazaret_model::ContainerKey;
use lazaret_policy::Policy;
use lazaret_store::Store;

use super::{bad_row, internal};
use crate::api::events::decision_entry;
use crate::app::App;
use crate::auth::Credentials;
use crate::error::ServeError;
use crate::memory::{Fleet, Memory};

/// Builds from the database what is kept in memory.
pub(super) async fn memory(store: &Store) -> Result<Memory, ServeError> {
    let begun = Instant::now();
    let mut read = store.read().await?;
    let mut view = read.view();
    let mut credentials = Credentials::default();
    for token in view.tokens().await? {
        credentials.add_token(&token);
    }
    for agent in view.agent_credentials().await? {
        credentials.set_agent(&agent);
    }
    let mut index = Index::new(lazaret_advisory::speaks_of_version);
    for image in view.images().await? {
        let packages = view.packages_of(image.id).await?;
        let keys = lazaret_advisory::release_keys(&image.release);
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        index.add_image(image.manifest, image.config, &keys, &packages);
    }
    for container in view.running_containers().await? {
        let key = ContainerKey { host: container.host, id: container.container };
        let (name, started, image_config) = (&container.name, &container.started, container.image_config);
        index.container_started(&Start { key: &key, name, image_config, started });
    }
    let mut knowledge = Knowledge::new();
    for advisory in view.advisories().await? {
        knowledge.insert(advisory);
    }
    let (images, versions, containers) = index.counts();
    tracing::info!(images, versions, containers, advisories = knowledge.len(), took = ?begun.elapsed(), "the fleet is in memory");
    let policy = match view.policy().await? {
        None => None,
        Some(row) => match Policy::parse(&row.text, "policy in force") {
            Ok(policy) => Some(Arc::new(policy)),
            Err(error) => {
                tracing::error!(
                    "the policy in force is not understood any more, so nothing is promoted; push it again: {error}"
                );
                None
            }
        },
    };
    let memory = Memory::new(credentials, Fleet { index, knowledge }, policy);
    memory.wake.events.send_replace(view.last_position().await?);
    memory.wake.admissions.send_replace(view.revision().await?);
    Ok(memory)
}

/// Gives entries in the audit log to decisions that came while it was closed.
pub(super) async fn log_what_was_left_out(app: &App) -> Result<(), ServeError> {
    if app.log.closed.is_some() {
        return Ok(());
    }
    loop {
        let decisions = app.store.read().await?.view().unlogged_decisions(1000).await?;
        if decisions.is_empty() {
            return Ok(());
        }
        tracing::info!(
            count = decisions.len(),
            "decisions that came while the audit log was closed are entered"
        );
        let mut entries = Vec::with_capacity(decisions.len());
        for decision in decisions {
            let event = serde_json::from_str(&decision.body)
                .map_err(|_| bad_row(&app.store, "an event is not readable"))?;
            entries.push((decision.position, decision.host, event));
        }
        let work = app.commits.run(move |change| {
            Box::pin(async move {
                for (position, host, event) in entries {
                    let entry = decision_entry(&host, &event);
                    let audit = change.record("decision", entry)?;
                    change.write.set_decision_logged(position, audit).await?;
                }
                Ok(())
            })
        });
        work.await.map_err(internal)?;
    }
}
