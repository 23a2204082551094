//! Connections: whoever is slow, or opens many, takes only what is his.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

/// What callers may take.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Served at once; further ones wait in the kernel's queue.
    pub connections: usize,
    /// How long a connection may take to say what it wants, and how long an idle one is kept.
    pub head: Duration,
}

/// How long requests under way may take after the server was told to stop.
const FAREWELL: Duration = Duration::from_secs(10);

/// Serves connections until `stop` turns true or nobody is left to say so, then lets requests under way end.
pub async fn accept(listener: TcpListener, router: Router, bounds: Bounds, mut stop: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(bounds.connections));
    let graceful = GracefulShutdown::new();
    loop {
        let next = async {
            // The semaphore is never closed.
            let place = Arc::clone(&places).acquire_owned().await.ok();
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Too many open files, or a caller that went away: neither ends the server.
                tracing::warn!("failed to accept a connection: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone().into_service::<Incoming>());
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(bounds.head)
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!("a connection ended: {error}");
            }
            drop(place);
        });
    }
    drop(listener);
    if timeout(FAREWELL, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end within {} s and are cut off", FAREWELL.as_secs());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;

    const HEAD: Duration = Duration::from_millis(500);

    async fn asked(stream: &mut TcpStream) -> String {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn callers_that_say_nothing_or_little_make_room_for_others() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new().route("/", get(async || "here"));
        let (stop, stopped) = watch::channel(false);
        let bounds = Bounds { connections: 4, head: HEAD };
        let server = tokio::spawn(accept(listener, routes, bounds, stopped));

        // All places are taken: by two that say nothing, and two that trickle.
        let mut slow = Vec::new();
        for number in 0..4 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            if number % 2 == 0 {
                stream.write_all(b"GET / HTTP/1.1\r\nHost: ").await.unwrap();
            }
            slow.push(stream);
        }
        let begun = Instant::now();
        let mut caller = TcpStream::connect(address).await.unwrap();
        let answer = timeout(20 * HEAD, asked(&mut caller)).await.expect("the slow ones are put out");
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("here"), "{answer}");
        assert!(begun.elapsed() >= HEAD / 2, "a fifth of four is served only when another is gone");
        for mut stream in slow {
            // The end, or a reset: the connection is over.
            let mut rest = Vec::new();
            let _ =
                timeout(20 * HEAD, stream.read_to_end(&mut rest)).await.expect("the connection is closed");
        }
        stop.send_replace(true);
        timeout(20 * HEAD, server).await.expect("nobody is left to wait for").unwrap();
    }
}
