//! What the crate promises, from outside.

mod made;
mod text;
