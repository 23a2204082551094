use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use axum::body::Bytes;
use lazaret_fleet::{Index, Knowledge};
use lazaret_policy::Policy;

use crate::auth::Credentials;
use crate::clock;
use crate::usage::Uses;
use crate::wake::Wake;

/// What is kept in memory so that questions are answered without the database. All of it can be read from
/// the database again; it is changed only after the change is durable there.
#[derive(Debug)]
pub(crate) struct Memory {
    credentials: RwLock<Credentials>,
    fleet: RwLock<Fleet>,
    /// The policy in force, read; none before the first.
    policy: RwLock<Option<Arc<Policy>>>,
    /// When agents were last heard of; newer than what the database says.
    seen: Mutex<HashMap<i64, String>>,
    /// The newest admission snapshot that was asked for, ready to send.
    snapshot: Mutex<Option<Snapshot>>,
    /// Which packages are in use.
    pub(crate) uses: Uses,
    pub(crate) wake: Wake,
}

/// Images, packages and containers, and the imported advisories about them.
#[derive(Debug)]
pub(crate) struct Fleet {
    pub(crate) index: Index,
    pub(crate) knowledge: Knowledge,
}

#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) revision: u64,
    pub(crate) json: Bytes,
}

impl Memory {
    pub(crate) fn new(credentials: Credentials, fleet: Fleet, policy: Option<Arc<Policy>>) -> Self {
        Self {
            credentials: RwLock::new(credentials),
            fleet: RwLock::new(fleet),
            policy: RwLock::new(policy),
            seen: Mutex::default(),
            snapshot: Mutex::default(),
            uses: Uses::default(),
            wake: Wake::new(),
        }
    }

    // A lock is poisoned when its holder panicked. What they guard is changed in single calls that leave
    // it consistent, so whoever comes next may go on.

    pub(crate) fn credentials(&self) -> RwLockReadGuard<'_, Credentials> {
        self.credentials.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn credentials_mut(&self) -> RwLockWriteGuard<'_, Credentials> {
        self.credentials.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn fleet(&self) -> RwLockReadGuard<'_, Fleet> {
        self.fleet.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn fleet_mut(&self) -> RwLockWriteGuard<'_, Fleet> {
        self.fleet.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn policy(&self) -> Option<Arc<Policy>> {
        self.policy.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_policy(&self, policy: Arc<Policy>) {
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = Some(policy);
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<i64, String>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn agent_seen(&self, agent: i64) {
        self.seen().insert(agent, clock::now());
    }

    pub(crate) fn last_seen(&self, agent: i64) -> Option<String> {
        self.seen().get(&agent).cloned()
    }

    /// What is newer than the database; whoever takes it writes it there.
    pub(crate) fn take_seen(&self) -> Vec<(i64, String)> {
        std::mem::take(&mut *self.seen()).into_iter().collect()
    }

    pub(crate) fn snapshot(&self) -> Option<Snapshot> {
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps the snapshot unless a newer one is there.
    pub(crate) fn keep_snapshot(&self, new: Snapshot) {
        let mut kept = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.as_ref().is_none_or(|kept| kept.revision < new.revision) {
            *kept = Some(new);
        }
    }
}
