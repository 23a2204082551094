//! Where advisories come from: one folder a feed, foreign bytes in, [`Advisory`](lazaret_model::Advisory)
//! rows out. Fetching the bytes is the business of `lazaret-source`.

pub mod apt;
pub mod osv;

mod line;
