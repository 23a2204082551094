use std::fmt;

/// The operating system of a tree, from `os-release` (os-release(5)).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Distribution {
    /// `ID`: `debian`.
    pub id: String,
    /// `VERSION_ID`: `12`. Rolling releases have none.
    pub version: Option<String>,
    /// `VERSION_CODENAME`: `bookworm`.
    pub codename: Option<String>,
    /// `PRETTY_NAME`, for people.
    pub title: Option<String>,
}

impl Distribution {
    /// The key under which advisories for this release are stored: `debian:12`, or `debian:bookworm`
    /// where there is no number, or `debian`.
    pub fn key(&self) -> String {
        match self.version.as_ref().or(self.codename.as_ref()) {
            Some(release) => format!("{}:{release}", self.id),
            None => self.id.clone(),
        }
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.title {
            Some(title) => f.write_str(title),
            None => f.write_str(&self.key()),
        }
    }
}
