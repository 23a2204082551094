//! Which format a document has, told by its content.

use super::formats::{FORMATS, Format, detect};
use super::knowledge::{KNOWLEDGE_FORMATS, KnowledgeFormat, detect_knowledge};

/// What reads a document.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// [`OsvFeed::read_json`](super::osv::OsvFeed::read_json).
    OsvJson,
    /// [`OsvFeed::read_yaml`](super::osv::OsvFeed::read_yaml).
    OsvYaml,
    /// A format that knows vulnerabilities, and no packages.
    Knowledge(&'static KnowledgeFormat),
    /// A publisher's own format.
    Published(&'static Format),
}

/// How much of a document tells its format.
const HEAD: usize = 64 << 10;

/// The format of an unpacked file by its content, and where that is silent by its name or path.
pub fn kind(bytes: &[u8], name: &str) -> Option<Kind> {
    let head = String::from_utf8_lossy(bytes.get(..HEAD).unwrap_or(bytes));
    let head = head.trim_start_matches(|c: char| c == '\u{feff}' || c.is_whitespace());
    if let Some(format) = detect_knowledge(head) {
        return Some(Kind::Knowledge(format));
    }
    // "modified" and "id" are what every document of OSV has.
    if head.starts_with(['{', '[']) {
        let is_osv =
            head.contains("\"id\"") && (head.contains("\"modified\"") || head.contains("\"affected\""));
        if is_osv {
            return Some(Kind::OsvJson);
        }
    }
    let has_line = |start: &str| head.lines().any(|line| line.starts_with(start));
    if has_line("id:") && has_line("modified:") {
        return Some(Kind::OsvYaml);
    }
    detect(bytes, name).map(Kind::Published)
}

/// Whether one document is all of a feed, so that nothing of it is left when a newer one is read.
pub fn is_whole(feed: &str) -> bool {
    KNOWLEDGE_FORMATS.iter().any(|format| format.name == feed && format.is_whole)
        || FORMATS.iter().any(|format| format.name == feed && format.is_whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_tell_formats() {
        let name = |text: &str| match kind(text.as_bytes(), "x") {
            None => "none",
            Some(Kind::OsvJson) => "osv json",
            Some(Kind::OsvYaml) => "osv yaml",
            Some(Kind::Knowledge(format)) => format.name,
            Some(Kind::Published(format)) => format.name,
        };
        for (text, expected) in [
            (" \u{feff}{\"id\":\"X\",\"modified\":\"2024\"}", "osv json"),
            ("[{\"modified\":\"2024\", \"id\":\"X\"}]", "osv json"),
            ("details: |\n  x\nid: PYSEC-1\nmodified: 2024\n", "osv yaml"),
            ("#model_version:v1\ncve,epss,percentile\n", "epss"),
            ("cve,epss,percentile\n", "epss"),
            ("{\"vulnerabilities\":[{\"cveID\":\"CVE-1\"}]}", "kev"),
            ("{\"id\":\"CVE-1\",\"vulnStatus\":\"Modified\"}", "nvd"),
            ("{\"name\":\"package\"}", "none"),
            ("---\ngem: rack\n", "rubysec"),
            ("# Readme\n", "none"),
            ("", "none"),
        ] {
            assert_eq!(name(text), expected, "{text}");
        }
        assert!(
            is_whole("epss") && is_whole("debian-tracker") && !is_whole("nvd") && !is_whole("oval-debian")
        );
    }
}
