//! How people name what is to be read.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use lazaret_model::ImageReference;

use crate::error::SourceError;

/// Where to look for a tree, and under which name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `docker:NAME`: an image of the Docker engine.
    Docker(String),
    /// `podman:NAME`.
    Podman(String),
    /// `containerd:NAME`, in the namespace that the options name.
    Containerd(String),
    /// `registry:REFERENCE`.
    Registry(ImageReference),
    /// `archive:PATH`, or `archive:PATH#NAME` for one of several images: what `docker save` writes, or
    /// an OCI layout as an archive; plain, gzip or zstd.
    Archive { path: PathBuf, image: Option<String> },
    /// `oci:PATH`, or `oci:PATH#NAME`: the directory of an OCI layout.
    Layout { path: PathBuf, image: Option<String> },
    /// `dir:PATH`: a directory, for example a checkout of sources.
    Directory(PathBuf),
    /// `rootfs:PATH`: the root file system of a host or an unpacked image.
    RootFileSystem(PathBuf),
    /// Without a prefix: a file or directory that exists, else an image that an engine knows, else a
    /// reference.
    Detect(String),
}

/// Prefixes, and what each says of the rest, for messages.
pub(crate) const SCHEMES: &[(&str, &str)] = &[
    ("docker", "NAME"),
    ("podman", "NAME"),
    ("containerd", "NAME"),
    ("registry", "HOST/REPOSITORY:TAG"),
    ("archive", "FILE"),
    ("oci", "DIRECTORY"),
    ("dir", "DIRECTORY"),
    ("rootfs", "DIRECTORY"),
];

impl Target {
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        let fail = |why: &str| SourceError::Target { text: text.to_owned(), why: why.to_owned() };
        let (scheme, rest) = text.split_once(':').unwrap_or_default();
        if text.is_empty() || rest.is_empty() && SCHEMES.iter().any(|(known, _)| *known == scheme) {
            return Err(fail("the name is empty"));
        }
        let rest = rest.to_owned();
        Ok(match scheme {
            "docker" => Self::Docker(rest),
            "podman" => Self::Podman(rest),
            "containerd" => Self::Containerd(rest),
            "registry" => Self::Registry(
                rest.parse().map_err(|error: lazaret_model::ReferenceError| fail(&error.to_string()))?,
            ),
            "archive" => {
                let (path, image) = path_and_image(&rest);
                Self::Archive { path, image }
            }
            "oci" => {
                let (path, image) = path_and_image(&rest);
                Self::Layout { path, image }
            }
            "dir" => Self::Directory(rest.into()),
            "rootfs" => Self::RootFileSystem(rest.into()),
            _ => Self::Detect(text.to_owned()),
        })
    }

    /// A path of this machine that text without a prefix leads to.
    pub(crate) fn existing(text: &str) -> Option<Self> {
        let (path, image) = path_and_image(text);
        let metadata = std::fs::metadata(&path).ok()?;
        if !metadata.is_dir() {
            return Some(Self::Archive { path, image });
        }
        if path.join("oci-layout").is_file() {
            return Some(Self::Layout { path, image });
        }
        Some(match path.canonicalize() {
            Ok(canonical) if canonical == Path::new("/") => Self::RootFileSystem(path),
            _ => Self::Directory(path),
        })
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
        let (scheme, path, image) = match self {
            Self::Docker(name) => return write!(f, "docker:{name}"),
            Self::Podman(name) => return write!(f, "podman:{name}"),
            Self::Containerd(name) => return write!(f, "containerd:{name}"),
            Self::Registry(reference) => return write!(f, "registry:{reference}"),
            Self::Detect(text) => return f.write_str(text),
            Self::Archive { path, image } => ("archive", path, image),
            Self::Layout { path, image } => ("oci", path, image),
            Self::Directory(path) => ("dir", path, &None),
            Self::RootFileSystem(path) => ("rootfs", path, &None),
        };
        write!(f, "{scheme}:{}", path.display())?;
        match image {
            Some(image) => write!(f, "#{image}"),
            None => Ok(()),
        }
    }
}

/// `#` is allowed in file names: the longest path that exists is meant.
fn path_and_image(text: &str) -> (PathBuf, Option<String>) {
    if Path::new(text).exists() {
        return (text.into(), None);
    }
    match text.rsplit_once('#') {
        Some((path, image)) if !path.is_empty() && !image.is_empty() => (path.into(), Some(image.to_owned())),
        _ => (text.into(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_targets() {
        let parse = |text: &str| Target::parse(text).unwrap();
        assert_eq!(parse("docker:shop:1"), Target::Docker("shop:1".to_owned()));
        assert_eq!(parse("podman:shop:1"), Target::Podman("shop:1".to_owned()));
        assert_eq!(parse("containerd:shop:1"), Target::Containerd("shop:1".to_owned()));
        assert_eq!(parse("archive:x.tar"), Target::Archive { path: "x.tar".into(), image: None });
        assert_eq!(
            parse("oci:x#shop:1"),
            Target::Layout { path: "x".into(), image: Some("shop:1".to_owned()) }
        );
        assert_eq!(parse("dir:."), Target::Directory(".".into()));
        assert_eq!(parse("rootfs:/"), Target::RootFileSystem("/".into()));
        assert_eq!(parse("localhost:5000/a"), Target::Detect("localhost:5000/a".to_owned()));
        assert!(matches!(parse("registry:localhost:5000/a:b"), Target::Registry(_)));
        for (scheme, _) in SCHEMES {
            assert!(Target::parse(&format!("{scheme}:")).is_err(), "{scheme}");
            assert!(!matches!(parse(&format!("{scheme}:a")), Target::Detect(_)), "{scheme}");
        }
        for bad in ["", "docker:", "registry:Bad/Name"] {
            let error = Target::parse(bad).unwrap_err();
            assert_eq!(error.class(), crate::ErrorClass::Usage, "{bad}");
        }
        for text in [
            "docker:a",
            "podman:a:b",
            "containerd:a",
            "archive:b#c",
            "oci:b",
            "dir:a/b",
            "rootfs:/",
            "registry:r.example/a:b",
            "plain",
        ] {
            assert_eq!(parse(text).to_string(), text);
        }
    }

    #[test]
    fn detects_what_exists() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        std::fs::write(at("file"), "").unwrap();
        std::fs::write(at("with#hash"), "").unwrap();
        std::fs::create_dir(at("plain")).unwrap();
        std::fs::create_dir(at("layout")).unwrap();
        std::fs::write(at("layout/oci-layout"), "{}").unwrap();
        let existing = |name: &str| Target::existing(at(name).to_str().unwrap());
        assert_eq!(existing("file"), Some(Target::Archive { path: at("file"), image: None }));
        assert_eq!(existing("file#a"), Some(Target::Archive { path: at("file"), image: Some("a".into()) }));
        assert_eq!(existing("with#hash"), Some(Target::Archive { path: at("with#hash"), image: None }));
        assert_eq!(existing("plain"), Some(Target::Directory(at("plain"))));
        assert_eq!(existing("layout"), Some(Target::Layout { path: at("layout"), image: None }));
        assert_eq!(
            existing("layout#a"),
            Some(Target::Layout { path: at("layout"), image: Some("a".into()) })
        );
        assert_eq!(existing("none"), None);
        assert_eq!(Target::existing("/"), Some(Target::RootFileSystem("/".into())));
    }
}
