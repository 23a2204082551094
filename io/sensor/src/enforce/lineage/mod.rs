//! Refuses programs of the image that a container's profile does not let another program start: a shell that a web
//! server was talked into, say.
//!
//! The kernel asks before it opens a program, its interpreter and its loader, each by themselves, while the process still
//! runs the program that asks. It tells neither arguments nor what of them was asked for first: what follows an allowed
//! file is allowed once, to the process that was allowed it.
//!
//! What came in from outside is not held: whether anybody may come in is decided elsewhere.

mod decision;

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use lazaret_model::{Digest, path_text};
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};

use super::head::Next;
use super::surroundings::Surroundings;
use super::{Enforcer, GuardError};
use crate::process;
use crate::sys::{self, FileState};

/// That a program may be started. Paths as [`path_text`](lazaret_model::path_text) writes them, from the container's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartRule {
    pub program: String,
    /// The program that starts it; `None`: any.
    pub by: Option<String>,
    /// Of its content; `None`: any that may be executed at all.
    pub digest: Option<Digest>,
}

/// A container in which nothing is started but by a rule.
#[derive(Debug, Clone)]
pub struct StartsRequest {
    /// As of [`GuardRequest`](crate::GuardRequest), which has to be in force: it is what the kernel asks for.
    pub container: String,
    /// The container's first process.
    pub pid: u32,
    /// As of [`GuardRequest`](crate::GuardRequest).
    pub rootfs: PathBuf,
    pub rules: Vec<StartRule>,
}

/// A file by its device and inode.
type FileId = ((u32, u32), u64);

/// All containers that are held so.
#[derive(Debug, Default)]
pub(crate) struct Lineages(RwLock<HashMap<String, Arc<Lineage>>>);

impl Lineages {
    pub(crate) fn of(&self, container: &str) -> Option<Arc<Lineage>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(container).cloned()
    }

    fn put(&self, container: &str, lineage: Option<Lineage>) {
        let mut containers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match lineage {
            Some(lineage) => containers.insert(container.to_owned(), Arc::new(lineage)),
            None => containers.remove(container),
        };
    }
}

#[derive(Debug)]
pub(crate) struct Lineage {
    init: u32,
    /// PID namespaces that its processes are in, from the host's on.
    depth: usize,
    /// Its own mounts: what runs a program of another one belongs to the runtime.
    mounts: HashSet<u64>,
    /// The mount of its root.
    root: Option<u64>,
    rules: HashMap<String, Vec<StartRule>>,
    /// Scripts are named as they are called, which may be by a link: what lay there.
    scripts: HashMap<FileId, Vec<String>>,
    /// What each process opens next of what it was allowed to execute.
    awaited: Mutex<HashMap<u32, Next>>,
    /// What was found by the names of interpreters and loaders: to look in `/proc` takes longer than all else.
    followers: Mutex<HashMap<Arc<[u8]>, FileId>>,
}

impl Enforcer {
    /// From its return on, what no rule lets a program start is refused to it; it replaces what held before. Returns what it
    /// cannot hold, as subjects of sentences for people.
    ///
    /// # Errors
    /// As of [`guard`](Self::guard); then it is as before.
    pub(crate) fn hold_starts(&self, request: &StartsRequest) -> Result<Vec<String>, GuardError> {
        let lineages = &self.common.lineages;
        let around = self.surroundings(request.pid, &request.rootfs)?;
        let own =
            process::pids(request.pid).map_err(|source| GuardError::Process { pid: request.pid, source })?;
        if own.last() != Some(&1) {
            lineages.put(&request.container, None);
            let why = "programs that others start, because it has no PID namespace of its own by which health checks and \
                       people could be told from the rest,";
            return Ok(vec![why.to_owned()]);
        }
        let mut rules: HashMap<String, Vec<StartRule>> = HashMap::new();
        for rule in &request.rules {
            rules.entry(rule.program.clone()).or_default().push(rule.clone());
        }
        let mut scripts: HashMap<FileId, Vec<String>> = HashMap::new();
        if let Some(root) = root_of(request.pid, &around) {
            for name in rules.keys() {
                if let Some((script, _)) = script(&root, name) {
                    scripts.entry(script).or_default().push(name.clone());
                }
            }
        }
        let lineage = Lineage {
            init: request.pid,
            depth: own.len(),
            mounts: around.inside().map(|mount| mount.id).collect(),
            root: around.root,
            rules,
            scripts,
            awaited: Mutex::default(),
            followers: Mutex::default(),
        };
        lineages.put(&request.container, Some(lineage));
        Ok(Vec::new())
    }

    /// Where scripts are that are named as they are called, which may be by a link: such names, and places.
    ///
    /// # Errors
    /// Nothing is known of the process, or of where its root will be.
    pub(crate) fn script_places(
        &self,
        (pid, rootfs): (u32, &Path),
        names: &[&str],
    ) -> Result<Vec<(String, String)>, GuardError> {
        let Some(root) = root_of(pid, &self.surroundings(pid, rootfs)?) else { return Ok(Vec::new()) };
        let place = |name: &&str| {
            let place = place(&root, &script(&root, name)?.1)?;
            (place != **name).then(|| ((*name).to_owned(), place))
        };
        Ok(names.iter().filter_map(place).collect())
    }

    pub(crate) fn release_starts(&self, container: &str) {
        self.common.lineages.put(container, None);
    }
}

fn id(state: &FileState) -> FileId {
    (state.device, state.inode)
}

/// For looking at alone: nothing is asked of the file.
fn opened(path: &Path) -> Option<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(path).ok()
}

/// A container's root, also before it has become that of the process.
fn root_of(pid: u32, around: &Surroundings) -> Option<File> {
    let root = Path::new("/proc").join(pid.to_string()).join("root/.");
    opened(&root.join(around.base.strip_prefix("/").unwrap_or(&around.base)))
}

/// What a name leads to that begins at this root, without leaving its file system.
fn find(root: &File, name: &Path) -> Option<File> {
    let resolve =
        ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_XDEV | ResolveFlag::RESOLVE_NO_MAGICLINKS;
    let how = OpenHow::new().flags(OFlag::O_PATH | OFlag::O_CLOEXEC).resolve(resolve);
    openat2(root, name, how).ok().map(File::from)
}

/// Where a file is, from this root on.
fn place(root: &File, file: &File) -> Option<String> {
    let path = |file: &File| std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok();
    let place = Path::new("/").join(path(file)?.strip_prefix(path(root)?).ok()?);
    Some(path_text(place.as_os_str().as_bytes()).into_owned())
}

/// The file, if it is a script.
fn script(root: &File, name: &str) -> Option<(FileId, File)> {
    let file = find(root, Path::new(name))?;
    // A named pipe would be waited for, a device might do something.
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let (state, _) = sys::file_state(&file).ok()?;
    let mut content = File::open(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()?;
    let mut head = [0; 2];
    content.read_exact(&mut head).ok()?;
    (&head == b"#!").then(|| (id(&state), file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_found_by_what_they_are_called() {
        let directory = tempfile::TempDir::new().unwrap();
        std::fs::write(directory.path().join("real"), "#!/bin/sh\n").unwrap();
        std::fs::write(directory.path().join("program"), "\x7fELF").unwrap();
        std::os::unix::fs::symlink("/real", directory.path().join("link")).unwrap();
        nix::unistd::mkfifo(&directory.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let root = File::open(directory.path()).unwrap();
        let ((link, file), (real, _)) = (script(&root, "/link").unwrap(), script(&root, "/real").unwrap());
        assert_eq!((link, place(&root, &file).unwrap()), (real, "/real".to_owned()));
        for none in ["/program", "/pipe", "/missing", "/"] {
            assert!(script(&root, none).is_none(), "{none}");
        }
    }
}
