//! What `make fuzz` feeds with hostile input: a target for each family of parsers.
//!
//! A [`Target`] takes any bytes and may not panic, hang or fill the memory; beyond that each asserts what it knows:
//! round trips, orders that are total, two ways to one answer. Where a target has rows (one cataloger, one feed), the
//! first byte picks one, so that a new row of a table is fuzzed as soon as it stands there.

mod rows;
mod limits;
mod seeds;
#[path = "../../core/catalog/tests/it/memory.rs"]
#[expect(dead_code, reason = "it is shared with the tests of the catalogers, who need more of it")]
mod memory;
#[path = "../../io/source/src/layer/fixture.rs"]
#[expect(dead_code, reason = "it is shared with the tests of the reader, who need more of it")]
mod fixture;
#[path = "../../io/source/tests/it/made.rs"]
#[expect(dead_code, reason = "it is shared with the tests of archives, who need more of it")]
mod made;

pub mod catalogers;
pub mod feeds;
pub mod images;
pub mod versions;
pub mod documents;
pub mod database;
pub mod statements;
pub mod authz;

pub use libfuzzer_sys;
pub use seeds::{Seed, write_seeds};

use std::path::Path;

/// What is fuzzed by one program.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Panics if something does not hold.
    pub run: fn(&[u8]),
    /// Inputs that this target makes of a file that somebody else wrote.
    pub seeds: fn(&Path, &[u8]) -> Vec<Seed>,
    /// Larger files are not worth their time.
    pub largest: u64,
}

/// The whole program of a target.
#[macro_export]
macro_rules! target {
    ($target:path) => {
        $crate::libfuzzer_sys::fuzz_target!(
            init: $crate::write_seeds(&$target),
            |input: &[u8]| ($target.run)(input)
        );
    };
}
