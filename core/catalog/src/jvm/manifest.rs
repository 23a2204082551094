//! What an archive's manifest says of the archive itself (JAR File Specification, "JAR Manifest").

/// Attributes of the main section.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    pub(super) title: Option<String>,
    pub(super) version: Option<String>,
    /// `Implementation-Vendor-Id`: most builds write the group there.
    pub(super) vendor: Option<String>,
    pub(super) symbolic_name: Option<String>,
    pub(super) bundle_version: Option<String>,
    pub(super) module: Option<String>,
    pub(super) specification_version: Option<String>,
    /// Plugins of Jenkins have names and versions of their own.
    pub(super) short_name: Option<String>,
    pub(super) plugin_version: Option<String>,
    pub(super) group: Option<String>,
    pub(super) licences: Vec<String>,
}

/// Plugins of Jenkins number their licences.
const LICENCE: &str = "plugin-license-name";

impl Manifest {
    /// Reads up to the first empty line: what follows speaks of single files.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let mut manifest = Self::default();
        let mut field: Option<(&str, String)> = None;
        for line in lines(&text) {
            if let Some(rest) = line.strip_prefix(' ') {
                if let Some((_, value)) = &mut field {
                    value.push_str(rest);
                }
                continue;
            }
            manifest.take(field.take());
            match line.split_once(':') {
                Some((name, value)) => field = Some((name.trim(), value.trim_start().to_owned())),
                None if line.is_empty() => break,
                None => {}
            }
        }
        manifest.take(field);
        manifest
    }

    fn take(&mut self, field: Option<(&str, String)>) {
        let Some((name, value)) = field else { return };
        let value = value.trim();
        // What the build did not fill in.
        if value.is_empty() || value.contains("${") {
            return;
        }
        let name = name.to_ascii_lowercase();
        let place = match name.as_str() {
            "implementation-title" => &mut self.title,
            "implementation-version" => &mut self.version,
            "implementation-vendor-id" => &mut self.vendor,
            "bundle-symbolicname" => &mut self.symbolic_name,
            "bundle-version" => &mut self.bundle_version,
            "automatic-module-name" => &mut self.module,
            "specification-version" => &mut self.specification_version,
            "short-name" => &mut self.short_name,
            "plugin-version" => &mut self.plugin_version,
            "group-id" => &mut self.group,
            "bundle-license" => return self.licences.extend(bundle_licences(value)),
            name if name.starts_with(LICENCE) => return self.licences.push(value.to_owned()),
            _ => return,
        };
        // `a.b.c;singleton:=true`
        let value = if name == "bundle-symbolicname" {
            value.split(';').next().unwrap_or(value).trim()
        } else {
            value
        };
        place.get_or_insert_with(|| value.to_owned());
    }
}

/// Lines end with a carriage return, a line feed, or both.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.find(['\n', '\r']) else { return rest.take() };
        rest = Some(text[end..].strip_prefix("\r\n").unwrap_or(&text[end + 1..]));
        Some(&text[..end])
    })
}

/// `Apache-2.0;link="https://…", "EPL-2.0"` (OSGi Core 8, 3.2.1.11): names, or addresses where nothing else is said.
fn bundle_licences(value: &str) -> impl Iterator<Item = String> {
    value
        .split(',')
        .filter_map(|clause| clause.split(';').next())
        .map(|name| name.trim().trim_matches('"').to_owned())
        .filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_the_main_section_with_continued_lines() {
        let manifest = Manifest::parse(
            b"Manifest-Version: 1.0\r\nBundle-SymbolicName: org.example.te\r\n xt;singleton:=true\r\nImplementation-Version: 1.2\r\n\
              implementation-title:  A title \r\nImplementation-Vendor-Id: ${groupId}\r\nBundle-License: \"Apache-2.0\";link=x, MIT\r\n\
              \r\nName: other/\r\nImplementation-Version: 9\r\n",
        );
        assert_eq!(manifest.symbolic_name.as_deref(), Some("org.example.text"));
        assert_eq!(manifest.version.as_deref(), Some("1.2"));
        assert_eq!(manifest.title.as_deref(), Some("A title"));
        assert_eq!(manifest.vendor, None);
        assert_eq!(manifest.licences, ["Apache-2.0", "MIT"]);
    }

    #[test]
    fn what_follows_an_empty_line_is_of_other_files() {
        for text in ["A: b\n\nImplementation-Version: 9\n", "A: b\r\rImplementation-Version: 9\r"] {
            assert_eq!(Manifest::parse(text.as_bytes()), Manifest::default(), "{text:?}");
        }
        let manifest =
            Manifest::parse(b"Plugin-License-Name: A\nPlugin-License-Name-2: B\nImplementation-Version: 1 x");
        assert_eq!((manifest.licences.len(), manifest.version.as_deref()), (2, Some("1 x")));
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            Manifest::parse(&bytes);
        }
    }
}
