//! A real server on a port of its own, asked over real HTTP.
#![expect(clippy::print_stderr, reason = "tests say what they measured")]

mod harness;
mod evidence;

mod start;
mod used;
mod auth;
mod input;
mod learned;
mod agents;
mod events;
mod break_glass;
mod containers;
mod images;
mod promotions;
mod advisories;
mod agreement;
mod replacements;
mod explain;
mod audit;
mod openapi;
mod crash;
mod disk;
mod speed;
