use lazaret_format::cyclonedx::{self, BillOfMaterial};
use lazaret_model::{Digest, Limits};
use lazaret_profile::Profile;
use lazaret_store::{FindingRow, VerdictRow};
use lazaret_trust::{Predicate, ProfilePredicate, VerdictPredicate, Verified};

use crate::http::reason_bodies;

/// One line about a statement, for people.
pub(super) fn title(predicate: &Predicate, sbom: Option<&BillOfMaterial>) -> String {
    match predicate {
        Predicate::Signature => "signed".to_owned(),
        Predicate::Sbom(_) => match sbom {
            Some(sbom) => format!("bill of material: {}", counted(sbom.packages.len(), "package")),
            None => "bill of material".to_owned(),
        },
        Predicate::Verdict(verdict) => {
            format!("scan: {}, {}", verdict.outcome.name(), counted(verdict.findings.len(), "finding"))
        }
        Predicate::Executables(executables) => {
            format!("may execute {}", counted(executables.files.len(), "file"))
        }
        Predicate::Files(files) => {
            let (paths, packages) = (files.files.paths().len(), files.files.packages().len());
            format!("{} of {}", counted(paths, "program or library file"), counted(packages, "package"))
        }
        Predicate::Promotion(promotion) => match &promotion.from {
            Some(from) => format!("promoted from {from} to {}", promotion.to),
            None => format!("promoted to {}", promotion.to),
        },
        Predicate::Profile(profile) => format!("profile of variant {}", profile.variant),
        Predicate::Other { predicate_type, .. } => crate::http::shorten(predicate_type),
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// When the statement says that it was made; kinds that don't say it count from when they came.
pub(super) fn made<'a>(predicate: &'a Predicate, came: &'a str) -> &'a str {
    match predicate {
        Predicate::Verdict(verdict) => &verdict.at,
        Predicate::Promotion(promotion) => &promotion.at,
        Predicate::Profile(profile) => &profile.at,
        _ => came,
    }
}

/// Reads a bill of material and holds it to the image that it is stated about.
pub(super) fn read_sbom(json: &str, manifest: Digest, config: Digest) -> Result<BillOfMaterial, String> {
    let sbom = cyclonedx::packages(json.as_bytes(), &Limits::default()).map_err(|error| error.to_string())?;
    if sbom.config != config {
        return Err(format!("the bill of material is of the configuration {}, not of {config}", sbom.config));
    }
    match sbom.manifest {
        Some(other) if other != manifest => {
            Err(format!("the bill of material is of the manifest {other}, not of {manifest}"))
        }
        _ => Ok(sbom),
    }
}

/// Holds a profile to the image and the way to run it that it is stated about.
pub(super) fn check_profile(stated: &ProfilePredicate) -> Result<(), String> {
    let profile = Profile::parse(&stated.profile).map_err(|error| error.to_string())?;
    if profile.subject.image != stated.config {
        return Err(format!("the profile is of {}, not of {}", profile.subject.image, stated.config));
    }
    match profile.subject.variant.key() {
        variant if variant == stated.variant => Ok(()),
        other => Err(format!("the profile is of the variant {other}, not of {}", stated.variant)),
    }
}

pub(super) fn verdict_row(image: i64, verified: &Verified, verdict: &VerdictPredicate) -> VerdictRow {
    let reasons = serde_json::to_string(&reason_bodies(&verdict.reasons));
    VerdictRow {
        image,
        envelope: verified.envelope,
        outcome: verdict.outcome.name().to_owned(),
        policy: verdict.policy.to_string(),
        database: verdict.database.digest.to_string(),
        database_built: verdict.database.built.clone(),
        // Lists of texts always serialize.
        reasons: reasons.unwrap_or_else(|_| "[]".to_owned()),
        at: verdict.at.clone(),
    }
}

pub(super) fn finding_rows(verdict: &VerdictPredicate) -> Vec<FindingRow> {
    let row = |finding: &lazaret_trust::AttestedFinding| FindingRow {
        vulnerability: finding.id.clone(),
        package: finding.package.clone(),
        version: finding.version.clone(),
        source: finding.source.clone(),
        fixed: finding.fixed.clone(),
        severity: finding.severity.name().to_owned(),
    };
    verdict.findings.iter().map(row).collect()
}
