//! The store on real files: what it keeps, what it refuses, and what is left after `kill -9`.

#![expect(clippy::print_stderr, reason = "tests say what they measured and what they skipped")]

mod content;
mod crash;
mod durability;
mod refusal;

use std::path::Path;

use lazaret_model::Digest;
use lazaret_store::{NewAgent, NewEvent, Store, Writer};

const AT: &str = "2026-01-02T03:04:05Z";

fn digest(byte: u8) -> Digest {
    Digest::from_bytes([byte; 32])
}

async fn open(file: &Path) -> (Store, Writer) {
    Store::open(file).await.expect("the database opens")
}

/// A database with one agent; answers the agent's row.
async fn with_agent(writer: &mut Writer) -> i64 {
    let mut write = writer.begin().await.unwrap();
    let new = NewAgent {
        agent: "agent-1",
        host: "host-1",
        machine: "machine-1",
        version: "0.1.0",
        key_hash: digest(1),
        enrolled: AT,
    };
    let agent = write.enrol(&new).await.unwrap();
    write.commit().await.unwrap();
    agent.id
}

fn event(seq: u64) -> NewEvent<'static> {
    NewEvent { seq: Some(seq), container: None, image_config: None, body: format!("{{\"seq\":{seq}}}") }
}
