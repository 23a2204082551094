//! `kill -9` of a process that writes: every acknowledged row is there afterwards, and no half request.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lazaret_store::AuditLeaf;

use crate::{event, open, with_agent};

const FILE: &str = "LAZARET_TEST_CRASH_FILE";

/// Does nothing unless the test below starts it in a process of its own: then it writes until it is killed,
/// and says after each commit how far it is.
#[tokio::test]
async fn child_that_writes() {
    let Some(file) = std::env::var_os(FILE) else { return };
    let (_store, mut writer) = open(Path::new(&file)).await;
    let agent = with_agent(&mut writer).await;
    loop {
        let mut write = writer.begin().await.unwrap();
        let mut state = write.spool(agent, "spool").await.unwrap();
        let events: Vec<_> = (state.through + 1..state.through + 8).map(event).collect();
        let first = write.view().last_position().await.unwrap() + 1;
        write.add_events(state.id, first, &events).await.unwrap();
        let leaves: Vec<_> = (first - 1..)
            .zip(&events)
            .map(|(index, _)| AuditLeaf { index, leaf: format!("{{\"seq\":{index}}}") })
            .collect();
        write.add_audit_leaves(&leaves).await.unwrap();
        state.through += 7;
        write.set_spool(&state).await.unwrap();
        write.commit().await.unwrap();
        // Straight to the descriptor: the test harness captures `println!`.
        nothing_but_a_line(state.through);
    }
}

fn nothing_but_a_line(number: u64) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    writeln!(out, "acknowledged {number}").and_then(|()| out.flush()).expect("the parent reads");
}

#[tokio::test]
async fn acknowledged_rows_survive_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("lazaret.sqlite");
    for round in 0..6 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::child_that_writes", "--nocapture"])
            .env(FILE, &file)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut acknowledged = 0;
        let deadline = Instant::now() + Duration::from_millis(60 + 35 * round);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        for line in lines.by_ref() {
            if let Some(number) = line.strip_prefix("acknowledged ") {
                acknowledged = number.parse().unwrap();
                if Instant::now() > deadline {
                    break;
                }
            }
        }
        // SIGKILL: nothing of the process gets to run again.
        child.kill().unwrap();
        child.wait().unwrap();
        // What it still said before it died counts too.
        for line in lines {
            if let Some(number) = line.strip_prefix("acknowledged ") {
                acknowledged = number.parse().unwrap();
            }
        }
        assert!(acknowledged > 0, "the child wrote nothing in round {round}");

        let (store, _writer) = open(&file).await;
        let mut read = store.read().await.unwrap();
        let stored = read.view().events_after(0, u32::MAX).await.unwrap();
        assert!(stored.len() as u64 >= acknowledged, "{} rows for {acknowledged} acknowledged", stored.len());
        assert_eq!(stored.len() % 7, 0, "a request is stored whole or not at all");
        for (number, row) in (1u64..).zip(&stored) {
            assert_eq!((row.position, row.body.as_str()), (number, format!("{{\"seq\":{number}}}").as_str()));
        }
        assert_eq!(read.view().audit_size().await.unwrap(), stored.len() as u64);
    }
}
