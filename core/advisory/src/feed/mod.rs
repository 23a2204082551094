//! Where advisories come from: one folder a feed, foreign bytes in, [`Advisory`](lazaret_model::Advisory)
//! rows out. Fetching the bytes is the business of `lazaret-source`.

pub mod apt;
pub mod osv;

pub mod csaf;
pub mod debian_tracker;
pub mod friendsofphp;
pub mod oval;
pub mod rubysec;
pub mod rustsec;
pub mod secdb;
pub mod updateinfo;

mod formats;
mod intervals;
mod json;
mod languages;
mod line;
mod parsed;
mod releases;
mod words;
mod xml;

pub use formats::{FORMATS, Format, detect};
pub use parsed::{FeedError, Parsed};
