//! Files that are refused, each with a sentence that names the file, and none of them changed.

use std::fs;
use std::path::Path;

use lazaret_store::{Store, StoreError};

use crate::{event, open, with_agent};

async fn refusal(file: &Path) -> StoreError {
    let before = fs::read(file).unwrap();
    let error = Store::open(file).await.map(|_| ()).expect_err("the file is refused");
    assert!(error.to_string().contains(file.to_str().unwrap()), "{error} names the file");
    assert!(fs::read(file).unwrap() == before, "a refused file is not changed");
    error
}

/// A database with enough in it to be cut and scratched.
async fn full_file(directory: &Path) -> std::path::PathBuf {
    let file = directory.join("lazaret.sqlite");
    let (store, mut writer) = open(&file).await;
    let agent = with_agent(&mut writer).await;
    let mut write = writer.begin().await.unwrap();
    let spool = write.spool(agent, "spool").await.unwrap();
    let events: Vec<_> = (1..5000).map(event).collect();
    write.add_events(spool.id, 1, &events).await.unwrap();
    write.commit().await.unwrap();
    store.close().await;
    writer.close().await.unwrap();
    file
}

#[tokio::test]
async fn files_that_are_not_ours() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("lazaret.sqlite");
    fs::write(&file, b"").unwrap();
    assert!(matches!(refusal(&file).await, StoreError::Foreign { .. }));
    fs::write(&file, b"once upon a time, there was a text file that was longer than one hundred bytes, so that nobody can say it was short\n").unwrap();
    assert!(matches!(refusal(&file).await, StoreError::Foreign { .. }));
    let mut header = b"SQLite format 3\0".to_vec();
    fs::write(&file, &header).unwrap();
    assert!(matches!(refusal(&file).await, StoreError::Corrupt { .. }));
    header.resize(4096, 0);
    fs::write(&file, &header).unwrap();
    assert!(matches!(refusal(&file).await, StoreError::Foreign { .. }), "another application's id");
}

#[tokio::test]
async fn truncated_and_damaged_files() {
    let directory = tempfile::tempdir().unwrap();
    let file = full_file(directory.path()).await;
    let whole = fs::read(&file).unwrap();
    for keep in [200, 4096, whole.len() / 2, whole.len() - 4096] {
        fs::write(&file, &whole[..keep]).unwrap();
        let error = refusal(&file).await;
        assert!(
            matches!(error, StoreError::Corrupt { .. } | StoreError::Foreign { .. }),
            "{keep}: {error:?}"
        );
    }
    let mut scratched = whole.clone();
    let middle = whole.len() / 2 / 4096 * 4096;
    scratched[middle..middle + 4096].fill(0xa5);
    fs::write(&file, &scratched).unwrap();
    assert!(matches!(refusal(&file).await, StoreError::Corrupt { .. }));
    fs::write(&file, &whole).unwrap();
    let (store, _writer) = open(&file).await;
    assert_eq!(store.read().await.unwrap().view().last_position().await.unwrap(), 4999);
}

#[tokio::test]
async fn a_newer_schema() {
    let directory = tempfile::tempdir().unwrap();
    let file = full_file(directory.path()).await;
    let mut bytes = fs::read(&file).unwrap();
    // "User version" of the SQLite file format.
    bytes[60..64].copy_from_slice(&99u32.to_be_bytes());
    fs::write(&file, &bytes).unwrap();
    let error = refusal(&file).await;
    assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error:?}");
}

#[tokio::test]
async fn an_interrupted_creation_is_begun_again() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("lazaret.sqlite");
    fs::write(directory.path().join("lazaret.sqlite.new"), b"half a database").unwrap();
    fs::write(directory.path().join("lazaret.sqlite.new-journal"), b"half a journal").unwrap();
    open(&file).await;
    assert!(!directory.path().join("lazaret.sqlite.new").exists());
}

#[tokio::test]
async fn a_directory_that_is_not_there() {
    let error = Store::open(Path::new("/nonexistent/lazaret.sqlite")).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
}
