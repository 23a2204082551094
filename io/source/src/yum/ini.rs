//! Files of repositories: sections with keys and values (dnf.conf(5), zypper(8)).

use std::collections::BTreeMap;

/// One `[section]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) name: String,
    /// By lower-case key; the last one counts.
    pub(super) values: BTreeMap<String, String>,
}

/// Most sections and keys of a section that are read.
const MOST: usize = 1_000;

/// Reads all sections. What is no key with a value is passed over, as yum and dnf do.
pub(super) fn sections(bytes: &[u8]) -> Vec<Section> {
    let text = String::from_utf8_lossy(bytes);
    let mut sections: Vec<Section> = Vec::new();
    let mut key: Option<String> = None;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.split(']').next())
            && line.starts_with('[')
        {
            if sections.len() >= MOST {
                break;
            }
            sections.push(Section { name: name.trim().to_owned(), ..Section::default() });
            key = None;
            continue;
        }
        let Some(section) = sections.last_mut() else { continue };
        // A line that begins with white space goes on with the value before.
        if line.starts_with([' ', '\t']) {
            if let Some(value) = key.as_ref().and_then(|key| section.values.get_mut(key)) {
                value.push('\n');
                value.push_str(trimmed);
            }
        } else if let Some((name, value)) = trimmed.split_once('=')
            && section.values.len() < MOST
        {
            let name = name.trim().to_ascii_lowercase();
            section.values.insert(name.clone(), value.trim().to_owned());
            key = Some(name);
        }
    }
    sections
}

impl Section {
    pub(super) fn value(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A value that is a list: separated by white space or commas.
    pub(super) fn list(&self, key: &str) -> Vec<String> {
        let words = self.value(key).unwrap_or_default().split(|c: char| c.is_whitespace() || c == ',');
        words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        match self.value(key)?.to_ascii_lowercase().as_str() {
            "1" | "yes" | "true" | "on" => Some(true),
            "0" | "no" | "false" | "off" => Some(false),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_go_on_over_indented_lines() {
        let text = "stray=1\n# a\n[base]\nname = B ase\nBaseURL=http://a/x,\n  http://b/x\n;c\nenabled=0\n[two]\nenabled = yes\nodd\n";
        let found = sections(text.as_bytes());
        assert_eq!(found.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["base", "two"]);
        assert_eq!(found[0].list("baseurl"), ["http://a/x", "http://b/x"]);
        assert_eq!((found[0].flag("enabled"), found[1].flag("enabled")), (Some(false), Some(true)));
        assert_eq!((found[0].value("name"), found[0].flag("name")), (Some("B ase"), None));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>, text in "[\\[\\]a-z=\n #;]{0,80}") {
            let _ = (sections(&bytes), sections(text.as_bytes()));
        }
    }
}
