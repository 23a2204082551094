//! The scanner beside others: real images made of Debian's, PyPI's and npm's packages ([`images`]), the scanners that
//! people use ([`Tools`]), what each takes ([`contest`]), and what each finds ([`listing`]).

mod contest;
pub mod floor;
pub mod images;
pub mod listing;
pub mod measure;
mod table;
mod tools;

pub use contest::contest;
pub use table::{Block, Line};
pub use tools::Tools;
