//! What other people's specifications say about our documents.

#![expect(clippy::disallowed_methods, reason = "tests read files; the crate itself does not")]

mod corpora;
mod cyclonedx;
mod purl;
