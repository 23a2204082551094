//! Packages of Python: wheels, eggs, and lock files.

use crate::cataloger::Cataloger;

pub(crate) const CATALOGERS: &[Cataloger] = &[];
