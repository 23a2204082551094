//! The scanner beside others: real images made of Debian's, PyPI's and npm's packages ([`images`]), the scanners that
//! people use ([`Tools`]), what each takes ([`contest`]), what each finds ([`listing`], [`agreement`](fn@agreement)), and
//! what SPDX's own validator says of our documents ([`spdx_is_valid`]).

mod agreement;
pub mod bare;
mod contest;
pub mod floor;
pub mod images;
pub mod listing;
pub mod measure;
mod spdx;
mod table;
mod tools;
mod truth;

pub use agreement::{Agreement, agreement};
pub use contest::{FORMS, contest};
pub use spdx::spdx_is_valid;
pub use table::{Block, Line};
pub use tools::Tools;
