use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lazaret_format::cyclonedx::BillOfMaterial;
use lazaret_format::v1::{EvidenceRequest, ImageBody, ReasonBody};
use lazaret_model::{Digest, ImageReference};
use lazaret_store::{ImageRow, NewEnvelope, NewImage};
use lazaret_trust::{Envelope, Predicate, Verified, config_of_manifest};
use serde_json::json;

use super::statement::{check_profile, finding_rows, made, read_sbom, title, verdict_row};
use super::{accept, envelope_of, evidence_of, image_body};
use crate::api::document::Refusals;
use crate::app::App;
use crate::auth::Caller;
use crate::commit::Change;
use crate::http::{Answer, ApiError, Body};
use crate::wake::wake;

/// Statements of one request. Each is verified, and images have a handful.
const MOST: usize = 1000;

/// Takes in what is stated about an image: signatures, bills of material, scans. Promotions among them are
/// treated as by `POST /v1/promotions`, but one that is refused does not keep out the others.
#[utoipa::path(
    post, path = "/v1/images", tag = "images", security(("user" = [])), request_body = EvidenceRequest,
    responses((status = 200, body = ImageBody), Refusals)
)]
pub(in crate::api) async fn upload(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<EvidenceRequest, { 128 << 20 }>,
) -> Answer<Json<ImageBody>> {
    // Signatures and documents of megabytes: not on the threads that answer others.
    let trusted = app.trusted.clone();
    let read = tokio::task::spawn_blocking(move || Believed::read(request, &trusted));
    let believed = read.await.map_err(ApiError::internal)??;
    let (manifest, mut rejected) = (believed.manifest, believed.rejected.clone());
    let keep = Arc::clone(&app);
    let refused = app.commits.run(move |change| Box::pin(keep_all(change, keep, caller, believed))).await?;
    rejected.extend(refused);

    let mut read = app.store.read().await?;
    let mut view = read.view();
    let row = view
        .image(&manifest)
        .await?
        .ok_or_else(|| ApiError::internal("an image that was kept is not there"))?;
    let mut body = image_body(&mut view, &app, row).await?;
    body.rejected = rejected;
    Ok(Json(body))
}

/// What of a request can be believed.
#[derive(Debug)]
struct Believed {
    repository: String,
    manifest: Digest,
    config: Digest,
    manifest_bytes: Vec<u8>,
    statements: Vec<(Verified, Envelope)>,
    /// The bill of material of each statement that holds one.
    sboms: HashMap<Digest, BillOfMaterial>,
    rejected: Vec<ReasonBody>,
}

impl Believed {
    fn read(request: EvidenceRequest, trusted: &[lazaret_trust::VerifyingKey]) -> Answer<Self> {
        let repository = repository(&request.repository)?;
        let manifest: Digest =
            request.manifest.parse().map_err(|error| ApiError::invalid(format!("`manifest`: {error}")))?;
        let manifest_bytes = STANDARD
            .decode(&request.manifest_bytes)
            .map_err(|_| ApiError::invalid("`manifest_bytes` is not base64"))?;
        let config = config_of_manifest(&manifest_bytes, manifest)
            .map_err(|error| ApiError::invalid(error.to_string()))?;
        if request.envelopes.len() > MOST {
            return Err(ApiError::invalid(format!("at most {MOST} statements are taken at once")));
        }
        let mut envelopes = HashMap::new();
        for (number, body) in request.envelopes.iter().enumerate() {
            let envelope = envelope_of(body).map_err(|error| {
                ApiError::invalid(format!("statement {} of the request: {error}", number + 1))
            })?;
            envelopes.insert(envelope.digest(), envelope);
        }
        let all: Vec<Envelope> = envelopes.values().cloned().collect();
        let collected = lazaret_trust::evidence(&repository, manifest, config, &all, trusted);
        let mut rejected: Vec<ReasonBody> =
            collected.rejected.iter().map(|(digest, why)| rejection(digest, why)).collect();
        let mut sboms = HashMap::new();
        let mut statements = Vec::new();
        for verified in collected.statements {
            if let Predicate::Sbom(json) = &verified.statement.predicate {
                match read_sbom(json, manifest, config) {
                    Ok(sbom) => {
                        sboms.insert(verified.envelope, sbom);
                    }
                    Err(why) => {
                        rejected.push(rejection(&verified.envelope, &why));
                        continue;
                    }
                }
            }
            if let Predicate::Profile(profile) = &verified.statement.predicate
                && let Err(why) = check_profile(profile)
            {
                rejected.push(rejection(&verified.envelope, &why));
                continue;
            }
            if let Some(envelope) = envelopes.remove(&verified.envelope) {
                statements.push((verified, envelope));
            }
        }
        rejected.sort_by(|a, b| a.rule.cmp(&b.rule));
        if statements.is_empty() {
            let message = format!(
                "nothing that was sent about {repository}@{manifest} can be believed, so nothing of it is kept"
            );
            return Err(ApiError::invalid(message).with_reasons(rejected));
        }
        // Promotions last, oldest first: each may rest on what comes with it.
        statements.sort_by_cached_key(|(verified, _)| match &verified.statement.predicate {
            Predicate::Promotion(promotion) => (true, promotion.at.clone(), verified.envelope),
            _ => (false, String::new(), verified.envelope),
        });
        Ok(Self { repository, manifest, config, manifest_bytes, statements, sboms, rejected })
    }
}

fn repository(text: &str) -> Answer<String> {
    let reference: ImageReference =
        text.parse().map_err(|error| ApiError::invalid(format!("`repository`: {error}")))?;
    if reference.tag.is_some() || reference.digest.is_some() || reference.name() != text {
        return Err(ApiError::invalid("`repository` must be `registry/repository`, without tag or digest"));
    }
    Ok(text.to_owned())
}

fn rejection(digest: &Digest, why: &str) -> ReasonBody {
    ReasonBody { rule: digest.to_string(), message: why.to_owned(), remedy: String::new() }
}

/// Keeps what is new; answers the promotions that the policy refused.
async fn keep_all(
    change: &mut Change<'_>,
    app: Arc<App>,
    caller: Caller,
    believed: Believed,
) -> Answer<Vec<ReasonBody>> {
    let Believed { repository, manifest, config, manifest_bytes, statements, mut sboms, .. } = believed;
    let now = change.now().to_owned();
    let new = NewImage {
        repository: &repository,
        manifest,
        config,
        manifest_bytes: &manifest_bytes,
        first_seen: &now,
    };
    let image = change.write.put_image(&new).await?;
    let row = change.view().image(&manifest).await?;
    let row = row.ok_or_else(|| ApiError::internal("an image that was kept is not there"))?;
    let (mut added, mut refused) = (false, Vec::new());
    for (verified, envelope) in statements {
        if change.view().has_envelope(&verified.envelope).await? {
            continue;
        }
        if matches!(verified.statement.predicate, Predicate::Promotion(_)) {
            match accept(change, &app, &row, &verified, &envelope, &caller).await? {
                Ok(_) => {}
                Err(reasons) => refused
                    .extend(reasons.iter().map(|reason| rejection(&verified.envelope, &reason.message))),
            }
            continue;
        }
        added = true;
        let sbom = sboms.remove(&verified.envelope);
        keep(change, &row, &verified, &envelope, sbom.as_ref(), &caller).await?;
        if let Some(sbom) = sbom {
            unpack(change, image, sbom, manifest, config).await?;
        }
    }
    if added {
        newest_verdict(change, &app, &row).await?;
        change.write.next_revision().await?;
        change.after(move |memory| {
            memory.uses.forget(&config);
            wake(&memory.wake.admissions);
        });
    }
    Ok(refused)
}

/// Keeps one statement, with its entry in the audit log.
pub(super) async fn keep(
    change: &mut Change<'_>,
    image: &ImageRow,
    verified: &Verified,
    envelope: &Envelope,
    sbom: Option<&BillOfMaterial>,
    caller: &Caller,
) -> Answer<()> {
    let predicate = &verified.statement.predicate;
    let title = title(predicate, sbom);
    let kind = if matches!(predicate, Predicate::Promotion(_)) { "promotion" } else { "evidence" };
    let data = json!({
        "image": format!("{}@{}", image.repository, image.manifest), "config": image.config.to_string(),
        "envelope": verified.envelope.to_string(), "predicateType": predicate.predicate_type(),
        "title": title, "key": verified.key, "by": caller.title(),
    });
    let audit = change.record(kind, data)?;
    let came = change.now().to_owned();
    let body = String::from_utf8(envelope.to_json()).map_err(ApiError::internal)?;
    let new = NewEnvelope {
        digest: verified.envelope,
        image: image.id,
        predicate_type: predicate.predicate_type(),
        title: &title,
        key: &verified.key,
        at: made(predicate, &came),
        audit,
        body: &body,
    };
    Ok(change.write.add_envelope(&new).await?)
}

/// What is in the image, for the database and the index.
async fn unpack(
    change: &mut Change<'_>,
    image: i64,
    sbom: BillOfMaterial,
    manifest: Digest,
    config: Digest,
) -> Answer<()> {
    let release = sbom.distribution.as_ref().map(lazaret_model::Distribution::key).unwrap_or_default();
    change.write.set_release(image, &release).await?;
    change.write.set_packages(image, &sbom.packages).await?;
    let layers: Vec<(String, String)> =
        sbom.layers.into_iter().map(|layer| (layer.diff_id.to_string(), layer.created_by)).collect();
    change.write.set_layers(image, &layers).await?;
    let packages = sbom.packages;
    change.after(move |memory| {
        let keys = lazaret_advisory::release_keys(&release);
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        memory.fleet_mut().index.add_image(manifest, config, &keys, &packages);
    });
    Ok(())
}

async fn newest_verdict(change: &mut Change<'_>, app: &App, image: &ImageRow) -> Answer<()> {
    let known = change.view().verdict_of(image.id).await?.map(|row| row.envelope);
    let collected = evidence_of(&mut change.view(), image, &app.trusted, &[]).await?;
    if let Some((verified, verdict)) = collected.verdict()
        && known != Some(verified.envelope)
    {
        let row = verdict_row(image.id, verified, verdict);
        change.write.set_verdict(&row, &finding_rows(verdict)).await?;
    }
    Ok(())
}
