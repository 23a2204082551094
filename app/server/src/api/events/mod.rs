//! What hosts report: taken in once each, in the order of their arrival.

mod check;
mod ingest;
mod containers;
mod sessions;
mod list;

pub(crate) use ingest::decision_entry;
pub(super) use ingest::{__path_ingest, ingest};
pub(super) use list::{__path_list, list, stored};
