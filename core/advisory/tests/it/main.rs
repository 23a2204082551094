//! The crate from outside: databases written and read, damaged ones, findings, other people's data.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests read corpora and ask the machine's own tools"
)]

mod corpora;
mod corpus;
mod damage;
mod database;
mod findings;
mod publishers;
mod samples;
