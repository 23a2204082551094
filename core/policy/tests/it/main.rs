//! The policy as its users meet it: files, mistakes, verdicts, promotions and admissions.

#![expect(clippy::disallowed_methods, reason = "tests read their fixtures")]

mod examples;
mod mistakes;
mod verdicts;
mod promotion;
mod admission;
mod operations;
mod properties;
