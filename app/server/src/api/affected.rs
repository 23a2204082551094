use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use lazaret_format::v1::{AffectedBody, AffectedContainer, AffectedImage};
use lazaret_model::{Advisory, Digest};
use lazaret_store::{ImageRow, View};

use super::document::{NotFound, Refusals};
use super::used::Observed;
use crate::app::App;
use crate::http::{Answer, ApiError, Parameters, Segment, shorten};
use crate::memory::Fleet;
use crate::usage::{Found, Lookup};

/// Who says that an image has a vulnerability.
pub(super) const IMPORTED: &str = "imported advisory";
pub(super) const ATTESTED: &str = "attested scan";

/// Manifest and source package: an image has a vulnerability once for each.
type Place = (Digest, String);

#[derive(Debug)]
struct Hit {
    /// Name and version.
    package: String,
    fixed: Option<String>,
    sources: BTreeSet<&'static str>,
}

/// Who has a vulnerability, by its id or an alias: by imported advisories, and by the newest attested scan
/// of each image. Images where the package is in use come first.
#[utoipa::path(
    get, path = "/v1/affected/{id}", tag = "advisories", security(("user" = [])),
    params(("id" = String, Path), Observed),
    responses((status = 200, body = AffectedBody), NotFound, Refusals)
)]
pub(super) async fn affected(
    State(app): State<Arc<App>>,
    Segment(id): Segment,
    Parameters(observed): Parameters<Observed>,
) -> Answer<Json<AffectedBody>> {
    let begun = Instant::now();
    let mut uses = Lookup::new(&app.memory.uses, observed.observed);
    let mut read = app.store.read().await?;
    let mut view = read.view();
    let (advisories, mut hits) = imported(&app.memory.fleet(), &id);
    let mut is_known = !advisories.is_empty();
    for name in names(&id, &advisories) {
        for (image, finding) in view.findings_named(&name).await? {
            is_known = true;
            let Some(row) = view.image_numbered(image).await? else { continue };
            let hit = hits.entry((row.manifest, finding.source.clone())).or_insert_with(|| Hit {
                package: format!("{} {}", finding.source, finding.version),
                fixed: finding.fixed.clone(),
                sources: BTreeSet::new(),
            });
            hit.sources.insert(ATTESTED);
        }
    }
    if !is_known {
        return Err(ApiError::not_found(format!(
            "no imported advisory and no attested scan names `{}`: check the spelling, or import its advisory with \
             `lazaret advisory import FILE`",
            shorten(&id)
        )));
    }
    let images = list(&mut view, &app, &mut uses, hits).await?;
    let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
    Ok(Json(AffectedBody { id, images, micros }))
}

fn imported(fleet: &Fleet, id: &str) -> (Vec<Advisory>, BTreeMap<Place, Hit>) {
    let advisories: Vec<Advisory> = fleet.knowledge.named(id).cloned().collect();
    let mut hits: BTreeMap<Place, Hit> = BTreeMap::new();
    for hit in fleet.index.affected(&advisories).hits {
        let images = hit.images.iter().filter_map(|image| fleet.index.image(image));
        for image in images {
            hits.entry((image.manifest, hit.source.name.clone())).or_insert_with(|| Hit {
                package: format!("{} {}", hit.source.name, hit.source.version),
                fixed: advisories[hit.advisory].fixed.clone(),
                sources: [IMPORTED].into(),
            });
        }
    }
    (advisories, hits)
}

/// All names of what is asked for. CVE ids of an advisory asked for by its own name are several
/// vulnerabilities; asked for by CVE id, it is only that one.
fn names(id: &str, advisories: &[Advisory]) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = [id.to_owned()].into();
    for advisory in advisories {
        names.insert(advisory.id.clone());
        names.extend(advisory.aliases.iter().filter(|alias| !alias.starts_with("CVE-")).cloned());
    }
    names
}

async fn list(
    view: &mut View<'_>,
    app: &App,
    uses: &mut Lookup,
    hits: BTreeMap<Place, Hit>,
) -> Answer<Vec<AffectedImage>> {
    let mut images = Vec::with_capacity(hits.len());
    let mut known: Option<(ImageRow, Found)> = None;
    for ((manifest, source), hit) in hits {
        if known.as_ref().is_none_or(|(row, _)| row.manifest != manifest) {
            known = match view.image(&manifest).await? {
                Some(row) => {
                    let found = uses.image(view, app, &row).await?;
                    Some((row, found))
                }
                None => None,
            };
        }
        let Some((row, found)) = &known else { continue };
        images.push(AffectedImage {
            repository: row.repository.clone(),
            manifest: row.manifest.to_string(),
            package: hit.package,
            fixed: hit.fixed,
            source: Vec::from_iter(hit.sources).join(", "),
            in_use: found.of_source(&source),
            containers: containers(&app.memory.fleet(), &row.config),
        });
    }
    images.sort_by(|a, b| key(a).cmp(&key(b)));
    Ok(images)
}

/// In use and running first; the rest of the order is only that the same question has the same answer.
fn key(image: &AffectedImage) -> impl Ord + '_ {
    (image.in_use.rank(), image.containers.is_empty(), &image.repository, &image.manifest, &image.package)
}

fn containers(fleet: &Fleet, config: &Digest) -> Vec<AffectedContainer> {
    let Some(running) = fleet.index.running(config) else { return Vec::new() };
    let body = |container: lazaret_fleet::Running<'_>| AffectedContainer {
        host: container.key.host,
        container: container.key.id,
        name: container.name.to_owned(),
        started: container.started.to_owned(),
    };
    fleet.index.containers(running).map(body).collect()
}
