//! The engine's edge against what engines and their clients really send, write and do.

mod requests;
mod bypasses;
mod settings;
mod differential;
mod runtime_specs;
mod live;
