use lazaret_e2e::story::break_export;
use lazaret_e2e::{Lab, Result, Run, check};

use crate::world::World;

/// Somebody with root on the server changes what is written there.
pub(crate) fn a_changed_entry_is_found(world: &mut World) -> Result<()> {
    let (lab, _) = world.told()?;
    let log_key = lab.folders.server().join("log.pub").display().to_string();
    lab.lazaret(["audit", "verify", "--log-key", &log_key])?.ok()?;

    let export = lab.folders.state().join("tampered.json");
    let file = export.display().to_string();
    lab.lazaret(["audit", "export", "--out", &file])?.ok()?;
    break_export(&export)?;
    lab.lazaret(["audit", "verify", "--file", &file, "--log-key", &log_key])?.code(1)?;

    change_database(
        lab,
        "UPDATE audit_leaves SET leaf = replace(leaf, '\"allow\":false', '\"allow\":true')",
    )?;
    check_broken(lab, &log_key, "a refusal was made a permission")?;
    // The shared host is spoilt now.
    world.clear();
    Ok(())
}

fn change_database(lab: &mut Lab, statement: &str) -> Result<()> {
    lab.server.kill();
    let database = lab.folders.server().join("lazaret.sqlite").display().to_string();
    Run::new("sqlite3").args([&database, statement]).ok()?;
    Ok(())
}

/// Either the server does not start on such a log, or the log is called broken.
fn check_broken(lab: &mut Lab, log_key: &str, what: &str) -> Result<()> {
    if let Err(failure) = lab.server.restart() {
        check!(
            failure.to_string().contains("log"),
            "{what}: the server does not start and does not say why: {failure}"
        );
        return Ok(());
    }
    let ended = lab.lazaret(["audit", "verify", "--log-key", log_key])?.end()?;
    check!(ended.code == 1, "{what}: `audit verify` ended with {}:\n{}", ended.code, ended.said());
    Ok(())
}
