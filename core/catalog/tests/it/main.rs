//! The catalog over trees in memory and over other people's test data.

mod corpora;
mod memory;
mod pass;
