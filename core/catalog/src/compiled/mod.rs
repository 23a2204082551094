//! Manifests and lock files of languages that are compiled: Go, Rust, C and C++, Swift, .NET.

use crate::cataloger::Cataloger;

pub(crate) const CATALOGERS: &[Cataloger] = &[];
