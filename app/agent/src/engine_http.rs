//! Two requests to the engine in its own words, where a client's convenience would be in the way.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// Progress of a pull is some hundred lines; nobody needs more to find the error in it.
const ANSWER_BYTES: u64 = 16 << 20;

/// An answer as it came: its status line, and its body, chunk sizes and all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: String,
    pub body: String,
}

/// Sends a request without a body on a connection of its own, and reads to the end.
pub async fn send(engine: &Path, method: &str, uri: &str, patience: Duration) -> io::Result<Answer> {
    let exchange = async {
        let mut stream = UnixStream::connect(engine).await?;
        let request = format!(
            "{method} {uri} HTTP/1.1\r\nHost: engine\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES).read_to_end(&mut answer).await?;
        let text = String::from_utf8_lossy(&answer);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        Ok(Answer { status: head.lines().next().unwrap_or_default().to_owned(), body: body.to_owned() })
    };
    match tokio::time::timeout(patience, exchange).await {
        Ok(answer) => answer,
        Err(_) => {
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", patience.as_secs())))
        }
    }
}

impl Answer {
    pub fn is_ok(&self) -> bool {
        self.status.contains(" 200 ")
    }

    /// What the engine says went wrong: `message` of an error, or `error` of a line of progress.
    pub fn complaint(&self) -> Option<String> {
        self.body.lines().filter(|line| line.starts_with('{')).find_map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            ["error", "message"].iter().find_map(|key| line.get(key)?.as_str().map(str::to_owned))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_complaint_among_progress() {
        let answer = |body: &str| Answer { status: "HTTP/1.1 200 OK".to_owned(), body: body.to_owned() };
        let pulled = answer("2a\r\n{\"status\":\"Pulling from shop\",\"id\":\"v1\"}\r\n0\r\n\r\n");
        assert_eq!(pulled.complaint(), None);
        let failed = answer(
            "1\r\n{\"status\":\"x\"}\r\n2\r\n{\"errorDetail\":{\"message\":\"gone\"},\"error\":\"gone\"}\r\n",
        );
        assert_eq!(failed.complaint().as_deref(), Some("gone"));
        assert_eq!(answer("{\"message\":\"denied\"}\n").complaint().as_deref(), Some("denied"));
    }
}
