//! The catalog over trees in memory and over other people's test data.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests read corpora and ask the machine's own tools"
)]

mod corpora;
mod jars;
mod lockfiles_others;
mod memory;
mod pass;
mod syft_others;
mod zip;
