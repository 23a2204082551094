//! The variables in addresses (dnf.conf(5), "Variables"; zypper(8), "Repository variables").

use std::collections::BTreeMap;

use lazaret_model::Distribution;

/// Names and values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Variables(BTreeMap<String, String>);

/// Longest text with its variables replaced.
const MOST_BYTES: usize = 8 << 10;

impl Variables {
    /// Those that follow from the release and the processor (in Go's words: `amd64`), and those that files set.
    pub(super) fn new<'a>(
        distribution: Option<&Distribution>,
        architecture: &str,
        files: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let mut all = BTreeMap::new();
        let mut set = |name: &str, value: &str| all.insert(name.to_owned(), value.to_owned());
        // The part of a version that names the release is what publishers name their folders by.
        if let Some(key) = distribution.map(Distribution::key)
            && let Some((_, release)) = key.split_once(':')
        {
            let (major, minor) = release.split_once('.').unwrap_or((release, ""));
            set("releasever", release);
            set("releasever_major", major);
            set("releasever_minor", minor);
        }
        let (arch, base) = match architecture {
            "amd64" => ("x86_64", "x86_64"),
            "arm64" => ("aarch64", "aarch64"),
            "386" => ("i686", "i386"),
            "arm" => ("armv7hl", "armhfp"),
            same => (same, same),
        };
        set("arch", arch);
        set("basearch", base);
        for (name, value) in files {
            set(name, value);
        }
        Self(all)
    }

    /// Replaces `$name` and `${name}`; the error is a name that stands for nothing.
    pub(super) fn replace(&self, text: &str) -> Result<String, String> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            let (before, after) =
                (rest.get(..at).unwrap_or_default(), rest.get(at + 1..).unwrap_or_default());
            out.push_str(before);
            let (name, next) = match after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
                Some((name, next)) => (name, next),
                None => self.bare(after),
            };
            out.push_str(self.0.get(name).ok_or_else(|| name.to_owned())?);
            rest = next;
            if out.len() > MOST_BYTES {
                return Err("an endless text".to_owned());
            }
        }
        out.push_str(rest);
        Ok(out)
    }

    /// Takes a name from the beginning: the longest one that is known, as in `$releasever_$basearch`.
    fn bare<'t>(&self, text: &'t str) -> (&'t str, &'t str) {
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
        let (whole, _) = text.split_at(end);
        let known = self.0.keys().filter(|name| whole.starts_with(name.as_str())).map(String::len).max();
        text.split_at(known.unwrap_or(end))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(id: &str, version: &str) -> Variables {
        let (id, version) = (id.to_owned(), Some(version.to_owned()));
        let distribution = Distribution { id, version, codename: None, title: None };
        Variables::new(Some(&distribution), "amd64", [("rltype", "-x"), ("empty", "")].into_iter())
    }

    #[test]
    fn releases_are_what_publishers_call_them() {
        let text = "https://m.example/$releasever/${basearch}/$arch?r=A-$releasever$rltype$empty";
        for (id, version, release) in [
            ("rocky", "9.3", "9"),
            ("almalinux", "8.10", "8"),
            ("fedora", "40", "40"),
            ("opensuse-leap", "15.5", "15.5"),
            ("amzn", "2023", "2023"),
            ("photon", "5.0", "5.0"),
        ] {
            let expected = format!("https://m.example/{release}/x86_64/x86_64?r=A-{release}-x");
            assert_eq!(of(id, version).replace(text), Ok(expected));
        }
        assert_eq!(
            of("photon", "5.0").replace("photon_$releasever_$basearch"),
            Ok("photon_5.0_x86_64".to_owned())
        );
        assert_eq!(of("sles", "15.4").replace("$releasever_major.$releasever_minor"), Ok("15.4".to_owned()));
    }

    #[test]
    fn what_is_not_known_is_named() {
        assert_eq!(of("fedora", "40").replace("a$region.b"), Err("region".to_owned()));
        assert_eq!(
            of("opensuse-tumbleweed", "20240101").replace("$releasever"),
            Err("releasever".to_owned())
        );
        assert_eq!(of("fedora", "40").replace("a$"), Err(String::new()));
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in "[a-z${}_]{0,60}", other: String) {
            let _ = (of("fedora", "40").replace(&text), of("fedora", "40").replace(&other));
        }
    }
}
