use std::fs;
use std::path::Path;

use super::{Built, Teller};
use crate::{Context as _, Result, check, fail};

pub(super) fn step(teller: &mut Teller<'_>, built: &Built) -> Result<()> {
    teller.lazaret(["explain", "shop"], 0, 30)?;
    let chain = teller.lab.ask(["explain", "shop"])?;
    let count = |list: &str| chain[list].as_array().map_or(0, Vec::len);
    check!(
        chain["image"]["manifest"] == built.v2.manifest.as_str(),
        "the chain is of another image: {}",
        chain["image"]
    );
    check!(count("layers") >= 2, "the chain has {} layers", count("layers"));
    check!(count("packages") > 50, "the chain has {} packages", count("packages"));
    check!(chain["verdict"]["outcome"] == "pass", "the chain has no passed verdict: {}", chain["verdict"]);
    check!(
        chain["verdict"]["database"].as_str().is_some_and(|digest| digest.starts_with("sha256:")),
        "no database: {}",
        chain["verdict"]
    );
    check!(count("statements") >= 6, "the chain has {} statements", count("statements"));
    let verified =
        chain["statements"].as_array().is_some_and(|all| all.iter().all(|one| one["verified"] == true));
    check!(verified, "a statement of the chain is not verified: {}", chain["statements"]);
    let allowed = chain["decisions"].as_array().is_some_and(|all| all.iter().any(|one| one["allow"] == true));
    check!(allowed, "the chain has no decision that admitted the container: {}", chain["decisions"]);
    check!(count("missing") == 0, "the chain has gaps: {}", chain["missing"]);

    teller.screen.say("The log behind it:");
    let log_key = teller.lab.folders.server().join("log.pub").display().to_string();
    teller.lazaret(["audit", "verify", "--log-key", &log_key], 0, 4)?;
    let export = teller.lab.folders.state().join("audit.json");
    let file = export.display().to_string();
    teller.lazaret(["audit", "export", "--out", &file], 0, 2)?;
    teller.lazaret(["audit", "verify", "--file", &file, "--log-key", &log_key], 0, 2)?;

    teller.screen.say("One word of it changed afterwards:");
    break_export(&export)?;
    let broken = teller.lazaret(["audit", "verify", "--file", &file, "--log-key", &log_key], 1, 4)?;
    check!(broken.said().len() > 20, "a broken log is not called one: {}", broken.said());
    Ok(())
}

/// Turns one refusal in an exported log into a permission, as somebody with something to hide would.
pub fn break_export(export: &Path) -> Result<()> {
    let text = fs::read_to_string(export).context(|| format!("cannot read {}", export.display()))?;
    for (from, to) in [
        ("\\\"allow\\\":false", "\\\"allow\\\":true"),
        ("\"allow\":false", "\"allow\":true"),
        ("prod", "dodo"),
    ] {
        if text.contains(from) {
            let broken = text.replacen(from, to, 1);
            return fs::write(export, broken).context(|| format!("cannot write {}", export.display()));
        }
    }
    fail!("{} holds nothing that is worth changing", export.display())
}
