//! The program itself, as people run it.

mod database;
mod inputs;
mod job;
mod place;
mod reruns;
