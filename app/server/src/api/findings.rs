use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use lazaret_format::v1::{FindingsBody, FleetFinding};
use lazaret_model::{Digest, Severity};
use lazaret_store::{ImageRow, View};
use serde::Deserialize;
use utoipa::IntoParams;

use super::affected::{ATTESTED, IMPORTED};
use super::document::{NotFound, Refusals};
use super::used::Observed;
use crate::app::App;
use crate::http::{Answer, ApiError, Parameters};
use crate::usage::Lookup;

/// Findings of one answer.
const MOST: usize = 10_000;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Question {
    /// Digest of a manifest or configuration; without it all images of which containers run.
    image: Option<String>,
    /// The first so many, 10,000 at most.
    limit: usize,
    /// Seconds that a container must have been watched before something counts as not seen; a day without it.
    observed: u32,
}

impl Default for Question {
    fn default() -> Self {
        Self { image: None, limit: 1000, observed: Observed::default().observed }
    }
}

/// What is wrong with what runs, or with one image: what is in use first, then by severity.
#[utoipa::path(
    get, path = "/v1/findings", tag = "advisories", security(("user" = [])), params(Question),
    responses((status = 200, body = FindingsBody), NotFound, Refusals)
)]
pub(super) async fn findings(
    State(app): State<Arc<App>>,
    Parameters(question): Parameters<Question>,
) -> Answer<Json<FindingsBody>> {
    let mut uses = Lookup::new(&app.memory.uses, question.observed);
    let mut read = app.store.read().await?;
    let mut view = read.view();
    let images = match &question.image {
        Some(text) => vec![one(&mut view, text).await?],
        None => running(view.images().await?, &app),
    };
    let mut body = FindingsBody {
        images: images.len() as u64,
        total: 0,
        in_use: 0,
        not_seen: 0,
        unknown: 0,
        findings: Vec::new(),
    };
    for row in images {
        let found = of_image(&mut view, &app, &mut uses, &row).await?;
        for finding in &found {
            let count = match finding.in_use.rank() {
                0 => &mut body.in_use,
                1 => &mut body.unknown,
                _ => &mut body.not_seen,
            };
            *count += 1;
        }
        body.total += found.len() as u64;
        body.findings.extend(found);
        // A fleet may have millions: only those that can be in the answer are kept.
        if body.findings.len() > 4 * MOST {
            shorten(&mut body.findings, MOST);
        }
    }
    shorten(&mut body.findings, question.limit.min(MOST));
    Ok(Json(body))
}

fn shorten(findings: &mut Vec<FleetFinding>, most: usize) {
    findings.sort_by(|one, other| key(one).cmp(&key(other)));
    findings.truncate(most);
}

/// What is to be done first.
fn key(finding: &FleetFinding) -> impl Ord + '_ {
    let severity = Severity::ALL.iter().position(|severity| severity.name() == finding.severity);
    let FleetFinding { id, source, package, repository, manifest, running, .. } = finding;
    (finding.in_use.rank(), Reverse(severity), *running == 0, id, source, package, repository, manifest)
}

async fn one(view: &mut View<'_>, text: &str) -> Answer<ImageRow> {
    let digest: Digest = text.parse().map_err(|error| ApiError::invalid(format!("`image`: {error}")))?;
    let row = view.images_with(&digest).await?.pop();
    row.ok_or_else(|| {
        ApiError::not_found(format!("no image {digest} is known: attest it with `lazaret attest`"))
    })
}

fn running(mut images: Vec<ImageRow>, app: &App) -> Vec<ImageRow> {
    let fleet = app.memory.fleet();
    images.retain(|row| fleet.index.running(&row.config).is_some_and(|running| !running.is_empty()));
    images
}

async fn of_image(
    view: &mut View<'_>,
    app: &App,
    uses: &mut Lookup,
    row: &ImageRow,
) -> Answer<Vec<FleetFinding>> {
    let used = uses.image(view, app, row).await?;
    let (imported, running) = {
        let fleet = app.memory.fleet();
        let number = fleet.index.image_number(&row.manifest);
        let findings = number.map(|image| fleet.index.findings(image, &fleet.knowledge)).unwrap_or_default();
        let owned: Vec<_> = findings
            .into_iter()
            .map(|(advisory, source)| {
                (advisory.id.clone(), advisory.severity, advisory.fixed.clone(), source.clone())
            })
            .collect();
        (owned, fleet.index.running(&row.config).map_or(0, |running| running.len()))
    };
    let mut known: HashSet<(String, String)> = HashSet::new();
    let mut findings = Vec::new();
    for finding in view.findings_of(row.id).await? {
        known.insert((finding.vulnerability.clone(), finding.source.clone()));
        findings.push(FleetFinding {
            in_use: used.of_package(&finding.package, &finding.version),
            id: finding.vulnerability,
            severity: finding.severity,
            package: finding.package,
            version: finding.version,
            source: finding.source,
            fixed: finding.fixed,
            repository: row.repository.clone(),
            manifest: row.manifest.to_string(),
            running,
            said_by: ATTESTED.to_owned(),
        });
    }
    for (id, severity, fixed, source) in imported {
        // What a scan had found already is not found twice.
        if known.insert((id.clone(), source.name.clone())) {
            findings.push(FleetFinding {
                in_use: used.of_source(&source.name),
                id,
                severity: severity.name().to_owned(),
                package: source.name.clone(),
                version: source.version,
                source: source.name,
                fixed,
                repository: row.repository.clone(),
                manifest: row.manifest.to_string(),
                running,
                said_by: IMPORTED.to_owned(),
            });
        }
    }
    Ok(findings)
}
