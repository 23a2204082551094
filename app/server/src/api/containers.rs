use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use lazaret_format::v1::ContainerBody;
use lazaret_model::Digest;
use lazaret_policy::Policy;
use lazaret_store::{ContainerRow, ImageRow, View};
use serde::Deserialize;
use utoipa::IntoParams;

use super::document::Refusals;
use super::stages;
use crate::app::App;
use crate::http::{Answer, Parameters};

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Question {
    /// Ended containers too.
    all: bool,
}

/// What runs, newest first.
#[utoipa::path(
    get, path = "/v1/containers", tag = "containers", security(("user" = [])), params(Question),
    responses((status = 200, body = Vec<ContainerBody>), Refusals)
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Parameters(question): Parameters<Question>,
) -> Answer<Json<Vec<ContainerBody>>> {
    let mut read = app.store.read().await?;
    let mut view = read.view();
    let mut images = Images::new(app.memory.policy());
    let mut bodies = Vec::new();
    for row in view.containers(question.all).await? {
        bodies.push(images.container(&mut view, row).await?);
    }
    Ok(Json(bodies))
}

/// Which images containers are of; each is looked up once.
#[derive(Debug)]
pub(super) struct Images {
    policy: Option<Arc<Policy>>,
    known: HashMap<Digest, Option<(ImageRow, Option<String>)>>,
}

impl Images {
    pub(super) fn new(policy: Option<Arc<Policy>>) -> Self {
        Self { policy, known: HashMap::new() }
    }

    /// The image with this configuration and the furthest stage that it is promoted to. Of several images
    /// one that is promoted, and of these the newest.
    pub(super) async fn of(
        &mut self,
        view: &mut View<'_>,
        config: &Digest,
    ) -> Answer<Option<(ImageRow, Option<String>)>> {
        if let Some(known) = self.known.get(config) {
            return Ok(known.clone());
        }
        let mut best: Option<(ImageRow, Option<String>)> = None;
        for image in view.images_with(config).await?.into_iter().filter(|image| image.config == *config) {
            let stage = stages::furthest(self.policy.as_deref(), &view.promotions_of(image.id).await?);
            if best.as_ref().is_none_or(|(_, known)| stage.is_some() || known.is_none()) {
                best = Some((image, stage));
            }
        }
        self.known.insert(*config, best.clone());
        Ok(best)
    }

    pub(super) async fn container(
        &mut self,
        view: &mut View<'_>,
        row: ContainerRow,
    ) -> Answer<ContainerBody> {
        let image = match &row.image_config {
            Some(config) => self.of(view, config).await?,
            None => None,
        };
        let management = if row.decision.is_some() { "managed" } else { "unmanaged" };
        let state = if row.running { "running" } else { "ended" };
        let (manifest, stage) = match image {
            Some((image, stage)) => (Some(image.manifest.to_string()), stage),
            None => (None, None),
        };
        Ok(ContainerBody {
            host: row.host,
            container: row.container,
            name: row.name,
            management: management.to_owned(),
            image_name: row.image_name,
            image_config: row.image_config.map(|config| config.to_string()),
            image_manifest: manifest,
            stage,
            decision: row.decision,
            state: state.to_owned(),
            command: row.command,
            started: row.started,
            ended: row.ended,
            exit_code: row.exit_code,
        })
    }
}
