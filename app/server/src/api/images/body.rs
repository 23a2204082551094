use std::collections::{HashMap, HashSet};

use lazaret_format::v1::ImageBody;
use lazaret_store::{ImageRow, PromotionRow, VerdictRow, View};
use lazaret_trust::predicate_type;

use crate::api::stages;
use crate::app::App;
use crate::http::Answer;

/// What the database says of images, gathered in few questions.
struct Facts {
    /// Statement types by image, of signers that are trusted now.
    types: HashMap<i64, HashSet<String>>,
    verdicts: HashMap<i64, VerdictRow>,
    promotions: HashMap<i64, Vec<PromotionRow>>,
    /// Attested findings by image.
    findings: HashMap<i64, u64>,
}

pub(in crate::api) async fn image_body(view: &mut View<'_>, app: &App, row: ImageRow) -> Answer<ImageBody> {
    let mut facts = Facts {
        types: types(view, app, Some(row.id)).await?,
        verdicts: view.verdict_of(row.id).await?.map(|verdict| (row.id, verdict)).into_iter().collect(),
        promotions: [(row.id, view.promotions_of(row.id).await?)].into(),
        findings: view.finding_counts(Some(row.id)).await?.into_iter().collect(),
    };
    body(view, app, &mut facts, row).await
}

pub(super) async fn image_bodies(view: &mut View<'_>, app: &App) -> Answer<Vec<ImageBody>> {
    let mut facts = Facts {
        types: types(view, app, None).await?,
        verdicts: view.verdicts().await?.into_iter().map(|verdict| (verdict.image, verdict)).collect(),
        promotions: HashMap::new(),
        findings: view.finding_counts(None).await?.into_iter().collect(),
    };
    for promotion in view.promotions().await? {
        facts.promotions.entry(promotion.image).or_default().push(promotion);
    }
    let mut bodies = Vec::new();
    for row in view.images().await? {
        bodies.push(body(view, app, &mut facts, row).await?);
    }
    Ok(bodies)
}

async fn types(view: &mut View<'_>, app: &App, image: Option<i64>) -> Answer<HashMap<i64, HashSet<String>>> {
    let mut types: HashMap<i64, HashSet<String>> = HashMap::new();
    for (image, kind, key) in view.statement_types(image).await? {
        if app.trusted.iter().any(|trusted| trusted.key_id() == key) {
            types.entry(image).or_default().insert(kind);
        }
    }
    Ok(types)
}

async fn body(view: &mut View<'_>, app: &App, facts: &mut Facts, row: ImageRow) -> Answer<ImageBody> {
    let (imported, running) = {
        let fleet = app.memory.fleet();
        let image = fleet.index.image_number(&row.manifest);
        let findings = image.map(|image| fleet.index.findings(image, &fleet.knowledge)).unwrap_or_default();
        let named = |(advisory, source): (&lazaret_model::Advisory, &lazaret_model::SourcePackage)| {
            (advisory.id.clone(), source.name.clone())
        };
        let imported: HashSet<(String, String)> = findings.into_iter().map(named).collect();
        (imported, fleet.index.running(&row.config).map_or(0, |containers| containers.len()))
    };
    let mut findings = facts.findings.remove(&row.id).unwrap_or_default();
    if !imported.is_empty() {
        // What a scan had found already is not found twice.
        let attested = view.findings_of(row.id).await?;
        let attested: HashSet<(String, String)> =
            attested.into_iter().map(|finding| (finding.vulnerability, finding.source)).collect();
        findings += imported.difference(&attested).count() as u64;
    }
    let types = facts.types.remove(&row.id).unwrap_or_default();
    let promotions = facts.promotions.remove(&row.id).unwrap_or_default();
    Ok(ImageBody {
        repository: row.repository,
        manifest: row.manifest.to_string(),
        config: row.config.to_string(),
        packages: row.packages,
        findings,
        signed: types.contains(predicate_type::SIGNATURE),
        has_sbom: types.contains(predicate_type::SBOM),
        verdict: facts.verdicts.remove(&row.id).map(|verdict| verdict.outcome),
        stages: stages::all(&promotions),
        first_seen: row.first_seen,
        running,
        rejected: Vec::new(),
    })
}
