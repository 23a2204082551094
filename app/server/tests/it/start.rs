use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use lazaret_server::{ServeError, ServeOptions, serve_until};

use crate::harness::{Server, options};

async fn fails(options: ServeOptions) -> ServeError {
    serve_until(options, |_| panic!("the server starts"), std::future::pending()).await.unwrap_err()
}

#[tokio::test]
async fn the_first_start_makes_what_is_needed_and_the_second_keeps_it() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("server");
    let server = Server::start(&state).await;
    assert!(server.ready.first_start);
    let read = |name: &str| fs::read_to_string(state.join(name)).unwrap();
    let mode = |name: &str| fs::metadata(state.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("admin.token"), mode("log.key"), mode("log.pub")), (0o600, 0o600, 0o644));
    assert_eq!(fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(read("log.pub").starts_with(&format!("lazaret/{}+", server.ready.server_id)));
    let (token, id) = (read("admin.token"), server.ready.server_id.clone());
    let database = fs::read(state.join("lazaret.sqlite")).unwrap();
    let needle = token.trim().as_bytes();
    assert!(!database.windows(needle.len()).any(|bytes| bytes == needle), "only the token's hash is stored");
    server.stop().await;

    let server = Server::start(&state).await;
    assert!(!server.ready.first_start);
    assert_eq!((read("admin.token"), server.ready.server_id.clone()), (token.clone(), id));
    server.stop().await;

    // Whoever moved the token to a safe place does not get a new one.
    fs::remove_file(state.join("admin.token")).unwrap();
    let (stop, told) = tokio::sync::oneshot::channel::<()>();
    let run = serve_until(options(&state), |_| drop(stop), async { drop(told.await) });
    run.await.unwrap();
    assert!(!state.join("admin.token").exists());
}

#[tokio::test]
async fn a_second_server_on_the_directory_is_refused() {
    let (server, directory) = Server::fresh().await;
    let error = fails(options(directory.path())).await;
    assert!(matches!(error, ServeError::InUse { pid: Some(_), .. }), "{error:?}");
    assert!(error.to_string().contains(directory.path().to_str().unwrap()), "{error}");
    server.stop().await;
    Server::start(directory.path()).await.stop().await;
}

#[tokio::test]
async fn addresses_that_others_reach_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:7300"] {
        let error =
            fails(ServeOptions { listen: listen.parse().unwrap(), ..options(directory.path()) }).await;
        assert!(matches!(error, ServeError::NotLoopback(_)), "{error:?}");
        assert!(error.to_string().contains("TLS termination is not built in yet"), "{error}");
    }
    assert!(fs::read_dir(directory.path()).unwrap().next().is_none(), "nothing is made before");
}

#[tokio::test]
async fn a_port_in_use_is_said() {
    let (server, _directory) = Server::fresh().await;
    let other = tempfile::tempdir().unwrap();
    let error = fails(ServeOptions { listen: server.ready.address, ..options(other.path()) }).await;
    assert!(matches!(error, ServeError::Listen { .. }), "{error:?}");
    assert!(error.to_string().contains(&server.ready.address.to_string()), "{error}");
    server.stop().await;
}

#[tokio::test]
async fn a_lost_or_foreign_database_is_not_taken_for_a_new_one() {
    let (server, directory) = Server::fresh().await;
    server.stop().await;
    let database = directory.path().join("lazaret.sqlite");
    let kept = fs::read(&database).unwrap();
    fs::remove_file(&database).unwrap();
    let error = fails(options(directory.path())).await;
    assert!(matches!(error, ServeError::LostDatabase { .. }), "{error:?}");
    fs::write(&database, &kept[..kept.len() / 2]).unwrap();
    let error = fails(options(directory.path())).await;
    assert!(matches!(error, ServeError::Store(_)) && error.to_string().contains("damaged"), "{error}");
    fs::write(&database, &kept).unwrap();
    Server::start(directory.path()).await.stop().await;
}

#[tokio::test]
async fn whoever_waits_is_answered_when_the_server_ends() {
    let (server, _directory) = Server::fresh().await;
    let client = server.client.clone();
    let waiting = tokio::spawn(async move {
        let page: lazaret_format::v1::EventPage = client.get("/v1/events?wait=60").await;
        page
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let begun = Instant::now();
    server.stop().await;
    assert!(waiting.await.unwrap().events.is_empty());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}
