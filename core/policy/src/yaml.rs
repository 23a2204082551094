//! YAML text as a tree whose every node knows its place, so that a wrong value can be shown where it stands.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, MergeKeyPolicy, Spanned};

use crate::mistake::{Mistake, Place};

/// Bytes of a policy file. Real ones have a few thousand.
pub(crate) const LIMIT: usize = 1 << 20;

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

#[derive(Debug)]
pub(crate) enum Value {
    /// Nothing after the colon, `~` or `null`.
    Empty,
    /// Any scalar, as written: the schema says what it means, not YAML's guess at a type.
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) place: Place,
    pub(crate) text: String,
}

impl Value {
    /// For sentences: "expected a list, found a mapping".
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Empty => "nothing",
            Self::Text(_) => "a single value",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Parses one document. Anchors, aliases, merges and several documents are refused: a policy must read the
/// same to people as to programs.
pub(crate) fn parse(text: &str) -> Result<Node, Mistake> {
    if text.len() > LIMIT {
        return Err(Mistake::new(Place::START, format!("the file has more than {LIMIT} bytes")));
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_aliases: 0,
            max_anchors: 0,
            max_depth: 16,
            max_documents: 1,
            flow_nesting_limit: 16,
            max_nodes: 50_000,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options) {
        Ok(root) => Ok(node(root, text)),
        Err(error) => {
            let place = error.location().map_or(Place::START, |at| place(at, text));
            Err(Mistake::new(place, message(&error)))
        }
    }
}

/// What serde sees. Scalars that YAML takes for something else than text are cut out of the source again.
enum Raw {
    Empty,
    Text(String),
    Other,
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value, a list or a mapping")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Empty)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Other)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Raw, E> {
        Ok(Raw::Other)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Raw, E> {
        Ok(Raw::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}

fn node(raw: Spanned<Raw>, text: &str) -> Node {
    let place = place(raw.referenced, text);
    let value = match raw.value {
        Raw::Empty => Value::Empty,
        Raw::Text(text) => Value::Text(text),
        Raw::Other => Value::Text(text.get(place.bytes.clone()).unwrap_or_default().trim().to_owned()),
        Raw::List(items) => Value::List(items.into_iter().map(|item| node(item, text)).collect()),
        Raw::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| {
                    let key = Key { place: self::place(key.referenced, text), text: key.value };
                    (key, node(value, text))
                })
                .collect(),
        ),
    };
    Node { place, value }
}

fn place(at: serde_saphyr::Location, text: &str) -> Place {
    let number = |n: u64| usize::try_from(n).unwrap_or(0);
    let start = at.span().byte_offset().map_or(0, number).min(text.len());
    let end = start.saturating_add(at.span().byte_len().map_or(0, number)).min(text.len());
    Place { line: number(at.line()).max(1), column: number(at.column()).max(1), bytes: start..end }
}

/// The parser's own words where they help, ours where a rule of this format is meant.
fn message(error: &serde_saphyr::Error) -> String {
    use serde_saphyr::Error;
    use serde_saphyr::budget::BudgetBreach;
    match error.without_snippet() {
        Error::Budget { breach: BudgetBreach::Anchors { .. } | BudgetBreach::Aliases { .. }, .. }
        | Error::UnknownAnchor { .. } => {
            "anchors and aliases (`&name`, `*name`) are not used in policies: write the value where it is needed".to_owned()
        }
        Error::MultipleDocuments { .. } | Error::Budget { breach: BudgetBreach::Documents { .. }, .. } => {
            "a policy is one document: remove what follows `---`".to_owned()
        }
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => "nested too deeply for a policy".to_owned(),
        Error::Budget { .. } => "too large for a policy".to_owned(),
        Error::MergeKeyNotAllowed { .. } => "`<<` is not used in policies: write the keys out".to_owned(),
        Error::DuplicateMappingKey { key: Some(key), .. } => format!("`{key}` is written twice"),
        Error::DuplicateMappingKey { key: None, .. } => "the same key is written twice".to_owned(),
        Error::Eof { .. } => "the file is empty".to_owned(),
        Error::ExternalMessage { msg, .. } => format!("not YAML: {msg}"),
        Error::Message { msg, .. } => format!("not YAML: {msg}"),
        other => {
            let whole = other.render();
            format!("not YAML: {}", whole.lines().next().unwrap_or("unreadable"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_stay_as_written() {
        let root = parse("a: yes\nb: 1.10\nc: 007\nd: \"x\"\ne: ~\nf:\n  - 2026-12-31\n").unwrap();
        let Value::Map(entries) = root.value else { panic!("no mapping") };
        let texts: Vec<String> = entries
            .iter()
            .map(|(_, node)| match &node.value {
                Value::Text(text) => text.clone(),
                Value::List(items) => format!("{:?}", items[0].value),
                other => other.kind().to_owned(),
            })
            .collect();
        assert_eq!(texts, ["yes", "1.10", "007", "x", "nothing", "Text(\"2026-12-31\")"]);
        assert_eq!((entries[1].1.place.line, entries[1].1.place.column), (2, 4));
        assert_eq!((entries[1].0.place.line, entries[1].0.place.column), (2, 1));
    }

    #[test]
    fn refuses_what_reads_differently_to_people() {
        for (text, expected) in [
            ("a: &x 1\nb: *x\n", "anchors and aliases"),
            ("a: 1\na: 2\n", "`a` is written twice"),
            ("a: 1\n---\nb: 2\n", "one document"),
            ("a: {<<: {b: 1}}\n", "`<<`"),
            ("a: [1\n", "not YAML"),
            ("a: !!python/object x\n", ""),
            (&"[".repeat(100), ""),
        ] {
            let mistake = parse(text).expect_err(text);
            assert!(mistake.what.contains(expected), "{text}: {}", mistake.what);
        }
    }
}
