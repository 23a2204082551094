use lazaret_model::Stage;

use super::reader::Reader;
use super::words;
use crate::mistake::Mistake;
use crate::policy::{Requirement, StageRule};
use crate::yaml::{Node, Value};

pub(super) fn read(reader: &mut Reader, node: &Node) -> Vec<StageRule> {
    let mut stages: Vec<StageRule> = Vec::new();
    for item in reader.list(node) {
        if let Some(stage) = stage(reader, item, stages.is_empty()) {
            if stages.iter().any(|other| other.name == stage.name) {
                reader.note(Mistake::new(
                    item.place.clone(),
                    format!("stage `{}` is written twice", stage.name),
                ));
            } else {
                stages.push(stage);
            }
        }
    }
    stages
}

/// `dev`, or `dev: {requires: […]}`.
fn stage(reader: &mut Reader, node: &Node, is_first: bool) -> Option<StageRule> {
    let (place, name, rules) = match &node.value {
        Value::Map(entries) => match entries.as_slice() {
            [(key, rules)] => (&key.place, key.text.as_str(), Some(rules)),
            _ => {
                reader.wrong(
                    node,
                    "expected one stage",
                    "write `- dev: {requires: [signature]}`, one item for each stage",
                );
                return None;
            }
        },
        _ => (&node.place, reader.text(node)?, None),
    };
    let name: Stage = match name.parse() {
        Ok(name) => name,
        Err(error) => {
            let error: lazaret_model::StageError = error;
            reader.note(Mistake::new(place.clone(), error.to_string()));
            return None;
        }
    };
    let mut stage = StageRule { name, requires: Requirement::ALL.to_vec(), promotion_valid_for: None };
    if let Some(fields) = rules.and_then(|rules| reader.fields(rules, "stages")) {
        if let Some(list) = fields.get("requires") {
            stage.requires = reader.items(list, requirement);
            stage.requires.sort_unstable();
            stage.requires.dedup();
        }
        stage.promotion_valid_for =
            fields.get("promotion-valid-for").and_then(|node| words::duration(reader, node));
    }
    if is_first {
        // There is no stage before the first: asking for it would close the way for every image.
        stage.requires.retain(|requirement| *requirement != Requirement::PreviousStage);
    }
    Some(stage)
}

fn requirement(reader: &mut Reader, node: &Node) -> Option<Requirement> {
    let names = Requirement::ALL.iter().map(|requirement| requirement.name()).collect::<Vec<_>>();
    let word = reader.word(node, &names)?;
    Requirement::ALL.iter().copied().find(|requirement| requirement.name() == word)
}
