//! `lazaret-agent hook`: called by the container runtime when a container is made but nothing runs in it.
//! Asks the agent; without a clear yes the container does not start.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::start::protocol::{ANSWER_BYTES, Answer, Ask};

/// The runtime kills the hook after 15 seconds, without a word to the user: be done before.
const PATIENCE: Duration = Duration::from_secs(12);
const STATE_BYTES: u64 = 1 << 20;

/// What the runtime says on standard input (OCI runtime specification, "State").
#[derive(Debug, Deserialize)]
struct State {
    id: String,
    #[serde(default)]
    pid: u32,
    bundle: String,
}

/// Reads the container's state and asks the agent. `Err` is the refusal, to be printed.
pub fn run(socket: &Path, state: impl Read) -> Result<(), Failure> {
    let refuse = |why: String| Failure::Refused(format!("lazaret: {why}"));
    let mut text = Vec::new();
    state
        .take(STATE_BYTES)
        .read_to_end(&mut text)
        .map_err(|error| refuse(format!("cannot read the container's state: {error}")))?;
    let state: State = serde_json::from_slice(&text)
        .map_err(|error| refuse(format!("the container's state is not readable: {error}")))?;
    let ask = Ask { id: state.id, pid: state.pid, bundle: state.bundle };
    let answer: Answer = ask_agent(socket, &ask).map_err(|error| {
        refuse(format!(
            "lazaret-agent does not answer on {}: {error}. Nothing starts unchecked: start the agent, then this \
             container again",
            socket.display()
        ))
    })?;
    if answer.allow { Ok(()) } else { Err(refuse(answer.message)) }
}

/// One question, one answer.
pub(crate) fn ask_agent<Q: Serialize, A: DeserializeOwned>(socket: &Path, ask: &Q) -> std::io::Result<A> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut question = serde_json::to_vec(ask)?;
    question.push(b'\n');
    stream.write_all(&question)?;
    let mut line = String::new();
    BufReader::new(stream.take(ANSWER_BYTES)).read_line(&mut line).map_err(|error| match error.kind() {
        std::io::ErrorKind::WouldBlock => std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            format!("no answer within {} s", PATIENCE.as_secs()),
        ),
        _ => error,
    })?;
    if line.is_empty() {
        return Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "it hung up without an answer"));
    }
    Ok(serde_json::from_str(&line)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    const STATE: &str =
        r#"{"ociVersion":"1.0.2","id":"abc","status":"creating","pid":7,"bundle":"/b","annotations":{}}"#;

    fn with_agent(answer: &'static [u8]) -> Result<(), Failure> {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("s");
        let listener = UnixListener::bind(&socket).unwrap();
        let agent = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            (&stream).write_all(answer).unwrap();
            line
        });
        let result = run(&socket, STATE.as_bytes());
        assert_eq!(agent.join().unwrap().trim(), r#"{"id":"abc","pid":7,"bundle":"/b"}"#);
        result
    }

    #[test]
    fn only_a_clear_yes_is_a_yes() {
        assert!(with_agent(b"{\"allow\":true,\"message\":\"\"}\n").is_ok());
        let refusal = with_agent(b"{\"allow\":false,\"message\":\"not promoted\"}\n").unwrap_err();
        assert_eq!((refusal.to_string().as_str(), refusal.exit_code()), ("lazaret: not promoted", 1));
        for bad in [&b""[..], b"{}\n", b"yes\n", b"{\"allow\":true", b"{\"allow\":1,\"message\":\"\"}\n"] {
            assert!(with_agent(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_absent_agent_or_state_is_a_refusal_that_says_so() {
        let refusal = run(Path::new("/nonexistent/agent.sock"), STATE.as_bytes()).unwrap_err().to_string();
        assert!(
            refusal.contains("/nonexistent/agent.sock") && refusal.contains("start the agent"),
            "{refusal}"
        );
        assert!(run(Path::new("/nonexistent"), &b"{"[..]).is_err());
    }
}
