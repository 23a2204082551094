//! What vendors mean, where the format leaves it open.

use lazaret_model::NamedPackage;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vendor {
    /// Names source packages; a version below 0 is none: the vulnerability is open.
    Debian,
    /// Names source packages, and its releases only in the names of its files.
    Microsoft,
    /// A version below 0 is none: the package is not vulnerable.
    Suse,
    Other,
}

impl Vendor {
    pub(super) fn of(file: &str, product: &str) -> Self {
        let has = |word: &str| product.contains(word);
        match () {
            () if has("Debian") => Self::Debian,
            () if has("Azure Linux") || has("Mariner") || file.contains("mariner") => Self::Microsoft,
            () if has("SUSE") || has("Marcus") => Self::Suse,
            () => Self::Other,
        }
    }

    pub(super) fn names(self) -> NamedPackage {
        match self {
            Self::Debian | Self::Microsoft => NamedPackage::Source,
            Self::Suse | Self::Other => NamedPackage::Binary,
        }
    }
}
