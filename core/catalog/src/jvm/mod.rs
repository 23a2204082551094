//! Java archives, and what is in them.

use crate::cataloger::Cataloger;

pub(crate) const CATALOGERS: &[Cataloger] = &[];
