//! Our SPDX documents before the SPDX project's own validator (`spdx-tools` of PyPI): there is no schema that says all.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::Tools;
use crate::{Context as _, Result, Run, check, program};

/// Holds the bill of material of an archive against what the SPDX project accepts.
pub fn spdx_is_valid(tools: &Tools, archive: &Path) -> Result<()> {
    let document = archive.with_file_name("lazaret.spdx.json");
    let (target, out) = (format!("archive:{}", archive.display()), document.display().to_string());
    let sbom = ["--quiet", "sbom", "--format", "spdx", &target, "--out", &out];
    Run::new(program("lazaret")?).args(sbom).ok()?;
    let refused = refusal(tools, &document)?;
    check!(refused.is_none(), "the SPDX project does not accept {out}: {}", refused.unwrap_or_default());

    // A validator that accepts everything would prove nothing.
    let text = fs::read(&document).context(|| format!("cannot read {out}"))?;
    let mut broken: Value = serde_json::from_slice(&text).context(|| format!("{out} is no JSON"))?;
    broken["packages"][0]["SPDXID"] = json!("no identifier");
    let file = archive.with_file_name("broken.spdx.json");
    fs::write(&file, broken.to_string()).context(|| format!("cannot write {}", file.display()))?;
    check!(refusal(tools, &file)?.is_some(), "the validator accepts what is not valid");
    Ok(())
}

/// What is wrong with a document. The validator's exit code does not tell: it says nothing of a valid one.
fn refusal(tools: &Tools, document: &Path) -> Result<Option<String>> {
    let ended = Run::new(&tools.spdx).args(["--infile", &document.display().to_string()]).end()?;
    let said = ended.said();
    Ok((!said.trim().is_empty()).then_some(said))
}
