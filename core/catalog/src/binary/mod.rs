//! What programs say about what they were built from.

use crate::cataloger::Cataloger;

pub(crate) const CATALOGERS: &[Cataloger] = &[];
