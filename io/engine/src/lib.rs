//! Engines that run containers.

pub mod docker;
