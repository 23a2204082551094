//! Bills of material as a source of packages: a scan of one finds what a scan of the image itself would.

mod fields;
mod lenient;
pub mod property;

use lazaret_model::{
    Digest, Distribution, Image, ImageConfiguration, Limits, Package, Platform, Problem, ProblemKind,
};
use sha2::{Digest as _, Sha256};

pub(crate) use fields::{
    Fields, Restored, image_fields, layer_name, layer_names, package_fields, problem_fields, restore_image,
    restore_package, restore_problem,
};
pub(crate) use lenient::or_default;

use crate::words::shorten;

/// What a bill of material says, of whatever origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// What the document calls its subject; may be empty.
    pub name: String,
    /// As far as the document tells. Where it names no configuration, that is the digest of the document; where
    /// it tells no layers, there are none.
    pub image: Image,
    pub distribution: Option<Distribution>,
    /// In the order of the document.
    pub packages: Vec<Package>,
    /// What the document says could not be read, and what in it could not be.
    pub problems: Vec<Problem>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("the bill of material is {bytes} bytes long, more than the {limit} that are read")]
    TooLarge { bytes: usize, limit: u64 },
    #[error("the bill of material is not {format}: {why}")]
    Malformed { format: &'static str, why: String },
    #[error("the bill of material is {found}, which is not read")]
    Version { found: String },
    #[error("the bill of material is {0}, which is not read: convert it to CycloneDX JSON or SPDX JSON")]
    Form(&'static str),
    #[error("neither CycloneDX nor SPDX: a bill of material begins with `bomFormat` or `spdxVersion`")]
    Unknown,
}

/// Reads CycloneDX JSON 1.2 to 1.7, SPDX 2.2 and 2.3 as JSON, or as tags and values.
pub fn read(document: &[u8], limits: &Limits) -> Result<Inventory, ReadError> {
    if document.len() as u64 > limits.document_bytes {
        return Err(ReadError::TooLarge { bytes: document.len(), limit: limits.document_bytes });
    }
    let text = document.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document).trim_ascii_start();
    match text.first() {
        Some(b'{') => match kind(text) {
            Some(Kind::CycloneDx) => crate::cyclonedx::read(text, limits),
            Some(Kind::Spdx) => crate::spdx::read(text, limits),
            Some(Kind::Spdx3) => Err(ReadError::Version { found: "SPDX 3".to_owned() }),
            None => Err(ReadError::Unknown),
        },
        Some(b'<') => Err(ReadError::Form("XML")),
        Some(_) if crate::spdx::is_tag_value(text) => crate::spdx::read_tag_value(text, limits),
        _ => Err(ReadError::Unknown),
    }
}

enum Kind {
    CycloneDx,
    Spdx,
    Spdx3,
}

fn kind(text: &[u8]) -> Option<Kind> {
    #[derive(serde::Deserialize)]
    struct Head {
        #[serde(rename = "bomFormat")]
        bom_format: Option<serde::de::IgnoredAny>,
        #[serde(rename = "spdxVersion")]
        spdx_version: Option<serde::de::IgnoredAny>,
        #[serde(rename = "@graph")]
        graph: Option<serde::de::IgnoredAny>,
    }
    match serde_json::from_slice::<Head>(text) {
        Ok(Head { bom_format: Some(_), .. }) => Some(Kind::CycloneDx),
        Ok(Head { spdx_version: Some(_), .. }) => Some(Kind::Spdx),
        Ok(Head { graph: Some(_), .. }) => Some(Kind::Spdx3),
        // Damaged further on: the reader that it is for says where.
        Err(_) if find(text, b"bomFormat") => Some(Kind::CycloneDx),
        Err(_) if find(text, b"spdxVersion") => Some(Kind::Spdx),
        _ => None,
    }
}

fn find(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

/// Packages in the making, within the limits; what does not fit is said once.
pub(crate) struct Collector<'l> {
    limits: &'l Limits,
    pub(crate) packages: Vec<Package>,
    pub(crate) problems: Vec<Problem>,
    left_out: usize,
}

/// Problems of one document that are told one by one.
const MOST_PROBLEMS: usize = 100;

impl<'l> Collector<'l> {
    pub(crate) fn new(limits: &'l Limits) -> Self {
        Self { limits, packages: Vec::new(), problems: Vec::new(), left_out: 0 }
    }

    pub(crate) fn push(&mut self, package: Package) {
        if self.packages.len() < self.limits.packages {
            self.packages.push(package);
        } else {
            self.left_out += 1;
        }
    }

    pub(crate) fn problem(&mut self, subject: &str, detail: &str) {
        match self.problems.len() {
            0..MOST_PROBLEMS => {
                self.problems.push(Problem::new(ProblemKind::Unsupported, shorten(subject), detail));
            }
            MOST_PROBLEMS => {
                self.problems.push(Problem::new(
                    ProblemKind::Limit,
                    "bill of material",
                    "more components than told here cannot be matched",
                ));
            }
            _ => {}
        }
    }

    pub(crate) fn finish(mut self) -> (Vec<Package>, Vec<Problem>) {
        if self.left_out > 0 {
            let detail = format!(
                "lists {} packages more than the {} that are read",
                self.left_out, self.limits.packages
            );
            self.problems.push(Problem::new(ProblemKind::Limit, "bill of material", detail));
        }
        (self.packages, self.problems)
    }
}

/// An image of which nothing is known but a document.
pub(crate) fn unknown_image(document: &[u8]) -> Image {
    Image {
        manifest: None,
        config: Digest::from_bytes(Sha256::digest(document).into()),
        platform: Platform { os: "linux".to_owned(), architecture: "unknown".to_owned(), variant: None },
        created: None,
        configuration: ImageConfiguration::default(),
        layers: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_it_does_not_read() {
        for (text, word) in [
            ("<bom/>", "XML"),
            ("{}", "neither"),
            ("", "neither"),
            ("hello", "neither"),
            ("{\"@graph\":[]}", "SPDX 3"),
            ("{\"bomFormat\":\"CycloneDX\",", "CycloneDX JSON: EOF"),
            ("{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"9\"}", "CycloneDX 9, which"),
            ("{\"spdxVersion\":\"SPDX-9\"}", "SPDX-9, which"),
        ] {
            let error = read(text.as_bytes(), &Limits::default()).unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
        let limits = Limits { document_bytes: 1, ..Limits::default() };
        assert!(matches!(read(b"{}", &limits), Err(ReadError::TooLarge { .. })));
    }
}
