//! Which format a document has, told by its content.

use lazaret_advisory::feed::{self, Knowledge, KnowledgeError, epss, kev, nvd};
use lazaret_model::Limits;

/// A format that knows vulnerabilities, and no packages.
pub(super) struct Format {
    pub(super) feed: &'static str,
    /// One file of it is the whole feed.
    pub(super) is_table: bool,
    tells: fn(&str) -> bool,
    pub(super) parse: fn(&[u8], &Limits) -> Result<Knowledge, KnowledgeError>,
}

const FORMATS: &[Format] = &[
    Format {
        feed: epss::FEED,
        is_table: true,
        tells: |head| head.starts_with("cve,epss") || head.starts_with('#') && head.contains("\ncve,epss"),
        parse: epss::parse,
    },
    Format {
        feed: kev::FEED,
        is_table: true,
        tells: |head| head.starts_with('{') && head.contains("\"cveID\""),
        parse: kev::parse,
    },
    Format {
        feed: nvd::FEED,
        is_table: false,
        tells: |head| head.starts_with('{') && head.contains("\"vulnStatus\""),
        parse: nvd::parse,
    },
];

#[derive(Clone, Copy)]
pub(super) enum Kind {
    OsvJson,
    OsvYaml,
    Knowledge(&'static Format),
    /// A publisher's own format.
    Published(&'static feed::Format),
}

/// How much of a document tells its format.
const HEAD: usize = 64 << 10;

pub(super) fn kind(bytes: &[u8], name: &str) -> Option<Kind> {
    let head = String::from_utf8_lossy(bytes.get(..HEAD).unwrap_or(bytes));
    let head = head.trim_start_matches(|c: char| c == '\u{feff}' || c.is_whitespace());
    if let Some(format) = FORMATS.iter().find(|format| (format.tells)(head)) {
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
    feed::detect(bytes, name).map(Kind::Published)
}

pub(super) fn is_table(feed: &str) -> bool {
    FORMATS.iter().any(|format| format.feed == feed && format.is_table)
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
            Some(Kind::Knowledge(format)) => format.feed,
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
    }
}
