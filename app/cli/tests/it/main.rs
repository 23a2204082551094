//! The program itself, as people run it.

mod break_glass;
mod cache;
mod database;
mod inputs;
mod job;
mod place;
mod promotion;
mod registry;
mod reruns;
mod travel;
mod world;
