//! Package URLs (ECMA-427, purl-spec): names of packages that other tools understand.

mod text;
mod types;
mod write;
mod read;

use std::borrow::Cow;
use std::collections::BTreeMap;

pub use read::{Named, named};
pub use write::{image, package};

/// The parts of a package URL; `Display` writes its canonical text.
///
/// Made by [`Purl::parse`] or [`Purl::new`], which hold it to the definition of its type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Purl<'a> {
    /// The type: `deb`, `npm`.
    pub kind: Cow<'a, str>,
    /// Segments with `/` between them.
    pub namespace: Option<Cow<'a, str>>,
    pub name: Cow<'a, str>,
    pub version: Option<Cow<'a, str>>,
    /// Without empty values, which mean the same as none.
    pub qualifiers: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    pub subpath: Option<Cow<'a, str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PurlError {
    #[error("no package URL: it does not begin with `pkg:`")]
    Scheme,
    #[error("its type is not a letter followed by letters, digits, `.` and `-`")]
    Kind,
    #[error("it has no name")]
    Name,
    #[error("its type wants a namespace")]
    NamespaceMissing,
    #[error("its type has no namespaces")]
    NamespaceForbidden,
    #[error("a key of its qualifiers is not made of letters, digits, `.`, `-` and `_`")]
    Qualifier,
    #[error("its type wants the qualifier `{0}`")]
    QualifierMissing(&'static str),
    #[error("its name is not one of its type")]
    Malformed,
}

impl<'a> Purl<'a> {
    /// Normalizes the parts as the definition of the type says, and refuses what it does not allow.
    ///
    /// Set the other fields afterwards with [`with`](Self::with) and by assignment.
    pub fn new(
        kind: &'a str,
        namespace: Option<&'a str>,
        name: &'a str,
        version: Option<&'a str>,
    ) -> Result<Self, PurlError> {
        let mut purl = Self {
            kind: kind.into(),
            namespace: namespace.map(Cow::from),
            name: name.into(),
            version: version.map(Cow::from),
            qualifiers: BTreeMap::new(),
            subpath: None,
        };
        types::normalize(&mut purl)?;
        Ok(purl)
    }

    /// Adds a qualifier, if its value says anything.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<Cow<'a, str>>) -> Self {
        let value = value.into();
        if !value.is_empty() {
            self.qualifiers.insert(key.into(), value);
        }
        self
    }

    /// The value of a qualifier.
    pub fn qualifier(&self, key: &str) -> Option<&str> {
        self.qualifiers.get(key).map(|value| &**value)
    }

    /// Namespace and name in one, as most ecosystems write them: `@scope/name`.
    pub fn full_name(&self) -> Cow<'_, str> {
        match &self.namespace {
            Some(namespace) => format!("{namespace}/{}", self.name).into(),
            None => Cow::Borrowed(&self.name),
        }
    }
}
