//! Where advisories come from: one folder or file a feed, foreign bytes in,
//! [`Advisory`](lazaret_model::Advisory) and [`Vulnerability`](lazaret_model::Vulnerability) rows out. Fetching the
//! bytes is the business of `lazaret-source`.

pub mod apt;
pub mod osv;

pub mod cve;
pub mod epss;
pub mod kev;
pub mod nvd;
pub mod rubysec;

mod knowledge;
mod line;
mod text;

pub use knowledge::{Knowledge, KnowledgeError};
