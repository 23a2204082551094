//! What the crate promises, from outside.

mod checking;
mod exports;
mod facts;
mod generations;
mod learning;
mod made;
mod rules;
mod shop;
mod stored;
mod text;
