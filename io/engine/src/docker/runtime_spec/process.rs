//! `process`: who runs and what it may.

use lazaret_model::RunConfiguration;

use super::Section;
use crate::docker::defaults;
use crate::docker::fields::{WrongSetting, integer, text, texts};

pub(super) fn read(process: &Section<'_>, run: &mut RunConfiguration) -> Result<(), WrongSetting> {
    let user = process.section("user")?;
    let (uid, gid) =
        (integer(user.get("uid"), "process.user.uid")?, integer(user.get("gid"), "process.user.gid")?);
    run.user = format!("{uid}:{gid}");
    capabilities(process, run)?;
    match text(process.get("apparmorProfile"), "process.apparmorProfile")? {
        // Hosts without AppArmor have none.
        "" | "docker-default" => {}
        profile => run.weakened.push(defaults::apparmor(profile)),
    }
    let score = integer(process.get("oomScoreAdj"), "process.oomScoreAdj")?;
    if score < 0 {
        run.weakened.push(defaults::oom_score(score));
    }
    let known = [
        "terminal",
        "consoleSize",
        "user",
        "args",
        "commandLine",
        "env",
        "cwd",
        "capabilities",
        "rlimits",
        "noNewPrivileges",
        "apparmorProfile",
        "oomScoreAdj",
        "selinuxLabel",
    ];
    process.unknown(&known, run);
    Ok(())
}

/// Whatever any of the sets holds beyond the engine's default.
fn capabilities(process: &Section<'_>, run: &mut RunConfiguration) -> Result<(), WrongSetting> {
    let sets = process.section("capabilities")?;
    let names = ["bounding", "effective", "permitted", "inheritable", "ambient"];
    let mut all = Vec::new();
    for set in names {
        for name in texts(sets.get(set), "process.capabilities")? {
            let name = defaults::capability(name);
            if !all.contains(&name) {
                all.push(name);
            }
        }
    }
    sets.unknown(&names, run);
    // Older kernels know fewer; `ALL` is what was asked for all the same.
    let is_all =
        defaults::ALL_CAPABILITIES.iter().filter(|name| !all.iter().any(|has| has == *name)).count() <= 3;
    if is_all {
        run.added_capabilities.push("ALL".to_owned());
    }
    let beyond = |name: &String| {
        let told = if is_all { defaults::ALL_CAPABILITIES } else { defaults::CAPABILITIES };
        !told.contains(&name.as_str())
    };
    run.added_capabilities.extend(all.into_iter().filter(beyond));
    Ok(())
}
