use std::time::Duration;

use super::{Built, Running, Teller};
use crate::{Result, check, until};

const PATIENCE: Duration = Duration::from_secs(10);

/// Invented: no real vulnerability will ever have the year 2999.
pub const ADVISORY_ID: &str = "CVE-2999-0001";

/// The service's own maintainers publish a vulnerability of it, as an OSV document.
pub fn advisory() -> String {
    serde_json::json!({
        "schema_version": "1.6.0",
        "id": "SHOP-2999-1",
        "aliases": [ADVISORY_ID],
        "summary": "The shop executes programs that strangers uploaded",
        "modified": "2026-01-01T00:00:00Z",
        "published": "2026-01-01T00:00:00Z",
        "affected": [{
            "package": { "ecosystem": "Debian:12", "name": "shop" },
            "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }, { "fixed": "1.1-1" }] }],
        }],
    })
    .to_string()
}

pub(super) fn step(teller: &mut Teller<'_>, built: &Built, running: &Running) -> Result<()> {
    let file = teller.lab.folders.state().join("advisory.json");
    teller.write(&file, advisory().as_bytes())?;
    let imported = teller.lazaret(["advisory", "import", &file.display().to_string()], 0, 3)?;
    let affected = teller.lazaret(["affected", ADVISORY_ID], 0, 6)?;

    let answer = teller.lab.ask(["affected", ADVISORY_ID])?;
    let images = answer["images"].as_array().cloned().unwrap_or_default();
    let image = images.iter().find(|image| image["manifest"] == built.v1.manifest.as_str());
    let container = image.and_then(|image| {
        image["containers"].as_array()?.iter().find(|c| c["container"] == running.container.as_str())
    });
    check!(image.is_some(), "the image of the shop is not among the affected: {answer}");
    check!(container.is_some(), "the running shop is not among the affected: {answer}");
    check!(image.is_some_and(|image| image["fixed"] == "1.1-1"), "the fixed version is not named: {answer}");
    check!(
        container.is_some_and(|container| container["host"].as_str().is_some_and(|host| !host.is_empty())),
        "no host: {answer}"
    );
    // By any of its names. What is in use may be heard of between the two questions.
    let images_by = |name| teller.lab.ask(["affected", name]).map(|answer| answer["images"].clone()).ok();
    let same = until("another name of the vulnerability to give the same answer", PATIENCE, || {
        images_by("SHOP-2999-1").filter(|by_alias| images_by(ADVISORY_ID).as_ref() == Some(by_alias))
    })?;
    check!(same.as_array().is_some_and(|images| !images.is_empty()), "nothing is affected by its other name");

    let both = imported.time + affected.time;
    teller
        .screen
        .holds(&format!("from the file to the names of image, host and container: {} ms", both.as_millis()));
    Ok(())
}
