use super::exceptions::vulnerability;
use super::reader::Reader;
use super::words;
use crate::ignore::{Ignore, IgnoreFile};
use crate::mistake::PolicyError;
use crate::yaml::{self, Node, Value};

const KEYS: &[&str] = &["id", "package", "purl", "path", "reason", "owner", "expires"];

impl IgnoreFile {
    /// Reads a YAML list of entries; `file` is its name in messages and reports.
    ///
    /// Each entry has `id`, `reason` and `expires`, and may have `package`, `purl` and `path` (patterns with `*` and
    /// `?`, all of which must match) and `owner`. A file of nothing but comments ignores nothing.
    pub fn parse(text: &str, file: &str) -> Result<Self, PolicyError> {
        let is_said = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
        if !text.lines().any(is_said) {
            return Ok(Self { name: file.to_owned(), entries: Vec::new() });
        }
        let root = yaml::parse(text).map_err(|mistake| PolicyError::new(file, text, vec![mistake]))?;
        let mut reader = Reader::default();
        let entries = match root.value {
            Value::Empty => Vec::new(),
            _ => reader.items(&root, entry),
        };
        let mistakes = reader.into_mistakes();
        if mistakes.is_empty() {
            Ok(Self { name: file.to_owned(), entries })
        } else {
            Err(PolicyError::new(file, text, mistakes))
        }
    }
}

fn entry(reader: &mut Reader, node: &Node) -> Option<Ignore> {
    let fields = reader.fields_of(node, KEYS)?;
    let id = reader.needed(&fields, "id", "name the vulnerability: CVE-2026-1234");
    let reason = reader.needed(&fields, "reason", "say why it does no harm here");
    let expires =
        reader.needed(&fields, "expires", "an entry without an end is forgotten: give its last day");
    let id = id.and_then(|node| vulnerability(reader, node));
    let reason = reason.and_then(|node| reader.text(node));
    let expires = expires.and_then(|node| words::date(reader, node));
    let mut pattern = |key: &str| fields.get(key).and_then(|node| words::pattern(reader, node));
    let (package, purl, path) = (pattern("package"), pattern("purl"), pattern("path"));
    let owner = fields.get("owner").and_then(|node| reader.text(node));
    Some(Ignore {
        id: id?,
        package,
        purl,
        path,
        reason: reason?.to_owned(),
        owner: owner.map(str::to_owned),
        expires: expires?,
        line: node.place.line,
    })
}
