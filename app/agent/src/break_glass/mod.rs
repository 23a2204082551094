//! Ways into running containers that people opened at the server: the only log-ins where the policy allows none.
//!
//! Each is for one container of this host and ends by this host's clock, whether anybody says so or not. What the server
//! may not do is prolong: what was over here once stays over.

pub mod follow;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use jiff::{SignedDuration, Timestamp};
use lazaret_format::v1::{BreakGlassBody, BreakGlassNews, BreakGlassSnapshot, GrantMark};
use lazaret_model::Digest;
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::failure::Failure;
use crate::files;

/// What servers may open at most, and as much as their clocks may be ahead.
const LONGEST: SignedDuration = SignedDuration::from_mins(4 * 60 + 5);
/// How long after its end one is remembered: for what its sessions still do, and against a server that opens it again.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(60);
/// More than servers have open for one host.
const MOST: usize = 256;
const FILE_BYTES: u64 = 4 << 20;
/// Times of the kernel's records are a little off.
const SLACK: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub struct BreakGlass {
    host: String,
    file: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    revision: u64,
    known: Vec<Known>,
}

/// A way in, as decisions and events name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub id: String,
    pub container: String,
    pub by: String,
    pub reason: String,
    /// RFC 3339.
    pub until: String,
}

#[derive(Debug)]
struct Known {
    grant: Arc<Grant>,
    heard: Timestamp,
    until: Timestamp,
    /// The same end, for a clock that is set back meanwhile.
    deadline: Instant,
    over: Option<(Timestamp, End)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum End {
    Closed,
    Expired,
}

/// What is on disk.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    revision: u64,
    known: Vec<KeptOne>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptOne {
    grant: Grant,
    heard: Timestamp,
    over: Option<(Timestamp, End)>,
}

/// What a change brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Change {
    pub news: Vec<BreakGlassNews>,
    /// What was not believed or not kept, one sentence each.
    pub complaints: Vec<String>,
}

impl BreakGlass {
    /// Reads what an earlier life of the agent kept. The second value says what is wrong with it: then nothing is open
    /// until the server says so.
    pub fn open(file: &Path, host: &str) -> Result<(Self, Vec<String>), Failure> {
        let mut complaints = Vec::new();
        let mut state = State::default();
        if let Some(bytes) = files::read_optional(file, FILE_BYTES)? {
            match serde_json::from_slice::<Kept>(&bytes) {
                Ok(kept) => {
                    state.revision = kept.revision;
                    let known = kept.known.into_iter().take(MOST);
                    state.known = known.filter_map(|one| Known::new(one.grant, one.heard, one.over)).collect();
                }
                Err(error) => complaints.push(format!(
                    "what is kept of break-glass in {} is not readable ({error}); none is open until the server says so",
                    file.display()
                )),
            }
        }
        Ok((Self { host: host.to_owned(), file: file.to_owned(), state: Mutex::new(state) }, complaints))
    }

    pub fn revision(&self) -> u64 {
        self.lock().revision
    }

    /// Whether one is open on this host just now.
    pub fn is_any_open(&self) -> bool {
        let now = (Timestamp::now(), Instant::now());
        self.lock().known.iter().any(|known| known.is_open(now))
    }

    /// The one by which people may log in to this container just now.
    pub fn permits(&self, container: &str) -> Option<Arc<Grant>> {
        let now = (Timestamp::now(), Instant::now());
        let state = self.lock();
        let open = state.known.iter().find(|known| known.grant.container == container && known.is_open(now));
        open.map(|known| Arc::clone(&known.grant))
    }

    /// The one by which somebody who came into this container at that time was let in. The newest counts.
    pub fn covering(&self, container: &str, at: SystemTime) -> Option<Arc<Grant>> {
        let state = self.lock();
        let mut found = state.known.iter().rev().filter(|known| known.grant.container == container);
        found.find(|known| known.covers(at)).map(|known| Arc::clone(&known.grant))
    }

    /// Whether it is over, or was never heard of.
    pub fn is_over(&self, id: &str) -> bool {
        let now = (Timestamp::now(), Instant::now());
        !self.lock().known.iter().any(|known| known.grant.id == id && known.is_open(now))
    }

    /// Takes what is open from the server; what is not in it any more is over.
    pub fn apply(&self, snapshot: BreakGlassSnapshot) -> Change {
        let now = Timestamp::now();
        let mut change = Change::default();
        let mut state = self.lock();
        for known in state.known.iter_mut().filter(|known| known.over.is_none()) {
            if !snapshot.open.iter().any(|open| open.id == known.grant.id) {
                known.over = Some((now, End::Closed));
                change.news.push(known.news());
            }
        }
        for body in snapshot.open {
            if state.known.iter().any(|known| known.grant.id == body.id) {
                continue;
            }
            match self.believe(body, now) {
                Ok(known) if state.known.len() < MOST => {
                    change.news.push(known.news());
                    state.known.push(known);
                }
                Ok(known) => {
                    change.complaints.push(format!("{} is not heeded: too many are known", known.grant.id));
                }
                Err(why) => change.complaints.push(why),
            }
        }
        state.revision = snapshot.revision;
        self.keep(&state, &mut change.complaints);
        change
    }

    /// Ends what is over by its time, and forgets what is long over.
    pub fn expire(&self) -> Change {
        let now = (Timestamp::now(), Instant::now());
        let mut change = Change::default();
        let mut state = self.lock();
        for known in state.known.iter_mut().filter(|known| known.over.is_none()) {
            if !known.is_open(now) {
                known.over = Some((now.0, End::Expired));
                change.news.push(known.news());
            }
        }
        let before = state.known.len();
        let is_fresh = |known: &Known| now.0.duration_since(known.until) < REMEMBERED || known.over.is_none();
        state.known.retain(is_fresh);
        if !change.news.is_empty() || state.known.len() != before {
            self.keep(&state, &mut change.complaints);
        }
        change
    }

    fn believe(&self, body: BreakGlassBody, now: Timestamp) -> Result<Known, String> {
        let id = &body.id;
        if body.host != self.host {
            return Err(format!("{id} is not heeded: it is for another host than {}", self.host));
        }
        if Digest::from_hex(&body.container).is_err() {
            return Err(format!("{id} is not heeded: it names no container by its id"));
        }
        let grant = Grant {
            id: body.id,
            container: body.container,
            by: body.by,
            reason: body.reason,
            until: body.until,
        };
        let unclear = format!("{} is not heeded: its end is no time", grant.id);
        let too_long = format!(
            "{} is not heeded: by the clock of this host it would be open for more than four hours",
            grant.id
        );
        let past = format!("{} is not heeded: by the clock of this host it is over", grant.id);
        let known = Known::new(grant, now, None).ok_or(unclear)?;
        match known.until.duration_since(now) {
            left if left > LONGEST => Err(too_long),
            left if !left.is_positive() => Err(past),
            _ => Ok(known),
        }
    }

    /// In force whether or not it can be kept: after a restart the server says again what is open.
    fn keep(&self, state: &State, complaints: &mut Vec<String>) {
        let one = |known: &Known| KeptOne {
            grant: Grant::clone(&known.grant),
            heard: known.heard,
            over: known.over,
        };
        let kept = Kept { revision: state.revision, known: state.known.iter().map(one).collect() };
        let written = serde_json::to_vec(&kept)
            .map_err(|error| error.to_string())
            .and_then(|text| files::replace(&self.file, &text).map_err(|error| error.to_string()));
        if let Err(why) = written {
            complaints.push(format!("what is open of break-glass would be forgotten by a restart: {why}"));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Grant {
    pub fn mark(&self) -> GrantMark {
        GrantMark { id: self.id.clone(), by: self.by.clone(), reason: self.reason.clone() }
    }
}

impl Known {
    /// `None`: its end is no time.
    fn new(grant: Grant, heard: Timestamp, over: Option<(Timestamp, End)>) -> Option<Self> {
        let until: Timestamp = grant.until.parse().ok()?;
        let left = Duration::try_from(until.duration_since(Timestamp::now())).unwrap_or_default();
        let deadline = Instant::now().checked_add(left)?;
        Some(Self { grant: Arc::new(grant), heard, until, deadline, over })
    }

    fn is_open(&self, (now, instant): (Timestamp, Instant)) -> bool {
        self.over.is_none() && now < self.until && instant < self.deadline
    }

    fn covers(&self, at: SystemTime) -> bool {
        let end = self.over.map_or(self.until, |(over, _)| over.min(self.until));
        let (from, to) = (SystemTime::from(self.heard), SystemTime::from(end));
        at + SLACK >= from && at <= to + SLACK
    }

    fn news(&self) -> BreakGlassNews {
        let state = match self.over {
            None => "open",
            Some((_, End::Closed)) => "closed",
            Some((_, End::Expired)) => "expired",
        };
        BreakGlassNews {
            grant: self.grant.id.clone(),
            container: self.grant.container.clone(),
            by: self.grant.by.clone(),
            reason: self.grant.reason.clone(),
            until: clock::rfc3339(self.until),
            state: state.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
