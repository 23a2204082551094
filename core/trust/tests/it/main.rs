//! What other people's programs and documents say about ours, and ours about theirs.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests read files and start programs; the crate itself does not"
)]

mod corpora;
mod foreign;
mod openssl;
mod specification;
