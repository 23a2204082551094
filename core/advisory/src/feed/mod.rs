//! Where advisories come from: one folder or file a feed, foreign bytes in,
//! [`Advisory`](lazaret_model::Advisory) and [`Vulnerability`](lazaret_model::Vulnerability) rows out. Fetching the
//! bytes is the business of `lazaret-source`.

pub mod apt;
pub mod osv;

pub mod cve;
pub mod epss;
pub mod kev;
pub mod nvd;

pub mod csaf;
pub mod debian_tracker;
pub mod friendsofphp;
pub mod oval;
pub mod rubysec;
pub mod rustsec;
pub mod secdb;
pub mod updateinfo;
pub mod yum;

mod formats;
mod intervals;
mod json;
mod knowledge;
mod languages;
mod line;
mod parsed;
mod releases;
mod text;
mod words;
mod xml;

pub use formats::{FORMATS, Format, detect};
pub use knowledge::{Knowledge, KnowledgeError};
pub use parsed::{FeedError, Parsed};
