//! One entry of a file of sources (sources.list(5)), in either of its two formats.

use lazaret_advisory::feed::apt::paragraphs;

use super::root::Format;

/// What an entry says, not yet believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SourceEntry {
    pub(super) uris: Vec<String>,
    pub(super) suites: Vec<String>,
    pub(super) components: Vec<String>,
    /// Empty: all.
    pub(super) architectures: Vec<String>,
    /// Names of key files or fingerprints.
    pub(super) signed_by: Vec<String>,
    /// A key within the entry.
    pub(super) key: Option<String>,
    pub(super) check_valid_until: Option<bool>,
    pub(super) check_date: Option<bool>,
}

/// The entries for binary packages that are switched on.
pub(super) fn entries(format: Format, bytes: &[u8]) -> Vec<SourceEntry> {
    match format {
        Format::Lines => bytes
            .split(|b| *b == b'\n')
            .filter_map(|line| from_line(std::str::from_utf8(line).ok()?))
            .collect(),
        Format::Paragraphs => from_paragraphs(bytes),
    }
}

/// `deb [option=value …] uri suite component…`
fn from_line(line: &str) -> Option<SourceEntry> {
    let line = line.split('#').next().unwrap_or_default().trim();
    let rest = line
        .strip_prefix("deb")?
        .strip_prefix(|c: char| c.is_ascii_whitespace() || c == '[')
        .map(str::trim_start);
    let mut entry = SourceEntry::default();
    // The bracket may follow directly.
    let mut rest = rest.map(|rest| if line[3..].starts_with('[') { (true, rest) } else { (false, rest) })?;
    if let Some(inside) = rest.1.strip_prefix('[') {
        rest = (true, inside);
    }
    let rest = match rest {
        (true, inside) => {
            let (options, after) = inside.split_once(']')?;
            options.split_whitespace().filter_map(|option| option.split_once('=')).for_each(
                |(name, value)| {
                    entry.option(name, value.split(',').map(str::to_owned).collect());
                },
            );
            after
        }
        (false, rest) => rest,
    };
    let mut words = rest.split_whitespace().map(str::to_owned);
    entry.uris.push(words.next()?);
    entry.suites.push(words.next()?);
    entry.components = words.collect();
    Some(entry)
}

fn from_paragraphs(bytes: &[u8]) -> Vec<SourceEntry> {
    let mut all = Vec::new();
    for paragraph in paragraphs(bytes) {
        let words = |name: &str| -> Vec<String> {
            paragraph.lines(name).flat_map(str::split_whitespace).map(str::to_owned).collect()
        };
        let is_off = paragraph.field("Enabled").is_some_and(|value| boolean(value) == Some(false));
        if is_off || !words("Types").iter().any(|kind| kind == "deb") {
            continue;
        }
        let mut entry = SourceEntry {
            uris: words("URIs"),
            suites: words("Suites"),
            components: words("Components"),
            ..SourceEntry::default()
        };
        for option in ["Architectures", "Check-Valid-Until", "Check-Date"] {
            entry.option(option, words(option));
        }
        let key: Vec<&str> = paragraph.lines("Signed-By").filter(|line| !line.is_empty()).collect();
        if key.iter().any(|line| line.starts_with("-----BEGIN PGP")) {
            let lines: Vec<&str> = key.into_iter().map(|line| if line == "." { "" } else { line }).collect();
            entry.key = Some(lines.join("\n") + "\n");
        } else {
            entry.option("Signed-By", words("Signed-By"));
        }
        all.push(entry);
    }
    all
}

impl SourceEntry {
    fn option(&mut self, name: &str, values: Vec<String>) {
        let truth = || values.first().and_then(|value| boolean(value));
        match name.to_ascii_lowercase().as_str() {
            "arch" | "architectures" => self.architectures = values,
            "signed-by" => self.signed_by = values,
            "check-valid-until" => self.check_valid_until = truth(),
            "check-date" => self.check_date = truth(),
            _ => {}
        }
    }
}

fn boolean(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "true" | "with" | "on" | "enable" | "1" => Some(true),
        "no" | "false" | "without" | "off" | "disable" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn reads_lines() {
        let text = "# deb http://a x main\ndeb http://m.example/debian bookworm main contrib # why\n\
            deb-src http://m.example/debian bookworm main\n\
            deb [ arch=amd64,i386 signed-by=/k.gpg check-valid-until=no ] http://s.example/ x/updates main\n\
            deb [trusted=yes] file:/srv ./\ndeb\ndeb [ http://broken\n";
        let all = entries(Format::Lines, text.as_bytes());
        assert_eq!(all.len(), 3);
        assert_eq!(all[0].uris, words("http://m.example/debian"));
        assert_eq!(
            (all[0].suites.clone(), all[0].components.clone()),
            (words("bookworm"), words("main contrib"))
        );
        assert_eq!(all[1].architectures, words("amd64 i386"));
        assert_eq!(all[1].signed_by, words("/k.gpg"));
        assert_eq!(all[1].check_valid_until, Some(false));
        assert_eq!(all[2].suites, words("./"));
    }

    #[test]
    fn reads_paragraphs() {
        let text = "Types: deb deb-src\nURIs: http://m.example/debian\nSuites: bookworm bookworm-updates\n\
            Components: main\nSigned-By: /usr/share/keyrings/a.gpg\n\nEnabled: no\nTypes: deb\nURIs: x\nSuites: y\n\n\
            Types: deb-src\nURIs: x\nSuites: y\n\nTypes: deb\nURIs: z\nSuites: y\nArchitectures: arm64\nSigned-By:\n\
            \x20-----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n -----END PGP PUBLIC KEY BLOCK-----\n";
        let all = entries(Format::Paragraphs, text.as_bytes());
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].suites, words("bookworm bookworm-updates"));
        assert_eq!(all[0].signed_by, words("/usr/share/keyrings/a.gpg"));
        assert_eq!(all[1].architectures, words("arm64"));
        let key = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----\n";
        assert_eq!(all[1].key.as_deref(), Some(key));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "(deb|[ \\[\\]=a#\n:]){0,20}") {
            for format in [Format::Lines, Format::Paragraphs] {
                let _ = entries(format, &bytes);
                let _ = entries(format, text.as_bytes());
            }
        }
    }
}
