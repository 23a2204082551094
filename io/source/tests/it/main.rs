//! Images as users have them: in archives, in a registry, behind an engine's socket.

mod support;
#[path = "../../src/layer/fixture.rs"]
#[expect(dead_code, reason = "shared with the unit tests, which use more of it")]
mod fixture;
mod made;
mod server;
mod archives;
mod unpacked;
mod registry;
mod failing_registry;
mod faults;
mod artifacts;
mod attestations;
mod engine;
mod engines;
mod directories;
mod yum;
