use super::{Built, Teller};
use crate::{Result, check};

const POLICY: &str = include_str!("../../shop/policy.yaml");

pub(super) fn step(teller: &mut Teller<'_>, built: &Built) -> Result<()> {
    let policy = teller.lab.folders.policy();
    teller.write(&policy, POLICY.as_bytes())?;
    let policy = policy.display().to_string();
    teller.lazaret(["policy", "check", &policy], 0, 4)?;

    teller.screen.say("A mistake in it is pointed at:");
    let wrong = teller.lab.folders.state().join("wrong-policy.yaml");
    teller.write(&wrong, POLICY.replace("fixable: true", "fixabel: true").as_bytes())?;
    let said = teller.lazaret(["policy", "check", &wrong.display().to_string()], 3, 8)?.said();
    let line = POLICY.lines().position(|line| line.contains("fixable: true")).unwrap_or_default() + 1;
    check!(said.contains("fixabel"), "the mistake is not named:\n{said}");
    check!(said.contains(&line.to_string()), "line {line} is not named:\n{said}");

    teller.screen.say("Exit code 1 stops a build, with reasons and what to do:");
    let refused =
        teller.lazaret(["scan", &format!("docker:{}", built.old.name), "--policy", &policy], 1, 12)?;
    let said = refused.said();
    check!(said.contains("fixed-vulnerabilities"), "the rule is not named:\n{said}");
    check!(said.contains("openssl"), "the package is not named:\n{said}");
    let passed = teller.lazaret(["scan", &format!("docker:{}", built.v1.name), "--policy", &policy], 0, 6)?;
    check!(passed.code == 0, "the new image does not pass");

    teller.screen.say("From now on it holds for every host:");
    teller.lazaret(["policy", "push", &policy], 0, 3)?;
    Ok(())
}
