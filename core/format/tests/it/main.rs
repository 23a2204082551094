//! What other people's specifications say about our documents, and what our own promises say.

#![expect(clippy::disallowed_methods, reason = "tests read files; the crate itself does not")]

mod corpora;
mod sample;
mod schema;
mod cyclonedx;
mod formats;
mod gitlab;
mod markup;
mod purl;
mod sbom;
mod vex;
