//! What runs in sessions that came in through a break-glass: told command by command, and ended with it.
//!
//! A session is what the kernel says descends from a process that came into the container from outside. It belongs to
//! the break-glass that was open when it came. How much is told of one is bounded; what is more is counted.

use std::collections::HashMap;
use std::sync::Arc;

use lazaret_format::v1::{EventKind, ProcessBody, SessionCommand, SessionEnded};
use lazaret_model::{Execution, Fact, Session};
use lazaret_profile::learn::Visit;
use lazaret_sensor::{Observation, ProcessEnded};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::group;
use super::telling::outcome;
use crate::break_glass::{BreakGlass, Grant};

/// Sessions that are told apart.
const MOST_SESSIONS: usize = 1024;
/// Commands that are told of one session, and bytes of their words.
const MOST_COMMANDS: u64 = 2000;
const MOST_BYTES: usize = 512 << 10;
/// Words of one command, and characters of a word.
const MOST_WORDS: usize = 64;
const MOST_CHARACTERS: usize = 1024;
/// A process may start others while they are looked for.
const ROUNDS: usize = 4;

#[derive(Debug)]
pub(super) struct Recorder {
    glass: Arc<BreakGlass>,
    /// By container and the process that came in.
    sessions: HashMap<(String, u32), Recorded>,
    /// Sessions that found no room, and were not told of.
    unplaced: u64,
}

#[derive(Debug)]
struct Recorded {
    grant: Arc<Grant>,
    commands: u64,
    told: u64,
    bytes: usize,
    /// The process that came in ended, after so many commands. What it left running still belongs to the session.
    ended: Option<u64>,
}

impl Recorder {
    pub(super) fn new(glass: Arc<BreakGlass>) -> Self {
        Self { glass, sessions: HashMap::new(), unplaced: 0 }
    }

    /// The break-glass to whose session an observation belongs, if it does.
    pub(super) fn grant(&mut self, observation: &Observation, visit: Visit) -> Option<Arc<Grant>> {
        let Session::Entered(session) = observation.behaviour.actor.session else { return None };
        if visit != Visit::Login {
            return None;
        }
        let comes_in = matches!(&observation.behaviour.fact, Fact::Exec(execution) if execution.entered);
        let key = (observation.container.clone(), session);
        if let Some(known) = self.sessions.get(&key)
            && !comes_in
        {
            return Some(Arc::clone(&known.grant));
        }
        // Whose beginning was missed, because the agent was not there, came in when it was open or is nobody's.
        let Some(grant) = self.glass.covering(&observation.container, observation.at) else {
            // The number of a process that ended unseen.
            self.sessions.remove(&key);
            return None;
        };
        if self.sessions.len() >= MOST_SESSIONS && !self.sessions.contains_key(&key) && !self.forget_ended() {
            self.unplaced = self.unplaced.saturating_add(1);
        } else {
            let recorded =
                Recorded { grant: Arc::clone(&grant), commands: 0, told: 0, bytes: 0, ended: None };
            self.sessions.insert(key, recorded);
        }
        Some(grant)
    }

    /// The event of a program that was started in a session, if it is to be told.
    pub(super) fn command(
        &mut self,
        grant: &Grant,
        observation: &Observation,
        image_config: Option<String>,
    ) -> Option<EventKind> {
        let actor = &observation.behaviour.actor;
        let (Fact::Exec(execution), Session::Entered(session)) = (&observation.behaviour.fact, actor.session)
        else {
            return None;
        };
        let recorded = self.sessions.get_mut(&(observation.container.clone(), session))?;
        recorded.commands = recorded.commands.saturating_add(1);
        let (argv, cut) = words(execution);
        let exe: String = execution.executable.chars().take(MOST_CHARACTERS).collect();
        let bytes = argv.iter().map(String::len).sum::<usize>().saturating_add(exe.len());
        if recorded.told >= MOST_COMMANDS || recorded.bytes.saturating_add(bytes) > MOST_BYTES {
            return None;
        }
        recorded.told += 1;
        recorded.bytes += bytes;
        let uid = execution.gains.map_or(actor.uid, |gain| gain.uid);
        let (outcome, _) = outcome(observation);
        Some(EventKind::SessionCommand(Box::new(SessionCommand {
            grant: grant.id.clone(),
            container: observation.container.clone(),
            image_config,
            session,
            entered: execution.entered,
            process: ProcessBody { pid: actor.pid, exe, argv, uid, ancestors: Vec::new() },
            cut,
            outcome: outcome.to_owned(),
        })))
    }

    /// A process ended: the event, if a session began with it.
    pub(super) fn ended(&mut self, ended: &ProcessEnded) -> Option<EventKind> {
        let recorded = self.sessions.get_mut(&(ended.container.clone(), ended.pid))?;
        if recorded.ended.replace(recorded.commands).is_some() {
            return None;
        }
        Some(recorded.end(&ended.container, ended.pid, Some(ended.status), 0))
    }

    /// Makes room. False: all go on.
    fn forget_ended(&mut self) -> bool {
        let ended =
            self.sessions.iter().find(|(_, recorded)| recorded.ended.is_some()).map(|(key, _)| key.clone());
        ended.and_then(|key| self.sessions.remove(&key)).is_some()
    }

    /// Ends the sessions whose break-glass is over. `members` says which processes belong to one.
    pub(super) fn end_overdue(&mut self, members: impl Fn(u32) -> Vec<u32>) -> Vec<EventKind> {
        let mut told = Vec::new();
        if self.unplaced > 0 {
            let what = format!("sessions beyond {MOST_SESSIONS}, of which no commands are told");
            told.push(EventKind::Gap { what, count: std::mem::take(&mut self.unplaced) });
        }
        let is_over = |recorded: &Recorded| self.glass.is_over(&recorded.grant.id);
        let over: Vec<(String, u32)> = self
            .sessions
            .iter()
            .filter(|(_, recorded)| is_over(recorded))
            .map(|(key, _)| key.clone())
            .collect();
        for key in over {
            let Some(recorded) = self.sessions.remove(&key) else { continue };
            let killed = end_session(&key.0, || members(key.1));
            if killed > 0 || recorded.ended.is_none_or(|commands| commands < recorded.commands) {
                told.push(recorded.end(&key.0, key.1, None, killed));
            }
        }
        told
    }
}

impl Recorded {
    fn end(&self, container: &str, session: u32, status: Option<u32>, killed: u64) -> EventKind {
        EventKind::SessionEnded(SessionEnded {
            grant: self.grant.id.clone(),
            container: container.to_owned(),
            session,
            status,
            commands: self.commands,
            untold: self.commands.saturating_sub(self.told),
            killed,
        })
    }
}

/// Kills processes until none is left; answers with their number.
fn end_session(container: &str, members: impl Fn() -> Vec<u32>) -> u64 {
    let mut killed = std::collections::HashSet::new();
    for _ in 0..ROUNDS {
        let mut is_done = true;
        for process in members() {
            // The number may have been given to another process meanwhile: never to one outside the container's group.
            if group::of(process, container).is_err() {
                continue;
            }
            let Ok(pid) = i32::try_from(process) else { continue };
            if kill(Pid::from_raw(pid), Signal::SIGKILL).is_ok() {
                is_done &= !killed.insert(process);
            }
        }
        if is_done {
            break;
        }
    }
    killed.len() as u64
}

/// The arguments as they are told, and whether there is more.
fn words(execution: &Execution) -> (Vec<String>, bool) {
    let mut cut = execution.arguments_cut || execution.arguments.len() > MOST_WORDS;
    let mut word = |word: &String| match word.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => {
            cut = true;
            word[..end].to_owned()
        }
        None => word.clone(),
    };
    let words = execution.arguments.iter().take(MOST_WORDS).map(&mut word).collect();
    (words, cut)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use jiff::{SignedDuration, Timestamp};
    use lazaret_format::v1::{BreakGlassBody, BreakGlassSnapshot};
    use lazaret_model::FileOrigin;

    use super::*;
    use crate::behaviour::testing::{execution, observation};
    use crate::clock;

    fn open(directory: &tempfile::TempDir) -> Arc<BreakGlass> {
        let (glass, _) = BreakGlass::open(&directory.path().join("glass.json"), "h").unwrap();
        let until = Timestamp::now().checked_add(SignedDuration::from_mins(5)).unwrap();
        let body = BreakGlassBody {
            id: "glass-1".to_owned(),
            host: "h".to_owned(),
            container: "c".repeat(64),
            name: "shop".to_owned(),
            reason: "why".to_owned(),
            by: "user a".to_owned(),
            opened: clock::now(),
            until: clock::rfc3339(until),
            state: "open".to_owned(),
            in_force: None,
            closed: None,
            closed_by: None,
        };
        let change = glass.apply(BreakGlassSnapshot { revision: 1, open: vec![body] });
        assert!(change.complaints.is_empty(), "{change:?}");
        Arc::new(glass)
    }

    fn started(session: u32, entered: bool, arguments: &[&str]) -> Observation {
        let mut execution = execution("/bin/sh", FileOrigin::Image);
        execution.entered = entered;
        execution.arguments = arguments.iter().map(|word| (*word).to_owned()).collect();
        let mut seen = observation(Fact::Exec(execution));
        seen.at = SystemTime::now();
        seen.behaviour.actor.session = Session::Entered(session);
        seen.behaviour.actor.pid = session;
        seen
    }

    fn tell(recorder: &mut Recorder, seen: &Observation) -> Option<SessionCommand> {
        let grant = recorder.grant(seen, Visit::Login)?;
        match recorder.command(&grant, seen, None)? {
            EventKind::SessionCommand(command) => Some(*command),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn who_came_in_while_it_was_open_is_recorded_until_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let glass = open(&directory);
        let mut recorder = Recorder::new(Arc::clone(&glass));
        let before = Observation { at: SystemTime::UNIX_EPOCH, ..started(1 << 29, true, &["sh"]) };
        assert!(tell(&mut recorder, &before).is_none(), "it was there before");
        let elsewhere = Observation { container: "d".repeat(64), ..started(1 << 29, true, &["sh"]) };
        assert!(tell(&mut recorder, &elsewhere).is_none(), "it is of another container");
        assert!(recorder.grant(&started(1 << 29, true, &["check"]), Visit::HealthCheck).is_none());

        let first = tell(&mut recorder, &started(1 << 29, true, &["sh", "-c", "id"])).unwrap();
        assert!(first.entered && first.grant == "glass-1" && first.process.argv == ["sh", "-c", "id"]);
        assert!(!tell(&mut recorder, &started(1 << 29, false, &["id"])).unwrap().entered);
        assert!(recorder.end_overdue(|_| Vec::new()).is_empty(), "it is still open");
        glass.apply(BreakGlassSnapshot { revision: 2, open: Vec::new() });
        let after = started(1 << 29, false, &["late"]);
        assert!(tell(&mut recorder, &after).is_some(), "whoever is in is recorded to the end");
        let told = recorder.end_overdue(|_| Vec::new());
        let [EventKind::SessionEnded(ended)] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!((ended.commands, ended.untold, ended.killed), (3, 0, 0));
        let late = SystemTime::now() + std::time::Duration::from_secs(60);
        let next = Observation { at: late, ..started(1 << 28, true, &["sh"]) };
        assert!(tell(&mut recorder, &next).is_none(), "nobody comes in any more");
    }

    #[test]
    fn what_is_told_is_bounded_and_the_rest_is_counted() {
        let directory = tempfile::tempdir().unwrap();
        let mut recorder = Recorder::new(open(&directory));
        let seen = started(1 << 29, true, &["sh"]);
        let again = started(1 << 29, false, &["x"]);
        tell(&mut recorder, &seen).unwrap();
        let told = (0..3 * MOST_COMMANDS).filter(|_| tell(&mut recorder, &again).is_some()).count() as u64;
        assert_eq!(told, MOST_COMMANDS - 1);
        let end = ProcessEnded {
            container: "c".repeat(64),
            cgroup_id: 7,
            at: SystemTime::now(),
            pid: 1 << 29,
            status: 0,
        };
        let Some(EventKind::SessionEnded(ended)) = recorder.ended(&end) else { panic!("no end is told") };
        assert_eq!((ended.commands, ended.untold), (3 * MOST_COMMANDS + 1, 2 * MOST_COMMANDS + 1));
        assert!(recorder.ended(&end).is_none(), "once");

        let long = "é".repeat(10 * MOST_CHARACTERS);
        let many: Vec<&str> = std::iter::repeat_n(long.as_str(), 10 * MOST_WORDS).collect();
        let wordy = started(1 << 28, true, &many);
        let command = tell(&mut recorder, &wordy).unwrap();
        assert!(command.cut && command.process.argv.len() == MOST_WORDS);
        assert!(
            (0..10).filter(|_| tell(&mut recorder, &started(1 << 28, false, &many)).is_some()).count() < 5
        );
        for session in 0..2000 {
            let _ = tell(&mut recorder, &started((1 << 27) + session, true, &["sh"]));
        }
        assert!(recorder.sessions.len() <= MOST_SESSIONS);
        let gap = recorder.end_overdue(|_| Vec::new());
        assert!(matches!(gap.as_slice(), [EventKind::Gap { count, .. }] if *count > 0), "{gap:?}");
    }

    #[test]
    fn nothing_outside_the_container_is_killed() {
        assert_eq!(end_session(&"c".repeat(64), || vec![std::process::id(), 1, u32::MAX]), 0);
    }
}
