//! The catalog over trees in memory and over other people's test data.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests read corpora and ask the machine's own tools"
)]

mod binaries;
mod code;
mod classifiers;
mod corpora;
mod languages_js_py;
mod lockfiles;
mod cost;
mod memory;
mod pass;
mod rpm;
mod distributions;
mod syft_js_py;
mod trivy_js_py;
mod jars;
mod lockfiles_others;
mod syft_others;
mod zip;
mod zipped;
