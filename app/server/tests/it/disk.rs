//! A disk that is full: said, and got over without losing what was acknowledged.

use std::process::Command;

use lazaret_format::v1::{AgentEvent, EventBatch, EventPage};

use crate::harness::{Server, at, note};

/// A real file system of 3 MiB that goes away with the value.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=3m", "lazaret-test"])
            .arg(directory.path())
            .output()
            .is_ok_and(|output| output.status.success());
        mounted.then_some(Self(directory))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_refuses_and_recovers() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("SKIPPED: a_full_disk_refuses_and_recovers: cannot mount a small file system (needs root)");
        return;
    };
    let server = Server::start(&disk.0.path().join("server")).await;
    let agent = server.client.enrol("host-1").await;
    let ballast = disk.0.path().join("ballast");
    std::fs::write(&ballast, vec![1u8; 1 << 20]).unwrap();
    let batch = |seq: u64| {
        let events = vec![AgentEvent { seq, at: at(seq), what: note(&"x".repeat(50_000)) }];
        EventBatch { spool: "spool".to_owned(), events, lost: 0 }
    };
    let mut through = 0;
    let refusal = loop {
        let body = serde_json::to_string(&batch(through + 1)).unwrap();
        let (status, text) = agent.send(reqwest::Method::POST, "/v1/agent/events", Some(body)).await;
        if !status.is_success() {
            break (status.as_u16(), text);
        }
        through += 1;
    };
    assert_eq!(refusal.0, 503, "{}", refusal.1);
    assert!(refusal.1.contains("unavailable") && refusal.1.contains("free some space"), "{}", refusal.1);
    let page: EventPage = server.client.get("/v1/events?limit=1000").await;
    assert_eq!(page.events.len() as u64, through, "questions are still answered");

    std::fs::remove_file(&ballast).unwrap();
    let ack: lazaret_format::v1::EventAck = agent.post("/v1/agent/events", &batch(through + 1)).await;
    assert_eq!(ack.through, through + 1);
    server.stop().await;
    drop(disk);
}
