//! VEX: what the makers of software say of vulnerabilities in it. OpenVEX in and out, CycloneDX and CSAF in.
//!
//! A statement takes a finding out of the count only where it names the vulnerability and, by package URL, just
//! this package or just this image; what it cannot be held to, it does not speak for.

mod product;
mod openvex;
mod cyclonedx;
mod csaf;
mod apply;
mod write;

use lazaret_model::{Limits, Problem, ProblemKind};

pub use apply::{applies, apply};
pub use product::{Platform, Product, Subject};
pub use write::write;

use crate::words::shorten;

/// A document of statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vex {
    /// What the document calls itself; may be empty.
    pub id: String,
    pub statements: Vec<Statement>,
    /// What in it could not be understood, and so takes nothing out.
    pub problems: Vec<Problem>,
}

/// That one vulnerability does, or does not, matter in some products.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// All names of the vulnerability: `CVE-2026-1234`.
    pub ids: Vec<String>,
    pub products: Vec<Product>,
    pub status: Status,
    /// A word of the format: `vulnerable_code_not_present`.
    pub justification: Option<String>,
    /// In the author's words.
    pub text: String,
    pub author: String,
    /// When it was said; as written, RFC 3339.
    pub at: Option<String>,
    /// The document that it is from.
    pub origin: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    NotAffected,
    Fixed,
    Affected,
    UnderInvestigation,
}

impl Status {
    pub const ALL: &[Self] = &[Self::NotAffected, Self::Fixed, Self::Affected, Self::UnderInvestigation];

    /// OpenVEX's word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotAffected => "not_affected",
            Self::Fixed => "fixed",
            Self::Affected => "affected",
            Self::UnderInvestigation => "under_investigation",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.name() == name)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VexError {
    #[error("the VEX document is {bytes} bytes long, more than the {limit} that are read")]
    TooLarge { bytes: usize, limit: u64 },
    #[error("the VEX document is not {format}: {why}")]
    Malformed { format: &'static str, why: String },
    #[error("neither OpenVEX, nor CycloneDX, nor CSAF")]
    Unknown,
}

/// Reads OpenVEX 0.0.1 and 0.2.0, the vulnerabilities of CycloneDX JSON, and CSAF 2.0 and 2.1.
pub fn read(json: &[u8], limits: &Limits) -> Result<Vex, VexError> {
    if json.len() as u64 > limits.document_bytes {
        return Err(VexError::TooLarge { bytes: json.len(), limit: limits.document_bytes });
    }
    let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
    #[derive(serde::Deserialize)]
    struct Head {
        #[serde(rename = "@context")]
        context: Option<serde_json::Value>,
        #[serde(rename = "bomFormat")]
        bom_format: Option<serde::de::IgnoredAny>,
        document: Option<serde::de::IgnoredAny>,
        statements: Option<serde::de::IgnoredAny>,
    }
    let head: Head = serde_json::from_slice(json)
        .map_err(|error| VexError::Malformed { format: "JSON", why: shorten(&error.to_string()) })?;
    let is_openvex = |context: &serde_json::Value| context.to_string().contains("openvex.dev");
    match head {
        Head { context: Some(context), .. } if is_openvex(&context) => openvex::read(json),
        // The first version had its context elsewhere.
        Head { context: Some(_), statements: Some(_), .. } => openvex::read(json),
        Head { bom_format: Some(_), .. } => cyclonedx::read(json),
        Head { document: Some(_), .. } => csaf::read(json),
        _ => Err(VexError::Unknown),
    }
}

fn malformed(format: &'static str) -> impl Fn(serde_json::Error) -> VexError {
    move |error| VexError::Malformed { format, why: shorten(&error.to_string()) }
}

fn problem(subject: &str, detail: &str) -> Problem {
    Problem::new(ProblemKind::Unsupported, shorten(subject), detail)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn says_what_it_does_not_read() {
        let read = |text: &str| read(text.as_bytes(), &Limits::default());
        assert_eq!(read("{}"), Err(VexError::Unknown));
        assert!(matches!(read("[1"), Err(VexError::Malformed { format: "JSON", .. })));
        let limits = Limits { document_bytes: 1, ..Limits::default() };
        assert!(matches!(super::read(b"{}", &limits), Err(VexError::TooLarge { .. })));
    }

    proptest! {
        #[test]
        fn never_panics(
            bytes in proptest::collection::vec(any::<u8>(), 0..100),
            which in 0usize..3, at in any::<prop::sample::Index>(), byte in any::<u8>(),
        ) {
            let _ = read(&bytes, &Limits::default());
            let mut json = [openvex::tests::SAMPLE, cyclonedx::tests::SAMPLE, csaf::tests::SAMPLE][which].as_bytes().to_vec();
            let at = at.index(json.len());
            json[at] = byte;
            let _ = read(&json, &Limits::default());
        }
    }
}
