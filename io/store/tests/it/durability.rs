//! Full disks, other writers, requests that fail among requests that do not, and speed.

use std::process::Command;
use std::time::Instant;

use lazaret_store::{NewEvent, StoreError};

use crate::{event, open, with_agent};

/// A real file system of 2 MiB that goes away with the value.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m", "lazaret-test"])
            .arg(directory.path())
            .output()
            .is_ok_and(|output| output.status.success());
        mounted.then_some(Self(directory))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.0.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()));
    }
}

#[tokio::test]
async fn a_full_disk_is_said_and_survived() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("SKIPPED: a_full_disk_is_said_and_survived: cannot mount a small file system (needs root)");
        return;
    };
    let file = disk.0.path().join("lazaret.sqlite");
    let (store, mut writer) = open(&file).await;
    let agent = with_agent(&mut writer).await;
    let ballast = disk.0.path().join("ballast");
    std::fs::write(&ballast, vec![1u8; 1 << 20]).unwrap();

    let mut stored = 0;
    let error = loop {
        let mut write = writer.begin().await.unwrap();
        let spool = write.spool(agent, "spool").await.unwrap();
        let body = "x".repeat(50_000);
        let big = NewEvent { body, ..event(stored + 1) };
        let done = match write.add_events(spool.id, stored + 1, &[big]).await {
            Ok(_) => write.commit().await,
            Err(error) => Err(error),
        };
        match done {
            Ok(()) => stored += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::DiskFull { .. }), "{error:?}");
    assert!(error.to_string().contains("free some space"));
    let count = store.read().await.unwrap().view().events_after(0, 1000).await.unwrap().len() as u64;
    assert_eq!(count, stored, "what was committed before is there, the failed request is not");

    std::fs::remove_file(&ballast).unwrap();
    let mut write = writer.begin().await.unwrap();
    let spool = write.spool(agent, "spool").await.unwrap();
    write.add_events(spool.id, stored + 1, &[event(stored + 1)]).await.unwrap();
    write.commit().await.unwrap();
    store.close().await;
    writer.close().await.unwrap();
}

#[tokio::test]
async fn another_writer_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("lazaret.sqlite");
    let (_store, mut writer) = open(&file).await;
    let (_other_store, mut other) = open(&file).await;
    let write = other.begin().await.unwrap();
    let error = writer.begin().await.map(|_| ()).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error:?}");
    // Left without a commit.
    let _ = write;
    let _ = other.begin().await.unwrap();
    other.close().await.unwrap();
    writer.begin().await.unwrap();
}

#[tokio::test]
async fn a_part_is_undone_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (store, mut writer) = open(&directory.path().join("lazaret.sqlite")).await;
    let mut write = writer.begin().await.unwrap();
    for part in 0..4 {
        write.mark().await.unwrap();
        write.set_meta(&format!("part {part}"), "yes").await.unwrap();
        if part % 2 == 0 { write.keep().await.unwrap() } else { write.undo().await.unwrap() }
    }
    write.commit().await.unwrap();
    let mut dropped = writer.begin().await.unwrap();
    dropped.set_meta("never committed", "yes").await.unwrap();
    // Left without a commit.
    let _ = dropped;
    writer.begin().await.unwrap().commit().await.unwrap();

    let mut read = store.read().await.unwrap();
    let mut view = read.view();
    assert_eq!(view.meta("part 0").await.unwrap().as_deref(), Some("yes"));
    assert_eq!(view.meta("part 1").await.unwrap(), None);
    assert_eq!(view.meta("part 2").await.unwrap().as_deref(), Some("yes"));
    assert_eq!(view.meta("never committed").await.unwrap(), None);
}

#[tokio::test]
async fn many_small_batches_share_a_commit() {
    const BATCHES: u64 = 200;
    const SIZE: u64 = 100;
    let directory = tempfile::tempdir().unwrap();
    let (store, mut writer) = open(&directory.path().join("lazaret.sqlite")).await;
    let agent = with_agent(&mut writer).await;
    let begun = Instant::now();
    for group in 0..BATCHES / 20 {
        let mut write = writer.begin().await.unwrap();
        for batch in 0..20 {
            write.mark().await.unwrap();
            let mut spool = write.spool(agent, "spool").await.unwrap();
            let first = (group * 20 + batch) * SIZE + 1;
            let events: Vec<_> = (first..first + SIZE).map(event).collect();
            write.add_events(spool.id, first, &events).await.unwrap();
            spool.through = first + SIZE - 1;
            write.set_spool(&spool).await.unwrap();
            write.keep().await.unwrap();
        }
        write.commit().await.unwrap();
    }
    let took = begun.elapsed();
    eprintln!(
        "{} events in batches of {SIZE}, 20 batches a commit: {:.0} events/s",
        BATCHES * SIZE,
        (BATCHES * SIZE) as f64 / took.as_secs_f64()
    );
    let last = store.read().await.unwrap().view().last_position().await.unwrap();
    assert_eq!(last, BATCHES * SIZE);
}
