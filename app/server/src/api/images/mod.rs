//! What is proven of images.

mod body;
mod evidence;
mod list;
mod promotion;
mod statement;
mod upload;

pub(super) use body::image_body;
pub(super) use evidence::{envelope_of, evidence_of};
pub(super) use list::{__path_get, __path_list, get, list};
pub(super) use promotion::accept;
pub(super) use upload::{__path_upload, upload};
