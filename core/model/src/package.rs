use std::fmt;

/// A package found in a tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Package {
    pub ecosystem: Ecosystem,
    pub name: String,
    /// As the package manager states it, epoch included.
    pub version: String,
    pub architecture: Option<String>,
    /// The source package that this one was built from: advisories of distributions name sources.
    pub source: SourcePackage,
    /// The file that says so, relative to the root.
    pub location: String,
    /// Index into [`Image::layers`](crate::Image) of the layer that brought this version of the package.
    pub layer: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourcePackage {
    pub name: String,
    pub version: String,
}

/// A family of packages with one naming and one version order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ecosystem {
    /// Packages of dpkg: Debian and its derivatives.
    Deb,
}

impl Ecosystem {
    pub const ALL: &[Self] = &[Self::Deb];

    /// The name in our own files and output, which is also the purl type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deb => "deb",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|ecosystem| ecosystem.name() == name)
    }

    /// How its package manager orders versions.
    pub const fn scheme(self) -> lazaret_version::Scheme {
        match self {
            Self::Deb => lazaret_version::Scheme::Deb,
        }
    }

    pub fn compare(self, a: &str, b: &str) -> std::cmp::Ordering {
        lazaret_version::compare(self.scheme(), a, b)
    }
}

impl fmt::Display for Ecosystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
