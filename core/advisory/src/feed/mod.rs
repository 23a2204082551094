//! Where advisories come from: one folder or file a feed, foreign bytes in,
//! [`Advisory`](lazaret_model::Advisory) and [`Vulnerability`](lazaret_model::Vulnerability) rows out. Fetching the
//! bytes is the business of `lazaret-source`.

pub mod apt;
pub mod osv;

pub mod cve;
pub mod epss;
pub mod kev;
pub mod nvd;
pub mod vulnrichment;

pub mod arch;
pub mod csaf;
pub mod debian_tracker;
pub mod echo;
pub mod elixir;
pub mod friendsofphp;
pub mod node;
pub mod oval;
pub mod photon;
pub mod project_kb;
pub mod retirejs;
pub mod rubysec;
pub mod rustsec;
pub mod secdb;
pub mod updateinfo;
pub mod yum;

mod formats;
mod intervals;
mod json;
mod kind;
mod knowledge;
mod languages;
mod line;
mod parsed;
mod releases;
mod text;
mod words;
mod xml;

pub use formats::{FORMATS, Format};
pub use kind::{Kind, is_whole, kind};
pub use knowledge::{KNOWLEDGE_FORMATS, Knowledge, KnowledgeFormat};
pub use parsed::{FeedError, Parsed};
