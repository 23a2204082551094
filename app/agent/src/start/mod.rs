//! The start hook's side of the agent: a container exists, nothing runs in it yet, and it waits for a yes.
//!
//! What is decided here counts: it is decided on what the engine made of the wish, after every tag was resolved
//! and whatever way the wish came. The engine is never called: it waits for this answer itself.

pub mod protocol;
mod specification;
pub mod begin;
pub mod judge;
pub mod withheld;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use protocol::{ASK_BYTES, Answer, Ask, Prepare, Prepared, Question};

/// The hook is a program that asks at once.
const ASKING: Duration = Duration::from_secs(2);
/// The hook waits 12 seconds.
const DEADLINE: Duration = Duration::from_secs(10);

/// Decides about starts.
pub trait Judge: Send + Sync + 'static {
    /// `hook` is the program that asks, if it could be told.
    fn judge(&self, ask: Ask, hook: Option<PathBuf>) -> impl Future<Output = Answer> + Send;

    /// How a container begins that may be started later.
    fn prepare(&self, ask: Prepare) -> impl Future<Output = Prepared> + Send;
}

impl Answer {
    pub const fn allow() -> Self {
        Self { allow: true, message: String::new() }
    }

    pub fn refuse(message: impl Into<String>) -> Self {
        Self { allow: false, message: message.into() }
    }
}

/// Answers hooks. Runs for ever.
pub async fn serve<J: Judge>(listener: UnixListener, judge: Arc<J>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let judge = Arc::clone(&judge);
                tokio::spawn(async move {
                    if let Err(error) = converse(stream, judge).await {
                        tracing::warn!(%error, "a start hook went away");
                    }
                });
            }
            Err(error) => {
                // Out of file descriptors: the hook's patience is longer than this.
                tracing::error!(%error, "cannot accept a start hook");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn converse<J: Judge>(mut stream: UnixStream, judge: Arc<J>) -> std::io::Result<()> {
    let credentials = stream.peer_cred()?;
    let hook = credentials.pid().and_then(|pid| std::fs::read_link(format!("/proc/{pid}/exe")).ok());
    let peer = credentials.uid();
    let own = nix::unistd::geteuid().as_raw();
    let answer = if peer != 0 && peer != own {
        Answer::refuse(format!("only root may ask (this was user {peer})"))
    } else {
        match tokio::time::timeout(ASKING, read(&mut stream)).await {
            Ok(Ok(Question::Start(ask))) => decide(judge, ask, hook).await,
            Ok(Ok(Question::Prepare(ask))) => {
                let task = tokio::spawn(async move { judge.prepare(ask).await });
                // Whoever begins otherwise than wanted is refused by the hook.
                let prepared = tokio::time::timeout(DEADLINE, task).await.ok().and_then(Result::ok);
                return reply(&mut stream, &prepared.unwrap_or_default()).await;
            }
            Ok(Err(why)) => Answer::refuse(format!("the hook's question is not readable: {why}")),
            Err(_) => Answer::refuse("the hook asked nothing"),
        }
    };
    reply(&mut stream, &answer).await
}

async fn reply(stream: &mut UnixStream, answer: &impl Serialize) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    stream.write_all(&line).await
}

async fn read(stream: &mut UnixStream) -> Result<Question, String> {
    let mut line = String::new();
    let mut reader = BufReader::new(stream.take(ASK_BYTES));
    reader.read_line(&mut line).await.map_err(|error| error.to_string())?;
    serde_json::from_str(&line).map_err(|error| error.to_string())
}

/// A panic and a lapse are refusals.
async fn decide<J: Judge>(judge: Arc<J>, ask: Ask, hook: Option<PathBuf>) -> Answer {
    let id: String = ask.id.chars().take(12).collect();
    let task = tokio::spawn(async move { judge.judge(ask, hook).await });
    match tokio::time::timeout(DEADLINE, task).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => {
            tracing::error!(%error, "a decision about a start failed");
            Answer::refuse(format!("the decision about {id} failed inside the agent; please report it"))
        }
        Err(_) => Answer::refuse(format!(
            "no decision about {id} within {} s; start it again, and look at the load of this host",
            DEADLINE.as_secs()
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use lazaret_sensor::Deadly;

    use super::protocol::Begin;
    use super::withheld::Withheld;
    use super::*;
    use crate::hook;

    struct Whimsical;

    impl Judge for Whimsical {
        async fn judge(&self, ask: Ask, hook: Option<PathBuf>) -> Answer {
            assert_eq!(hook, std::env::current_exe().ok());
            match ask.id.as_str() {
                "good" => Answer::allow(),
                "panic" => panic!("asked to"),
                _ => Answer::refuse("because"),
            }
        }

        async fn prepare(&self, ask: Prepare) -> Prepared {
            assert_ne!(ask.prepare, "panic", "asked to");
            let begin = |program: &str| Begin { program: program.to_owned(), rules: String::new() };
            Prepared {
                begin: (ask.prepare == "held").then(|| begin("/starter")),
                withheld: Withheld::of(&[Deadly::Bpf]),
            }
        }
    }

    fn ask(socket: &Path, id: &str) -> Result<(), String> {
        let state =
            format!(r#"{{"ociVersion":"1.0.2","id":"{id}","status":"creating","pid":1,"bundle":"/b"}}"#);
        hook::run(socket, state.as_bytes()).map_err(|failure| failure.to_string())
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_hook_gets_its_answer_and_nothing_else_is_a_yes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("agent.sock");
        let listener = crate::socket::listen(&path).await.unwrap();
        tokio::spawn(serve(listener, Arc::new(Whimsical)));
        tokio::task::spawn_blocking(move || {
            assert_eq!(ask(&path, "good"), Ok(()));
            assert_eq!(ask(&path, "bad"), Err("lazaret: because".to_owned()));
            let panicked = ask(&path, "panic").unwrap_err();
            assert!(panicked.contains("inside the agent"), "{panicked}");
            let long = ask(&path, &"x".repeat(70_000)).unwrap_err();
            assert!(long.contains("not readable"), "{long}");
            assert_eq!(ask(&path, "good"), Ok(()), "it goes on");
            let prepare = |id: &str| {
                let question = Prepare { prepare: id.to_owned(), bundle: "/b".to_owned() };
                let answer = hook::ask_agent::<_, Prepared>(&path, &question).unwrap();
                assert_eq!(answer.withheld.is_nothing(), id == "panic", "{id}");
                answer.begin.map(|begin| begin.program)
            };
            assert_eq!(prepare("held").as_deref(), Some("/starter"));
            assert_eq!((prepare("good"), prepare("panic")), (None, None));
        })
        .await
        .unwrap();
    }
}
