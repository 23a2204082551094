//! The program itself, as people run it.

mod cache;
mod database;
mod inputs;
mod job;
mod place;
mod registry;
mod reruns;
mod travel;
