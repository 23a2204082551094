//! What agents learned of images: kept as each sent it, brought together when it is asked for.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use jiff::Timestamp;
use lazaret_format::v1::{
    LearnedBody, LearnedCoverage, LearnedList, LearnedSubject, PendingEntry, ReasonBody,
};
use lazaret_model::Digest;
use lazaret_profile::Subject;
use lazaret_profile::learn::{Learned, MOST_STORED_BYTES, Missing};
use lazaret_store::{LearnedRow, NewLearned, View};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::document::{Conflict, NotFound, Refusals};
use crate::app::App;
use crate::auth::AgentCaller;
use crate::commit::Change;
use crate::http::{Answer, ApiError, Parameters, RawBody, Segments, shorten};
use crate::together::merge;

/// Images and ways to run them that one agent may have here, beside what was brought together.
const MOST_ENTRIES: u64 = 1000;
/// All bytes that one agent may have here.
const MOST_BYTES: u64 = 128 << 20;

/// Keeps what an agent learned of an image, run in one way; it replaces what this agent said of it before.
#[utoipa::path(
    put, path = "/v1/learned/{image_config}/{variant}", tag = "learned", security(("agent" = [])),
    params(("image_config" = String, Path, description = "Digest of the image's configuration"),
        ("variant" = String, Path, description = "32 hex digits that name the way to run it")),
    request_body(content = Object, description = "The stored form of what was learned, at most 4 MiB"),
    responses((status = 204, description = "Kept"), Conflict, Refusals)
)]
pub(super) async fn put(
    State(app): State<Arc<App>>,
    Extension(agent): Extension<AgentCaller>,
    Segments(image_config, variant): Segments,
    RawBody(body): RawBody<MOST_STORED_BYTES>,
) -> Answer<StatusCode> {
    let read = tokio::task::spawn_blocking(move || {
        let learned = Learned::from_json(&body).map_err(|error| ApiError::invalid(error.to_string()))?;
        Answer::Ok((learned.subject().clone(), body))
    });
    let (subject, body) = read.await.map_err(ApiError::internal)??;
    let config: Digest =
        image_config.parse().map_err(|error| ApiError::invalid(format!("`image_config`: {error}")))?;
    if subject.image != config || subject.variant.key() != variant {
        return Err(ApiError::invalid(format!(
            "the body is about {} run as {}, the address about another: send it to its own address",
            subject.image,
            subject.variant.key()
        )));
    }
    app.commits.run(move |change| Box::pin(keep(change, agent, subject, body))).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn keep(change: &mut Change<'_>, agent: AgentCaller, subject: Subject, body: Vec<u8>) -> Answer<()> {
    let variant = subject.variant.key();
    let there = change.view().learned_total(agent.id, &subject.image, &variant).await?;
    if there.entries >= MOST_ENTRIES {
        return Err(ApiError::conflict(format!(
            "{} has {MOST_ENTRIES} images and ways to run them here, the most that are kept: nothing of {} is",
            agent.host, subject.image
        )));
    }
    if there.bytes.saturating_add(body.len() as u64) > MOST_BYTES {
        return Err(ApiError::conflict(format!(
            "what {} learned takes more than the {MOST_BYTES} bytes that are kept: nothing of {} is",
            agent.host, subject.image
        )));
    }
    let told = serde_json::to_string(&Told::from(&subject)).map_err(ApiError::internal)?;
    let now = change.now().to_owned();
    let new = NewLearned {
        agent: agent.id,
        image_config: subject.image,
        variant: &variant,
        subject: &told,
        body: &body,
        at: &now,
    };
    Ok(change.write.put_learned(&new).await?)
}

/// How an image is run, as it is kept for lists.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    command: Vec<String>,
    user: String,
    architecture: String,
}

impl From<&Subject> for Told {
    fn from(subject: &Subject) -> Self {
        let variant = subject.variant.clone();
        Self { command: variant.command, user: variant.user, architecture: variant.architecture }
    }
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Question {
    /// Digest of an image's configuration: only what was learned of it.
    image_config: Option<String>,
}

/// Of what something was learned.
#[utoipa::path(
    get, path = "/v1/learned", tag = "learned", security(("user" = [])), params(Question),
    responses((status = 200, body = LearnedList), Refusals)
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Parameters(question): Parameters<Question>,
) -> Answer<Json<LearnedList>> {
    let config: Option<Digest> = match question.image_config {
        Some(text) => {
            Some(text.parse().map_err(|error| ApiError::invalid(format!("`image_config`: {error}")))?)
        }
        None => None,
    };
    let mut read = app.store.read().await?;
    let mut view = read.view();
    let mut learned = Vec::new();
    for row in view.learned(config.as_ref()).await? {
        learned.push(subject(&mut view, row).await?);
    }
    Ok(Json(LearnedList { learned }))
}

async fn subject(view: &mut View<'_>, row: LearnedRow) -> Answer<LearnedSubject> {
    let Told { command, user, architecture } = serde_json::from_str(&row.subject).map_err(|error| {
        ApiError::internal(format!("what was learned of {} is not readable: {error}", row.image_config))
    })?;
    let mut images = view.images_with(&row.image_config).await?;
    images.retain(|image| image.config == row.image_config);
    Ok(LearnedSubject {
        image_config: row.image_config.to_string(),
        variant: row.variant,
        command,
        user,
        architecture,
        repository: images.into_iter().next_back().map(|image| image.repository),
        agents: row.agents,
        at: row.at,
    })
}

/// What all hosts learned of an image, run in one way.
#[utoipa::path(
    get, path = "/v1/learned/{image_config}/{variant}", tag = "learned", security(("user" = [])),
    params(("image_config" = String, Path, description = "Digest of the image's configuration"),
        ("variant" = String, Path, description = "32 hex digits that name the way to run it")),
    responses((status = 200, body = LearnedBody), NotFound, Refusals)
)]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    Segments(image_config, variant): Segments,
) -> Answer<Json<LearnedBody>> {
    let config: Digest =
        image_config.parse().map_err(|error| ApiError::invalid(format!("`image_config`: {error}")))?;
    let mut read = app.store.read().await?;
    let mut view = read.view();
    let rows = view.learned(Some(&config)).await?;
    let unknown = || {
        let variant = shorten(&variant);
        ApiError::not_found(format!("nothing was learned of {config} run as {variant}: see GET /v1/learned"))
    };
    let row = rows.into_iter().find(|row| row.variant == variant).ok_or_else(unknown)?;
    let subject = subject(&mut view, row).await?;
    let mut merged: Option<Learned> = None;
    if let Some(body) = view.learned_together(&config, &variant).await? {
        merged = Some(merge(None, body).await?);
    }
    let mut after = 0;
    while let Some((id, body)) = view.next_learned(&config, &variant, after).await? {
        after = id;
        merged = Some(merge(merged.take(), body).await?);
    }
    let merged = merged.ok_or_else(unknown)?;
    let body = tokio::task::spawn_blocking(move || body(subject, &merged, Timestamp::now()));
    body.await.map_err(ApiError::internal)?.map(Json)
}

fn body(subject: LearnedSubject, merged: &Learned, now: Timestamp) -> Answer<LearnedBody> {
    let profile = merged.profile_alone();
    let waiting = profile.waiting();
    let completion = merged.completion(now.as_second(), waiting.len());
    let pending = waiting.into_iter().map(|one| PendingEntry {
        id: one.id,
        section: one.section,
        entry: one.entry,
        replicas: one.pending.replicas,
        of: one.pending.of,
        tainted: one.pending.tainted,
    });
    Ok(LearnedBody {
        subject,
        profile: profile.text(),
        coverage: profile.coverage.map(|coverage| LearnedCoverage {
            since: coverage.since.to_string(),
            until: coverage.until.to_string(),
            starts: coverage.starts,
            stops: coverage.stops,
            gaps: coverage.gaps,
        }),
        missing: completion.missing.iter().map(missing).collect(),
        pending: pending.collect(),
        replicas: profile.coverage.map_or(0, |coverage| coverage.replicas),
        learned: serde_json::from_slice(&merged.to_json()).map_err(ApiError::internal)?,
    })
}

fn missing(missing: &Missing) -> ReasonBody {
    let (rule, message, remedy) = match missing {
        Missing::Quiet { seconds, needed } => (
            "quiet",
            format!("something new was seen {seconds} seconds ago; it takes {needed} without"),
            "let it run, under the load that it will have",
        ),
        Missing::Restart => {
            ("restart", "the program was started less than twice".to_owned(), "restart a container")
        }
        Missing::Stop => {
            ("stop", "the program was not seen to end as it was told".to_owned(), "stop a container")
        }
        Missing::Gap { times } => (
            "gap",
            format!("something was missed {times} times: the profile may miss it too"),
            "see `lazaret events`; learn again with less load on the host",
        ),
        Missing::Pending { entries } => (
            "pending",
            match entries {
                1 => "an entry waits for a person".to_owned(),
                _ => format!("{entries} entries wait for a person"),
            },
            "decide with --accept or --drop of `lazaret profile promote`",
        ),
    };
    ReasonBody { rule: rule.to_owned(), message, remedy: remedy.to_owned() }
}
