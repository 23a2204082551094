//! `lazaret-agent`: the root daemon on a host.

pub mod cli;
pub mod failure;
pub mod clock;
pub mod files;
pub mod config;
pub mod spool;
pub mod server;
pub mod enroll;
pub mod report;
pub mod sync;
pub mod admissions;
pub mod break_glass;
pub mod desk;
pub mod socket;
pub mod authz;
pub mod engine_http;
pub mod canary;
pub mod engine_process;
pub mod start;
pub mod runtime;
pub mod hook;
pub mod watch;
pub mod replace;
pub mod behaviour;
pub mod run;
pub mod release;
pub mod doctor;

pub use config::Config;
pub use failure::Failure;
