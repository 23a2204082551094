//! The text form of a profile: YAML, one form for one profile, so that equal profiles have equal bytes.
//!
//! The shape is published as `schema/profile.schema.json`.

mod document;
mod read;
mod scalars;
mod write;

pub(crate) use read::options;
pub(crate) use scalars::{FromText, Place, Scalar, Word};
pub(crate) use write::peer;

use crate::Profile;

/// Most bytes of a profile's text.
pub const MOST_BYTES: usize = 64 << 10;

/// The version of the text form.
const VERSION: u32 = 1;

/// The JSON schema of the text form.
pub const SCHEMA: &str = include_str!("../../schema/profile.schema.json");

/// A text that is no profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    #[error("a profile of {bytes} bytes is larger than the {MOST_BYTES} allowed")]
    Large { bytes: usize },
    /// Complete: place, line, caret, and what is wrong there.
    #[error("{0}")]
    Malformed(String),
}

impl Profile {
    /// Reads the text form. Unknown keys, repeated keys, anchors, tags and further documents are refused.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        if text.len() > MOST_BYTES {
            return Err(ProfileError::Large { bytes: text.len() });
        }
        read::read(text)
    }

    /// Writes the text form: the same bytes for the same profile.
    pub fn text(&self) -> String {
        write::write(self)
    }
}
