use lazaret_model::Outcome;
use lazaret_policy::may_promote;

use crate::examples::{evidence, now, policy, stage};

#[test]
fn stages_are_gone_through_in_order() {
    let policy = policy("stages: [dev, qa, prod]\n");
    let ask = |have: &[&str], to: &str| may_promote(&policy, &evidence(have), &stage(to), now());
    assert_eq!(ask(&[], "dev"), Ok(()));
    assert_eq!(ask(&["dev"], "qa"), Ok(()));
    assert_eq!(ask(&["dev", "qa"], "prod"), Ok(()));
    assert_eq!(ask(&["dev", "qa", "prod"], "qa"), Ok(()), "going back is allowed");

    let reasons = ask(&["dev"], "prod").unwrap_err();
    assert_eq!(reasons.len(), 1);
    assert!(
        reasons[0].message.contains("is not promoted to qa, which comes before prod"),
        "{}",
        reasons[0].message
    );
    let reasons = ask(&["dev"], "moon").unwrap_err();
    assert_eq!(reasons[0].rule, "unknown-stage");
    assert!(reasons[0].remedy.contains("dev, qa, prod"));
}

#[test]
fn each_stage_requires_what_it_says() {
    let policy = policy("stages:\n  - dev: {requires: []}\n  - prod: {requires: [scan-passed]}\n");
    let mut evidence = evidence(&[]);
    evidence.signed = false;
    evidence.has_sbom = false;
    evidence.scan = None;
    assert_eq!(may_promote(&policy, &evidence, &stage("dev"), now()), Ok(()));
    assert_eq!(
        may_promote(&policy, &evidence, &stage("prod"), now()).unwrap_err()[0].rule,
        "prod-requires-scan-passed"
    );
    evidence.scan = Some(Outcome::Refuse);
    assert!(may_promote(&policy, &evidence, &stage("prod"), now()).is_err());
    evidence.scan = Some(Outcome::Pass);
    assert_eq!(may_promote(&policy, &evidence, &stage("prod"), now()), Ok(()));
}

#[test]
fn what_may_not_run_there_any_more_does_not_go_on() {
    let policy = policy("stages:\n  - qa: {promotion-valid-for: 1d}\n  - prod\n");
    let reasons = may_promote(&policy, &evidence(&["qa"]), &stage("prod"), now()).unwrap_err();
    assert_eq!(reasons[0].rule, "promotion-expired");
    // It is run in prod by prod's own rules.
    let run = lazaret_model::RunConfiguration::default();
    let wish = lazaret_policy::Wish { image: "shop", run: &run };
    assert!(
        lazaret_policy::admit(&policy, &stage("prod"), &wish, Some(&evidence(&["qa", "prod"])), now()).allow
    );
}
