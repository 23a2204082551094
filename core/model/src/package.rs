use crate::Ecosystem;

/// A package found in a tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Package {
    pub ecosystem: Ecosystem,
    /// Whole and as its ecosystem writes it: `@scope/name`, `group:artifact`, `github.com/a/b/v2`, `vendor/name`.
    pub name: String,
    /// As the package manager states it, epoch included. Empty where nothing states one.
    pub version: String,
    pub architecture: Option<String>,
    /// The source package that this one was built from: advisories of distributions name sources. Elsewhere the
    /// package itself.
    pub source: SourcePackage,
    /// The file that says so, relative to the root. What lies in an archive follows it after `!/`:
    /// `app/shop.jar!/BOOT-INF/lib/log4j-core-2.14.1.jar`.
    pub location: String,
    /// Index into [`Image::layers`](crate::Image) of the layer that brought this version of the package.
    pub layer: u32,
    /// What makes us say that the package is there.
    pub evidence: PackageEvidence,
    /// Licences as stated, most often SPDX expressions; sorted.
    pub licences: Vec<String>,
    /// Name of the distribution's package whose file list holds `location`: the distribution's advisories speak
    /// for it, and it is not matched a second time.
    pub owner: Option<String>,
    /// The module stream of an rpm package, `name:stream` (Red Hat modularity).
    pub module: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourcePackage {
    pub name: String,
    pub version: String,
}

/// What makes us say that a package is there, the surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PackageEvidence {
    /// The package manager's own record, or the package's own files.
    Installed,
    /// What a build wrote into a program about itself: Go's build information, cargo-auditable.
    BuiltIn,
    /// A lock file or manifest: wanted, and perhaps not there.
    Declared,
    /// Texts that the compiler left in a program, or a version string: the version may be that of another build.
    Inferred,
}

impl PackageEvidence {
    pub const ALL: &[Self] = &[Self::Installed, Self::BuiltIn, Self::Declared, Self::Inferred];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::BuiltIn => "built-in",
            Self::Declared => "declared",
            Self::Inferred => "inferred",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|evidence| evidence.name() == name)
    }
}

impl Package {
    /// A package that is its own source, installed, in the lowest layer; the rest is for the caller to say.
    pub fn new(ecosystem: Ecosystem, name: impl Into<String>, version: impl Into<String>) -> Self {
        let (name, version) = (name.into(), version.into());
        Self {
            ecosystem,
            source: SourcePackage { name: name.clone(), version: version.clone() },
            name,
            version,
            architecture: None,
            location: String::new(),
            layer: 0,
            evidence: PackageEvidence::Installed,
            licences: Vec::new(),
            owner: None,
            module: None,
        }
    }
}
