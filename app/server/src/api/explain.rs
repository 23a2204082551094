use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use lazaret_format::v1::{
    AgentEvent, ContainerBody, EventKind, ExplainBody, ExplainDecision, ExplainLayer, ExplainStatement,
    ExplainVerdict, ReasonBody,
};
use lazaret_model::Digest;
use lazaret_store::{ContainerRow, DecisionRow, ImageRow, View};
use lazaret_trust::Collected;

use super::containers::Images;
use super::document::{Conflict, NotFound, Refusals};
use super::images::{evidence_of, image_body};
use crate::app::App;
use crate::http::{Answer, ApiError, Segment, shorten};

mod missing;

/// Decisions about an image that are shown; of a container all are.
const DECISIONS: u32 = 50;

/// The chain of evidence of a container (by name or id) or an image (by manifest or configuration digest).
#[utoipa::path(
    get, path = "/v1/explain/{subject}", tag = "explain", security(("user" = [])),
    params(("subject" = String, Path, description = "Name or id of a container, or a digest")),
    responses((status = 200, body = ExplainBody), NotFound, Conflict, Refusals)
)]
pub(super) async fn explain(
    State(app): State<Arc<App>>,
    Segment(subject): Segment,
) -> Answer<Json<ExplainBody>> {
    let mut read = app.store.read().await?;
    let mut view = read.view();
    let mut images = Images::new(app.memory.policy());
    let (container, image) = match subject.parse::<Digest>() {
        Ok(digest) => (None, Some(image(&mut view, &digest).await?)),
        Err(_) => {
            let row = container(&mut view, &subject).await?;
            let image = match &row.image_config {
                Some(config) => images.of(&mut view, config).await?.map(|(image, _)| image),
                None => None,
            };
            (Some(row), image)
        }
    };
    let decisions = match (&container, &image) {
        (Some(row), _) => {
            view.decisions_of_container(row.agent, &row.container, row.decision.as_deref()).await?
        }
        (None, Some(image)) => view.decisions_of_image(&image.config, DECISIONS).await?,
        (None, None) => Vec::new(),
    };
    let decisions: Vec<ExplainDecision> =
        decisions.into_iter().map(|(row, body)| decision(row, &body)).collect::<Answer<_>>()?;
    let container = match container {
        Some(row) => Some(images.container(&mut view, row).await?),
        None => None,
    };
    chain(&mut view, &app, container, image, decisions).await.map(Json)
}

async fn chain(
    view: &mut View<'_>,
    app: &App,
    container: Option<ContainerBody>,
    image: Option<ImageRow>,
    decisions: Vec<ExplainDecision>,
) -> Answer<ExplainBody> {
    let Some(row) = image else {
        let mut missing = missing::of_container(container.as_ref(), &decisions);
        missing.extend(missing::of_unknown_image(container.as_ref()));
        let (layers, packages, statements) = (Vec::new(), Vec::new(), Vec::new());
        return Ok(ExplainBody {
            container,
            image: None,
            layers,
            packages,
            statements,
            verdict: None,
            decisions,
            missing,
        });
    };
    let collected = evidence_of(view, &row, &app.trusted, &[]).await?;
    let statements = statements(view, &row, &collected).await?;
    let verdict = collected.verdict().map(|(_, verdict)| ExplainVerdict {
        outcome: verdict.outcome.name().to_owned(),
        policy: verdict.policy.to_string(),
        database: verdict.database.digest.to_string(),
        database_built: verdict.database.built.clone(),
        findings: verdict.findings.len() as u64,
        reasons: crate::http::reason_bodies(&verdict.reasons),
        at: verdict.at.clone(),
    });
    let mut missing = missing::of_container(container.as_ref(), &decisions);
    missing.extend(missing::of_image(&collected, &statements));
    missing.extend(app.log.closed.as_ref().map(|why| format!("the audit log is closed: {why}")));
    let layers = view.layers_of(row.id).await?.into_iter();
    let layers = layers
        .map(|layer| ExplainLayer {
            diff_id: layer.diff_id,
            created_by: layer.created_by,
            packages: layer.packages,
        })
        .collect();
    let packages = view.packages_of(row.id).await?;
    let packages =
        packages.into_iter().map(|package| format!("{} {}", package.name, package.version)).collect();
    let image = Some(image_body(view, app, row).await?);
    Ok(ExplainBody { container, image, layers, packages, statements, verdict, decisions, missing })
}

async fn statements(
    view: &mut View<'_>,
    image: &ImageRow,
    collected: &Collected,
) -> Answer<Vec<ExplainStatement>> {
    let rows = view.envelopes_of(image.id, &[]).await?;
    let believed = |digest: &Digest| collected.statements.iter().any(|known| known.envelope == *digest);
    let statement = |row: lazaret_store::EnvelopeRow| ExplainStatement {
        verified: believed(&row.digest),
        envelope: row.digest.to_string(),
        predicate_type: row.predicate_type,
        title: row.title,
        key: row.key,
        at: row.at,
        audit: row.audit,
    };
    Ok(rows.into_iter().map(statement).collect())
}

async fn image(view: &mut View<'_>, digest: &Digest) -> Answer<ImageRow> {
    let image = view.images_with(digest).await?.pop();
    image.ok_or_else(|| {
        ApiError::not_found(format!("no image {digest} is known: nothing was ever stated about it"))
    })
}

/// The container that is meant: one that runs before one that ran.
async fn container(view: &mut View<'_>, text: &str) -> Answer<ContainerRow> {
    let mut found = view.find_containers(text, None).await?;
    let running: Vec<&ContainerRow> = found.iter().filter(|row| row.running).collect();
    if running.len() > 1 {
        let names: Vec<String> =
            running.iter().map(|row| format!("{} on {}", row.container, row.host)).collect();
        return Err(ApiError::conflict(format!(
            "`{}` may be any of {}: name it by its id",
            shorten(text),
            names.join(", ")
        )));
    }
    if found.is_empty() {
        let text = shorten(text);
        return Err(ApiError::not_found(format!("no container `{text}` is known: see `lazaret ps --all`")));
    }
    // Running ones come first, then the newest.
    Ok(found.swap_remove(0))
}

fn decision(row: DecisionRow, body: &str) -> Answer<ExplainDecision> {
    let event: AgentEvent = serde_json::from_str(body).map_err(|error| {
        ApiError::internal(format!("event {} in the database is not readable: {error}", row.position))
    })?;
    let EventKind::Decided { decision, allow, operation, subject, policy, reasons, .. } = event.what else {
        return Err(ApiError::internal(format!("event {} in the database is no decision", row.position)));
    };
    let audit = row.audit;
    let mut reasons: Vec<ReasonBody> = reasons;
    if audit.is_none() {
        reasons.push(missing::unlogged());
    }
    Ok(ExplainDecision {
        decision,
        allow,
        operation,
        subject,
        policy,
        at: event.at,
        reasons,
        audit: audit.unwrap_or_default(),
    })
}
