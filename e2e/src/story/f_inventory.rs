use std::io::Read as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Built, Running, Teller, seconds};
use crate::{Context as _, Lab, Result, check, fail, lab, until};

/// "Within a second of its start."
const LIMIT: Duration = Duration::from_secs(1);

pub(super) fn step(teller: &mut Teller<'_>, built: &Built, running: &Running) -> Result<()> {
    teller.screen.say("A second container, and how long until the fleet knows it:");
    let ended = teller.docker(["run", "--detach", "--name", "short", &built.v1.by_digest], 0, 0)?;
    let container = ended.stdout.trim().to_owned();
    let begun = Instant::now();
    until("the container in the inventory", Duration::from_secs(10), || {
        find(teller.lab, |c| c["container"] == container.as_str())
    })?;
    let time = begun.elapsed();
    check!(time < LIMIT, "the container was known only {} after its start", seconds(time));
    teller.screen.holds(&format!("known {} after the engine said that it runs", seconds(time)));
    teller.lab.docker.docker(["rm", "--force", "short"]).ok()?;
    until("its end in the inventory", Duration::from_secs(5), || {
        find(teller.lab, |c| c["container"] == container.as_str()).is_none().then_some(())
    })?;

    teller.screen.say("Something in namespaces of its own, started behind the engine's back:");
    let unmanaged = unmanaged(teller.lab, "unshare", |mark| {
        spawn(&["unshare", "--mount", "--pid", "--fork", "sleep", mark])
    })?;
    teller.screen.holds(&format!("found as unmanaged {} after its start", seconds(unmanaged.time)));
    teller.lazaret(["ps"], 0, 8)?;
    unmanaged.end(teller.lab)?;

    let Some(shop) = find(teller.lab, |c| c["container"] == running.container.as_str()) else {
        fail!("`lazaret ps` does not show the running shop");
    };
    for (field, wanted) in [
        ("management", "managed"),
        ("state", "running"),
        ("name", "shop"),
        ("stage", "prod"),
        ("image_manifest", built.v1.manifest.as_str()),
        ("image_config", built.v1.config.as_str()),
    ] {
        check!(shop[field] == wanted, "`{field}` of the running shop is {} instead of {wanted}", shop[field]);
    }
    check!(
        shop["decision"].as_str().is_some_and(|id| !id.is_empty()),
        "the shop runs without a decision: {shop}"
    );
    check!(shop["started"].as_str().is_some_and(|at| at.starts_with("20")), "the shop has no start: {shop}");
    Ok(())
}

/// The container in the server's list that meets the condition.
fn find(lab: &Lab, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
    let list = lab.ask(["ps"]).ok()?;
    list.as_array()?.iter().find(|container| wanted(container)).cloned()
}

/// A container that no engine of Lazaret's started.
#[derive(Debug)]
pub struct Unmanaged {
    child: std::process::Child,
    id: String,
    /// From its start to its being known.
    pub time: Duration,
}

/// Starts something that sleeps for as many seconds as it is told, and waits until that is known as unmanaged.
///
/// No other process sleeps for this number of seconds: what somebody else starts on this machine at the same moment is
/// not taken for it.
pub fn unmanaged(
    lab: &Lab,
    what: &str,
    start: impl FnOnce(&str) -> Result<std::process::Child>,
) -> Result<Unmanaged> {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let mark = format!("{}{:03}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
    let child = start(&mark)?;
    // What ctr(1) and runc(8) do before the program runs is not counted.
    let mut begun = None;
    let found = until(&format!("an unmanaged container made with {what}"), Duration::from_secs(20), || {
        if begun.is_none() && lab::processes().iter().any(|process| sleeps(process, &mark)) {
            begun = Some(Instant::now());
        }
        find(lab, |container| {
            container["management"] == "unmanaged"
                && container["command"].as_str().is_some_and(|command| command.contains(&mark))
        })
    });
    let time = begun.map_or(Duration::ZERO, |begun| begun.elapsed());
    let mut unmanaged = Unmanaged { child, id: String::new(), time };
    match found {
        Ok(found) if time < LIMIT => {
            unmanaged.id = found["container"].as_str().unwrap_or_default().to_owned();
            Ok(unmanaged)
        }
        Ok(_) => {
            unmanaged.kill();
            fail!("a container made with {what} was known only {} after its start", seconds(time))
        }
        Err(failure) => {
            let ran = begun.is_some();
            let shown = lab.ask(["ps"]).unwrap_or_default();
            unmanaged.kill();
            let mut said = String::new();
            let _ = unmanaged.child.stderr.take().map(|mut stderr| stderr.read_to_string(&mut said));
            fail!("{failure}\nit ran: {ran}; it said: {said:?}; `lazaret ps` showed: {shown}")
        }
    }
}

impl Unmanaged {
    /// Ends it, and waits until that is known.
    pub fn end(mut self, lab: &Lab) -> Result<()> {
        self.kill();
        let id = self.id.clone();
        until("the end of an unmanaged container", Duration::from_secs(5), || {
            find(lab, |container| container["container"] == id.as_str()).is_none().then_some(())
        })
    }

    fn kill(&mut self) {
        // unshare(1), ctr(1) and runc(8) wait for what they started: end that first.
        let parent = self.child.id().cast_signed();
        lab::processes()
            .iter()
            .filter(|process| process.parent == parent)
            .for_each(|process| lab::kill_now(process.pid));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn sleeps(process: &lab::Process, mark: &str) -> bool {
    matches!(process.arguments.as_slice(), [program, seconds] if program.ends_with("sleep") && seconds == mark)
}

pub fn spawn(line: &[&str]) -> Result<std::process::Child> {
    let mut command = std::process::Command::new(line[0]);
    command.args(&line[1..]).stdin(std::process::Stdio::null());
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
    command.spawn().context(|| format!("cannot run {}", line[0]))
}
