//! The scanner beside others: real images made of Debian's, PyPI's and npm's packages ([`images`]), the scanners that
//! people use ([`Tools`]), what each takes ([`contest`]), and what each finds ([`listing`], [`agreement`](fn@agreement)).

mod agreement;
mod contest;
pub mod floor;
pub mod images;
pub mod listing;
pub mod measure;
mod table;
mod tools;
mod truth;

pub use agreement::{Agreement, agreement};
pub use contest::{FORMS, contest};
pub use table::{Block, Line};
pub use tools::Tools;
