//! Packages of Ruby, PHP, Elixir, Dart, R, Julia.

use crate::cataloger::Cataloger;

pub(crate) const CATALOGERS: &[Cataloger] = &[];
