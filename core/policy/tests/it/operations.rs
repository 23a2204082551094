use lazaret_policy::{ENGINE, EngineAction, EngineOperation, operation};

use crate::examples::policy;

fn ask(text: &str, action: EngineAction) -> Result<(), String> {
    let operation = EngineOperation { action, subject: "shop".to_owned() };
    lazaret_policy::operation(&policy(text), &operation)
        .map_err(|reasons| format!("{}: {} ({})", reasons[0].rule, reasons[0].message, reasons[0].remedy))
}

#[test]
fn what_is_not_named_is_refused_but_for_stopping() {
    for text in ["stages: [dev]\n", "engine: {}\n"] {
        for group in ENGINE {
            for action in group.actions {
                assert_eq!(ask(text, *action).is_ok(), group.key == "stopping", "{action:?}");
            }
        }
    }
}

#[test]
fn refusals_say_what_to_do() {
    assert_eq!(
        ask("engine: {login: refuse}\n", EngineAction::Exec).unwrap_err(),
        "engine.login: running a command in shop is not allowed on this engine (nobody logs in to running containers: \
         read its logs, or change the image and replace the container; the policy allows it with `engine: {login: {allow: [exec]}}`)"
    );
    for action in EngineAction::ALL {
        let operation = EngineOperation { action: *action, subject: String::new() };
        for reason in operation_reasons(&operation) {
            assert!(!reason.message.contains("  ") && !reason.remedy.is_empty(), "{}", reason.message);
        }
    }
}

fn operation_reasons(wish: &EngineOperation) -> Vec<lazaret_model::Reason> {
    operation(&policy("engine: {stopping: refuse}\n"), wish).unwrap_err()
}

#[test]
fn a_list_allows_what_it_names() {
    let text = "engine: {image-writes: {allow: [pull]}, stopping: {allow: [stop]}, networks: allow}\n";
    for (action, allowed) in [
        (EngineAction::Pull, true),
        (EngineAction::Build, false),
        (EngineAction::Stop, true),
        (EngineAction::Remove, false),
        (EngineAction::CreateSpecialNetwork, true),
        (EngineAction::Exec, false),
    ] {
        assert_eq!(ask(text, action).is_ok(), allowed, "{action:?}");
    }
}
