//! Packages of npm and its kin: what is installed, and what lock files want.

use crate::cataloger::Cataloger;

pub(crate) const CATALOGERS: &[Cataloger] = &[];
