//! Proves again and again that the engine asks before it obeys. An engine that lost its plugin (a reload
//! drops one that was given on the command line, and still lists it) answers as if nothing were wrong.

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use crate::engine_http;

const PATIENCE: Duration = Duration::from_secs(5);
const PATH: &str = "/_ping?lazaret-canary=";

/// The bird that is in the mine now.
#[derive(Debug, Default)]
pub struct Canary {
    flying: Mutex<Option<(String, bool)>>,
}

/// What one flight showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flight {
    /// The engine asked the plugin.
    Asked,
    /// The engine answered without asking: nothing is admitted any more, everything just runs.
    NotAsked { status: String },
    /// The engine did not answer.
    EngineAway { why: String },
}

impl Canary {
    /// Sends a request with a mark that nobody else knows through the engine, and looks whether the plugin
    /// was asked about it.
    pub async fn fly(&self, engine: &Path, mark: &str) -> Flight {
        *self.lock() = Some((mark.to_owned(), false));
        let answer = engine_http::send(engine, "GET", &format!("{PATH}{mark}"), PATIENCE).await;
        let asked = self.lock().take().is_some_and(|(_, asked)| asked);
        match answer {
            _ if asked => Flight::Asked,
            Ok(answer) => Flight::NotAsked { status: answer.status },
            Err(error) => Flight::EngineAway { why: error.to_string() },
        }
    }

    /// Whether a wish is the one that flies now. Such a wish does nothing and may be allowed.
    pub fn is_it(&self, method: &str, uri: &str) -> bool {
        let Some(mark) = uri.strip_prefix(PATH).filter(|_| method == "GET") else { return false };
        match self.lock().as_mut() {
            Some((flying, asked)) if flying == mark => {
                *asked = true;
                true
            }
            _ => false,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(String, bool)>> {
        self.flying.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixListener;

    use super::*;

    async fn engine(canary: Option<Arc<Canary>>) -> (tempfile::TempDir, std::path::PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("docker.sock");
        let listener = UnixListener::bind(&path).unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 1024];
            let size = stream.read(&mut request).await.unwrap();
            let text = String::from_utf8_lossy(&request[..size]).into_owned();
            let uri = text.split(' ').nth(1).unwrap();
            if let Some(canary) = canary {
                assert!(!canary.is_it("POST", uri) && !canary.is_it("GET", "/_ping?lazaret-canary=other"));
                assert!(canary.is_it("GET", uri));
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK").await.unwrap();
        });
        (directory, path)
    }

    #[tokio::test]
    async fn tells_an_engine_that_asks_from_one_that_does_not() {
        let canary = Arc::new(Canary::default());
        let (_kept, path) = engine(Some(Arc::clone(&canary))).await;
        assert_eq!(canary.fly(&path, "m1").await, Flight::Asked);
        let (_kept, path) = engine(None).await;
        assert_eq!(canary.fly(&path, "m2").await, Flight::NotAsked { status: "HTTP/1.1 200 OK".to_owned() });
        assert!(!canary.is_it("GET", "/_ping?lazaret-canary=m2"), "a mark is used once");
        assert!(matches!(canary.fly(Path::new("/nonexistent"), "m3").await, Flight::EngineAway { .. }));
    }
}
