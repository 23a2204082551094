use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::{Extension, Json};
use lazaret_fleet::Start;
use lazaret_format::v1::{AgentBody, EnrollRequest, EnrollResponse};
use lazaret_model::ContainerKey;
use lazaret_store::NewAgent;
use lazaret_trust::digest_of;
use serde_json::json;

use super::document::{Conflict, Refusals};
use crate::app::App;
use crate::auth::{Caller, new_secret};
use crate::commit::Change;
use crate::http::{Answer, ApiError, Body, shorten};

/// How often it is written down when agents were last heard of.
const SEEN: Duration = Duration::from_secs(60);

/// Turns a host into an agent: an enrolment token for a key.
#[utoipa::path(
    post, path = "/v1/agents/enroll", tag = "agents", security(("enrolment" = [])), request_body = EnrollRequest,
    responses((status = 200, body = EnrollResponse), Conflict, Refusals)
)]
pub(super) async fn enroll(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<EnrollRequest>,
) -> Answer<Json<EnrollResponse>> {
    check(&request)?;
    let key = new_secret("lza").map_err(ApiError::internal)?;
    let secret = key.clone();
    let enrolled = app.commits.run(move |change| Box::pin(enrol(change, caller, request, secret)));
    Ok(Json(EnrollResponse { agent_id: enrolled.await?, key }))
}

fn check(request: &EnrollRequest) -> Answer<()> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    if request.host.is_empty() || request.host.len() > 253 || !request.host.bytes().all(plain) {
        let host = shorten(&request.host);
        return Err(ApiError::invalid(format!(
            "`{host}` is not a host name: use up to 253 letters, digits, `.`, `-` and `_`"
        )));
    }
    let printable = |text: &str, most| {
        !text.is_empty() && text.len() <= most && text.bytes().all(|b| b.is_ascii_graphic())
    };
    if !printable(&request.machine_id, 128) {
        return Err(ApiError::invalid("`machine_id` must be 1 to 128 printable characters without spaces"));
    }
    if !printable(&request.version, 64) {
        return Err(ApiError::invalid("`version` must be 1 to 64 printable characters without spaces"));
    }
    Ok(())
}

async fn enrol(
    change: &mut Change<'_>,
    caller: Caller,
    request: EnrollRequest,
    key: String,
) -> Answer<String> {
    let EnrollRequest { host, machine_id, version } = request;
    let holder = change.view().machine_of_host(&host).await?;
    if holder.is_some_and(|holder| holder != machine_id) {
        return Err(ApiError::conflict(format!(
            "another machine is enrolled as {host}: give this one another name (`host` in the agent's configuration)"
        )));
    }
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(ApiError::internal)?;
    let fresh = format!("agent-{}", hex::encode(random));
    let now = change.now().to_owned();
    let new = NewAgent {
        agent: &fresh,
        host: &host,
        machine: &machine_id,
        version: &version,
        key_hash: digest_of(key.as_bytes()),
        enrolled: &now,
    };
    let row = change.write.enrol(&new).await?;
    let again = row.agent != fresh;
    let data =
        json!({ "agent": row.agent, "host": host, "version": version, "again": again, "by": caller.title() });
    change.record("agent-enrolled", data)?;
    // A machine that was enrolled under another name takes its containers along.
    let running = change.view().running_containers().await?;
    let agent = row.agent.clone();
    change.after(move |memory| {
        memory.credentials_mut().set_agent(&row);
        if again {
            let index = &mut memory.fleet_mut().index;
            index.forget_containers();
            for container in running {
                let key = ContainerKey { host: container.host, id: container.container };
                let (name, started, image_config) =
                    (&container.name, &container.started, container.image_config);
                index.container_started(&Start { key: &key, name, image_config, started });
            }
        }
    });
    Ok(agent)
}

/// Hosts that are enrolled.
#[utoipa::path(
    get, path = "/v1/agents", tag = "agents", security(("user" = [])),
    responses((status = 200, body = Vec<AgentBody>), Refusals)
)]
pub(super) async fn list(State(app): State<Arc<App>>) -> Answer<Json<Vec<AgentBody>>> {
    let rows = app.store.read().await?.view().agents().await?;
    let body = |row: lazaret_store::AgentRow| AgentBody {
        agent_id: row.agent,
        host: row.host,
        version: row.version,
        enrolled: row.enrolled,
        last_seen: app.memory.last_seen(row.id).or(row.last_seen),
        events: row.events,
        lost: row.lost,
    };
    Ok(Json(rows.into_iter().map(body).collect()))
}

/// Writes down now and then when agents were last heard of.
pub(crate) async fn remember_seen(app: &App) {
    loop {
        tokio::time::sleep(SEEN).await;
        write_seen(app).await;
    }
}

pub(crate) async fn write_seen(app: &App) {
    let seen = app.memory.take_seen();
    if seen.is_empty() {
        return;
    }
    let work = app.commits.run(move |change| {
        Box::pin(async move {
            for (agent, at) in &seen {
                change.write.agent_seen(*agent, at).await?;
            }
            Ok(())
        })
    });
    if let Err(error) = work.await {
        tracing::warn!("failed to write down when agents were last heard of: {}", error.body.message);
    }
}
