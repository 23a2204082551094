//! Whether one process may open one file. Nothing here reads a file but those of procfs, so nothing can hold it up,
//! except [`examine`], which reads a program.

use std::fs::File;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStringExt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use lazaret_model::{Actor, Behaviour, Fact, FileAccess, FileOperation, FileOrigin, path_text};

use super::kept::{Keepers, Kept, Whose};
use crate::enforce::decision::{Cache, digest_of};
use crate::enforce::pending::Pending;
use crate::ladder::Rung;
use crate::observation::{Observation, Outcome};
use crate::process;
use crate::sys;

pub(crate) type Keeping = RwLock<Keepers>;

/// What can be said at once.
#[derive(Debug)]
pub(crate) enum Opening {
    Allow,
    /// Nobody can be told: the process is gone.
    Refuse,
    RefuseTo(Arc<Kept>),
    /// A program that a rule names has changed since the container began to be held.
    Unread(Arc<Kept>),
}

/// A name that was removed ends so in procfs.
const DELETED: &[u8] = b" (deleted)";

pub(crate) fn glance(pending: &Pending, keeping: &Keeping) -> Opening {
    let pid = pending.pid();
    // This very process: its other threads look into containers, too.
    if pid == std::process::id() {
        return Opening::Allow;
    }
    let (whose, is_known) = {
        let keepers = keeping.read().unwrap_or_else(PoisonError::into_inner);
        if keepers.is_empty() {
            return Opening::Allow;
        }
        let whose = keepers.whose(pid);
        let mount = || Some(sys::file_state(pending.file()?).ok()?.1);
        let is_known =
            matches!(whose, Whose::Unknown) && mount().is_none_or(|mount| keepers.has_mount(mount));
        (whose, is_known)
    };
    match whose {
        Whose::Others => Opening::Allow,
        Whose::Unknown if is_known => Opening::Refuse,
        Whose::Unknown => Opening::Allow,
        Whose::Astray(kept) => Opening::RefuseTo(kept),
        Whose::Containers(kept) => match decide(pending, &kept) {
            Decision::Allow => Opening::Allow,
            Decision::Refuse => Opening::RefuseTo(kept),
            Decision::ByContent => Opening::Unread(kept),
        },
    }
}

enum Decision {
    Allow,
    Refuse,
    ByContent,
}

fn decide(pending: &Pending, kept: &Kept) -> Decision {
    let Some(fd) = pending.file() else { return Decision::Refuse };
    match sys::file_state(fd) {
        Ok((_, mount)) if kept.mounts.contains(&mount) => {}
        // A mount that was made since gives the file another name.
        _ => return Decision::Refuse,
    }
    let path = name(fd);
    // What is marked is secret. Where no secret is, it has got there as a link or under a new name.
    if !kept.request.places.is_secret(&path) {
        return Decision::Refuse;
    }
    let mut rules = kept.request.rules.iter().filter(|rule| rule.opens(&path)).peekable();
    if rules.peek().is_none() {
        return Decision::Refuse;
    }
    let programs: Option<Vec<&[u8]>> = rules.map(|rule| rule.program()).collect();
    let Some(programs) = programs else { return Decision::Allow };
    let Some((state, mount)) = process::program(pending.pid()) else { return Decision::Refuse };
    let known = kept.programs.get(&(state.device, state.inode));
    if let Some(known) = known.filter(|known| known.state == state && known.mount == mount) {
        let is_named = programs.iter().any(|program| *program == known.path);
        return if is_named { Decision::Allow } else { Decision::Refuse };
    }
    let path = process::program_path(pending.pid());
    match kept.mounts.contains(&mount) && programs.iter().any(|program| *program == path) {
        true => Decision::ByContent,
        false => Decision::Refuse,
    }
}

/// Whether the program is still the image's own: touched, given to another user or written anew with the same
/// content, but at its place.
pub(crate) fn examine(pending: &Pending, kept: &Kept, cache: &Cache) -> bool {
    let Ok(file) = File::open(format!("/proc/{}/exe", pending.pid())) else { return false };
    let path = process::program_path(pending.pid());
    let Ok(content) = digest_of(file, kept.number, pending, cache) else { return false };
    kept.request.contents.allows(&content.digest, || String::from_utf8_lossy(&path).into_owned())
}

/// From the root of the mount namespace, whatever root directory the process has.
fn name(fd: BorrowedFd<'_>) -> Vec<u8> {
    let link = std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()));
    let mut path = link.map(|path| path.into_os_string().into_vec()).unwrap_or_default();
    // A file may be called so; then a rule for it without the ending is none for another file.
    if let Some(kept) = path.strip_suffix(DELETED) {
        path.truncate(kept.len());
    }
    path
}

/// What to tell of a refusal. To be asked before the answer: afterwards the process may be gone.
pub(crate) fn describe(pending: &Pending, kept: &Kept) -> Observation {
    let pid = pending.pid();
    let who = process::who(pid).unwrap_or_default();
    let path = pending.file().map(name).unwrap_or_default();
    let mount = pending.file().and_then(|fd| sys::file_state(fd).ok()).map(|(_, mount)| mount);
    let origin = if mount == kept.root { FileOrigin::Image } else { FileOrigin::Mounted };
    let access = FileAccess {
        path: path_text(&path).into_owned(),
        operation: FileOperation::Read,
        other: None,
        origin,
    };
    let actor = Actor {
        pid,
        executable: path_text(&process::program_path(pid)).into_owned(),
        uid: who.uid,
        gid: who.gid,
        session: process::session(pid),
    };
    Observation {
        container: kept.request.container.clone(),
        cgroup_id: kept.request.cgroup_id,
        at: SystemTime::now(),
        behaviour: Behaviour { actor, fact: Fact::File(access) },
        parent: who.parent,
        comm: process::comm(pid).unwrap_or_default(),
        outcome: Outcome::Refused(Rung::Fanotify),
        incomplete: false,
        outside_root: false,
    }
}
