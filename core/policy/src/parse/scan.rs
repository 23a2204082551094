use lazaret_model::Severity;

use super::reader::{Fields, Reader};
use super::words;
use crate::mistake::Mistake;
use crate::policy::{Condition, ScanRule, VulnerabilityRule};
use crate::yaml::Node;

pub(super) fn read(reader: &mut Reader, node: &Node) -> Vec<ScanRule> {
    let mut rules: Vec<ScanRule> = Vec::new();
    for item in reader.list(node) {
        let Some(rule) = rule(reader, item) else { continue };
        if rules.iter().any(|other| other.id == rule.id) {
            reader.note(Mistake::new(item.place.clone(), format!("the rule `{}` is written twice", rule.id)));
        } else {
            rules.push(rule);
        }
    }
    rules
}

type Read = fn(&mut Reader, &Node) -> Option<Condition>;

const CONDITIONS: &[(&str, Read)] = &[
    ("vulnerability", vulnerability),
    ("package", package),
    ("incomplete", incomplete),
    ("user", user),
    ("database", database),
    ("distribution", distribution),
];

fn rule(reader: &mut Reader, node: &Node) -> Option<ScanRule> {
    let fields = reader.fields(node, "scan")?;
    let id = reader.needed(&fields, "id", "every rule has a name, which verdicts call it by");
    let id = id.and_then(|id| words::rule_id(reader, id));
    let mut given = CONDITIONS.iter().filter_map(|(key, read)| Some((fields.get(key)?, read)));
    let Some((node, read)) = given.next() else {
        let all: Vec<&str> = CONDITIONS.iter().map(|(key, _)| *key).collect();
        let mistake = Mistake::new(fields.place.clone(), "the rule says nothing");
        reader.note(mistake.help(format!("give it one of: {}", all.join(", "))));
        return None;
    };
    if let Some((second, _)) = given.next() {
        reader.wrong(second, "a rule says one thing", "make it two rules with an id each");
    }
    let condition = read(reader, node);
    Some(ScanRule { id: id?, condition: condition? })
}

fn vulnerability(reader: &mut Reader, node: &Node) -> Option<Condition> {
    let fields = reader.fields(node, "scan.vulnerability")?;
    let get = |key: &str| fields.get(key);
    let rule = VulnerabilityRule {
        fixable: get("fixable")
            .and_then(|node| reader.word(node, &["true", "false"]))
            .map(|word| word == "true"),
        severity_at_least: get("severity-at-least").and_then(|node| severity(reader, node)),
        ignore_unrated: get("unrated").and_then(|node| reader.word(node, &["refuse", "ignore"]))
            == Some("ignore"),
        fixed_for: get("fixed-for").and_then(|node| words::duration(reader, node)),
        ids: get("ids").map(|node| reader.some_items(node, words::pattern)).unwrap_or_default(),
        packages: get("packages").map(|node| reader.some_items(node, words::pattern)).unwrap_or_default(),
        allow: get("allow").and_then(|node| number(reader, node)).unwrap_or(0),
    };
    if rule.fixable == Some(false) && rule.fixed_for.is_some() {
        let node = get("fixed-for").unwrap_or(node);
        reader.wrong(
            node,
            "what has no fix was not fixed for any time",
            "remove `fixed-for` or write `fixable: true`",
        );
    }
    if rule.severity_at_least.is_none() && rule.ignore_unrated {
        let node = get("unrated").unwrap_or(node);
        reader.wrong(node, "`unrated: ignore` means nothing without a severity", "add `severity-at-least`");
    }
    Some(Condition::Vulnerability(rule))
}

fn severity(reader: &mut Reader, node: &Node) -> Option<Severity> {
    let names: Vec<&str> =
        Severity::ALL.iter().filter(|s| **s != Severity::Unknown).map(|s| s.name()).collect();
    Severity::from_name(reader.word(node, &names)?)
}

fn number(reader: &mut Reader, node: &Node) -> Option<usize> {
    let text = reader.text(node)?;
    let number = text.parse::<u32>().ok().and_then(|number| usize::try_from(number).ok());
    if number.is_none() {
        reader.note(Mistake::new(node.place.clone(), "expected a number from 0 on"));
    }
    number
}

fn package(reader: &mut Reader, node: &Node) -> Option<Condition> {
    let list = only_key(reader, node, "scan.package", "forbid")?;
    Some(Condition::PackageForbidden(reader.some_items(list, words::pattern)))
}

fn incomplete(reader: &mut Reader, node: &Node) -> Option<Condition> {
    reader.word(node, &["refuse"])?;
    Some(Condition::Incomplete)
}

fn user(reader: &mut Reader, node: &Node) -> Option<Condition> {
    let root = only_key(reader, node, "scan.user", "root")?;
    reader.word(root, &["refuse"])?;
    Some(Condition::RootUser)
}

fn database(reader: &mut Reader, node: &Node) -> Option<Condition> {
    let age = only_key(reader, node, "scan.database", "older-than")?;
    Some(Condition::DatabaseOlderThan(words::duration(reader, age)?))
}

fn distribution(reader: &mut Reader, node: &Node) -> Option<Condition> {
    let list = only_key(reader, node, "scan.distribution", "only")?;
    Some(Condition::DistributionOnly(reader.some_items(list, words::pattern)))
}

fn only_key<'n>(reader: &mut Reader, node: &'n Node, section: &str, key: &str) -> Option<&'n Node> {
    let fields: Fields<'n> = reader.fields(node, section)?;
    reader.needed(&fields, key, "it is all that this rule says")
}
