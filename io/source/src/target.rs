//! How people name an image.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use lazaret_model::ImageReference;

use crate::error::SourceError;

/// Where to look for an image, and under which name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `docker:NAME`: an image of the container engine.
    Docker(String),
    /// `archive:PATH`, or `archive:PATH#NAME` for one of several images.
    Archive { path: PathBuf, image: Option<String> },
    /// `registry:REFERENCE`.
    Registry(ImageReference),
    /// Without a prefix: a file that exists, else an image that the engine knows, else a reference.
    Detect(String),
}

impl Target {
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        let fail = |why: &str| SourceError::Target { text: text.to_owned(), why: why.to_owned() };
        let (kind, rest) = text.split_once(':').unwrap_or_default();
        if text.is_empty() || matches!(kind, "docker" | "archive" | "registry") && rest.is_empty() {
            return Err(fail("the name is empty"));
        }
        match kind {
            "docker" => Ok(Self::Docker(rest.to_owned())),
            "archive" => Ok(archive(rest)),
            "registry" => {
                let reference = rest.parse::<ImageReference>().map_err(|error| fail(&error.to_string()))?;
                Ok(Self::Registry(reference))
            }
            _ => Ok(Self::Detect(text.to_owned())),
        }
    }
}

impl FromStr for Target {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Docker(name) => write!(f, "docker:{name}"),
            Self::Archive { path, image: None } => write!(f, "archive:{}", path.display()),
            Self::Archive { path, image: Some(image) } => write!(f, "archive:{}#{image}", path.display()),
            Self::Registry(reference) => write!(f, "registry:{reference}"),
            Self::Detect(text) => f.write_str(text),
        }
    }
}

/// `#` is allowed in file names: the longest path that exists is meant.
pub(crate) fn archive(text: &str) -> Target {
    let whole = || Target::Archive { path: PathBuf::from(text), image: None };
    if Path::new(text).exists() {
        return whole();
    }
    match text.rsplit_once('#') {
        Some((path, image)) if !path.is_empty() && !image.is_empty() => {
            Target::Archive { path: PathBuf::from(path), image: Some(image.to_owned()) }
        }
        _ => whole(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_targets() {
        let parse = |text| Target::parse(text).unwrap();
        assert_eq!(parse("docker:shop:1"), Target::Docker("shop:1".to_owned()));
        assert_eq!(parse("archive:x.tar"), Target::Archive { path: "x.tar".into(), image: None });
        assert_eq!(
            parse("archive:x.tar#shop:1"),
            Target::Archive { path: "x.tar".into(), image: Some("shop:1".to_owned()) }
        );
        assert_eq!(parse("localhost:5000/a"), Target::Detect("localhost:5000/a".to_owned()));
        assert!(matches!(parse("registry:localhost:5000/a:b"), Target::Registry(_)));
        for bad in ["", "docker:", "archive:", "registry:", "registry:Bad/Name"] {
            let error = Target::parse(bad).unwrap_err();
            assert_eq!(error.class(), crate::ErrorClass::Usage, "{bad}");
        }
        for text in ["docker:a", "archive:b#c", "registry:r.example/a:b", "plain"] {
            assert_eq!(parse(text).to_string(), text);
        }
    }
}
