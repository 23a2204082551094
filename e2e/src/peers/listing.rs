//! What a scanner says is in an image, in one form for all of them.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::{Context as _, Result};

/// One package, as its purl names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// The purl's type: `deb`, `pypi`, `npm`, …
    pub kind: String,
    /// With the namespace where that is part of the name: `@babel/core`, `org.slf4j/slf4j-api`.
    pub name: String,
    pub version: String,
}

impl Listed {
    pub fn new(kind: &str, name: &str, version: &str) -> Self {
        // PyPI's names are equal beyond case and separators (PEP 503).
        let name =
            if kind == "pypi" { name.to_lowercase().replace(['_', '.'], "-") } else { name.to_owned() };
        Self { kind: kind.to_owned(), name, version: version.to_owned() }
    }

    /// Reads `pkg:TYPE/NAMESPACE/NAME@VERSION?…#…`; a distribution's namespace says nothing that the image does not.
    fn from_purl(purl: &str) -> Option<Self> {
        let rest = purl.strip_prefix("pkg:")?.split('#').next()?;
        let (rest, qualifiers) = rest.split_once('?').unwrap_or((rest, ""));
        let (kind, rest) = rest.split_once('/')?;
        let (name, version) =
            rest.rsplit_once('@').filter(|(name, _)| !name.is_empty()).unwrap_or((rest, ""));
        let name = match kind {
            "deb" => name.rsplit('/').next()?,
            _ => name,
        };
        let mut version = decoded(version);
        // Some write the epoch of a Debian version into the version, some beside it.
        if let Some(epoch) = qualifiers.split('&').find_map(|qualifier| qualifier.strip_prefix("epoch=")) {
            version.insert_str(0, &format!("{epoch}:"));
        }
        Some(Self::new(kind, &decoded(name), &version))
    }
}

impl std::fmt::Display for Listed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}@{}", self.kind, self.name, self.version)
    }
}

/// Reads a document: CycloneDX, or Syft's own JSON.
pub fn read(path: &Path) -> Result<BTreeSet<Listed>> {
    let bytes = std::fs::read(path).context(|| format!("cannot read {}", path.display()))?;
    let document: Value =
        serde_json::from_slice(&bytes).context(|| format!("{} is no JSON", path.display()))?;
    let components = ["components", "artifacts"].iter().find_map(|name| document[name].as_array());
    let purls = components.into_iter().flatten().filter_map(|component| component["purl"].as_str());
    Ok(purls.filter_map(Listed::from_purl).collect())
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped =
            after.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purls_of_all_kinds_are_names() {
        let read = |purl: &str| Listed::from_purl(purl).map(|listed| listed.to_string());
        assert_eq!(
            read("pkg:deb/debian/g%2B%2B@4%3A12.2.0-3?arch=amd64").as_deref(),
            Some("deb g++@4:12.2.0-3")
        );
        assert_eq!(
            read("pkg:deb/debian/login@4.13-1?arch=amd64&epoch=1").as_deref(),
            Some("deb login@1:4.13-1")
        );
        assert_eq!(read("pkg:npm/%40babel/core@7.1.0").as_deref(), Some("npm @babel/core@7.1.0"));
        assert_eq!(read("pkg:npm/@babel/core@7.1.0").as_deref(), Some("npm @babel/core@7.1.0"));
        assert_eq!(read("pkg:pypi/Jaraco.text@1#x").as_deref(), Some("pypi jaraco-text@1"));
        assert_eq!(read("pkg:maven/org.a/b").as_deref(), Some("maven org.a/b@"));
        assert_eq!(read("nothing"), None);
    }
}
