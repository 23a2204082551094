use crate::mistake::{Mistake, Place};
use crate::policy::Permission;
use crate::rules;
use crate::yaml::{Key, Node, Value};

/// Reads nodes as what the format wants, noting each one that is something else.
#[derive(Debug, Default)]
pub(super) struct Reader {
    mistakes: Vec<Mistake>,
}

/// The entries of a mapping whose keys are all known.
#[derive(Debug)]
pub(super) struct Fields<'n> {
    pub(super) place: &'n Place,
    entries: &'n [(Key, Node)],
}

impl<'n> Fields<'n> {
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        self.entries.iter().find(|(name, _)| name.text == key).map(|(_, node)| node)
    }
}

impl Reader {
    pub(super) fn into_mistakes(self) -> Vec<Mistake> {
        self.mistakes
    }

    pub(super) fn note(&mut self, mistake: Mistake) {
        self.mistakes.push(mistake);
    }

    pub(super) fn wrong(&mut self, node: &Node, what: impl Into<String>, help: impl Into<String>) {
        self.note(Mistake::new(node.place.clone(), what).help(help));
    }

    fn not_a(&mut self, node: &Node, expected: &str) {
        self.note(Mistake::new(
            node.place.clone(),
            format!("expected {expected}, found {}", node.value.kind()),
        ));
    }

    /// A mapping with the keys of a section of the table of rules.
    pub(super) fn fields<'n>(&mut self, node: &'n Node, section: &str) -> Option<Fields<'n>> {
        self.fields_of(node, &rules::keys(section))
    }

    pub(super) fn fields_of<'n>(&mut self, node: &'n Node, allowed: &[&str]) -> Option<Fields<'n>> {
        let Value::Map(entries) = &node.value else {
            let found = node.value.kind();
            self.note(
                Mistake::new(node.place.clone(), format!("expected a mapping, found {found}"))
                    .help(format!("allowed here: {}", allowed.join(", "))),
            );
            return None;
        };
        for (key, _) in entries {
            if !allowed.contains(&key.text.as_str()) {
                self.note(Mistake::unknown_word(key.place.clone(), "key", &key.text, allowed));
            }
        }
        Some(Fields { place: &node.place, entries })
    }

    pub(super) fn needed<'n>(&mut self, fields: &Fields<'n>, key: &str, why: &str) -> Option<&'n Node> {
        let node = fields.get(key);
        if node.is_none() {
            self.note(Mistake::new(fields.place.clone(), format!("`{key}` is missing")).help(why));
        }
        node
    }

    pub(super) fn list<'n>(&mut self, node: &'n Node) -> &'n [Node] {
        match &node.value {
            Value::List(items) => items,
            _ => {
                self.not_a(node, "a list");
                &[]
            }
        }
    }

    /// A scalar that says something.
    pub(super) fn text<'n>(&mut self, node: &'n Node) -> Option<&'n str> {
        match &node.value {
            Value::Text(text) if !text.trim().is_empty() => Some(text.trim()),
            Value::Text(_) => {
                self.note(Mistake::new(node.place.clone(), "expected a value, found an empty text"));
                None
            }
            _ => {
                self.not_a(node, "a single value");
                None
            }
        }
    }

    /// One of a few words.
    pub(super) fn word<'a>(&mut self, node: &Node, allowed: &[&'a str]) -> Option<&'a str> {
        let text = self.text(node)?;
        let word = allowed.iter().copied().find(|word| *word == text);
        if word.is_none() {
            self.note(Mistake::unknown_word(node.place.clone(), "word", text, allowed));
        }
        word
    }

    /// A list whose items `read` understands; the others are noted by it and left out.
    pub(super) fn items<T>(&mut self, node: &Node, read: impl Fn(&mut Self, &Node) -> Option<T>) -> Vec<T> {
        self.list(node).iter().filter_map(|item| read(self, item)).collect()
    }

    /// As [`items`](Self::items), for lists that mean nothing when they are empty.
    pub(super) fn some_items<T>(
        &mut self,
        node: &Node,
        read: impl Fn(&mut Self, &Node) -> Option<T>,
    ) -> Vec<T> {
        if matches!(&node.value, Value::List(items) if items.is_empty()) {
            self.note(Mistake::new(node.place.clone(), "expected at least one item"));
        }
        self.items(node, read)
    }

    /// `refuse`, `allow`, or `{allow: […]}`.
    pub(super) fn permission<T>(
        &mut self,
        node: &Node,
        read: impl Fn(&mut Self, &Node) -> Option<T>,
    ) -> Permission<T> {
        if let Value::Map(_) = node.value {
            let Some(fields) = self.fields_of(node, &["allow"]) else { return Permission::Refuse };
            let list = self.needed(&fields, "allow", "write {allow: [what is allowed]}, or `refuse`");
            return Permission::Only(list.map(|list| self.items(list, read)).unwrap_or_default());
        }
        self.refuse_or_allow(node, " or `{allow: […]}`")
    }

    pub(super) fn refuse_or_allow<T>(&mut self, node: &Node, or: &str) -> Permission<T> {
        match &node.value {
            Value::Text(text) if text == "refuse" => Permission::Refuse,
            Value::Text(text) if text == "allow" => Permission::Allow,
            _ => {
                self.wrong(node, "expected `refuse` or `allow`", format!("write `refuse`, `allow`{or}"));
                Permission::Refuse
            }
        }
    }
}
