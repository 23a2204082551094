//! Whether one process may go on with one file.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lazaret_model::{Digest, path_text};

use super::{FileId, Lineage, StartRule, find, id, opened};
use crate::enforce::decision::Content;
use crate::enforce::head::Next;
use crate::process;
use crate::sys::{self, FileState};

/// Processes of one container that were allowed a file and have not opened the next one: mostly none.
const MOST_AWAITED: usize = 4096;
const MOST_FOLLOWERS: usize = 256;
const ATTEMPTS: u32 = 8;

impl Lineage {
    /// Whether the process may go on with a file that it opens for execution. `path` is the file's from the container's root.
    pub(crate) fn allows(&self, pid: u32, path: &Path, state: &FileState, content: &Content) -> bool {
        let name = path_text(path.as_os_str().as_bytes());
        let file = id(state);
        if self.is_awaited(pid, &name, file) || self.is_named(pid, &name, file, &content.digest) {
            self.expect(pid, &content.next);
            return true;
        }
        self.is_from_outside(pid)
    }

    /// Whatever it is, nothing is awaited of the process any more.
    fn is_awaited(&self, pid: u32, name: &str, file: FileId) -> bool {
        let awaited = match lock(&self.awaited).remove(&pid) {
            None | Some(Next::Nothing) => return false,
            Some(Next::Unknown) => return true,
            Some(Next::Named(awaited)) => awaited,
        };
        if path_text(&awaited) == name || lock(&self.followers).get(&awaited) == Some(&file) {
            return true;
        }
        if self.found(pid, &awaited) != Some(file) {
            return false;
        }
        let mut followers = lock(&self.followers);
        if followers.len() < MOST_FOLLOWERS {
            followers.insert(awaited, file);
        }
        true
    }

    /// What the process finds by an absolute name, if its root is among the container's own files: another file system
    /// might not answer, and who asks here decides for all.
    fn found(&self, pid: u32, name: &[u8]) -> Option<FileId> {
        let root = opened(Path::new(&format!("/proc/{pid}/root"))).filter(|_| name.starts_with(b"/"))?;
        if Some(sys::file_state(&root).ok()?.1) != self.root {
            return None;
        }
        let file = find(&root, Path::new(OsStr::from_bytes(name)))?;
        Some(id(&sys::file_state(&file).ok()?.0))
    }

    fn is_named(&self, pid: u32, name: &str, file: FileId, digest: &Digest) -> bool {
        let called = self.scripts.get(&file).into_iter().flatten().map(String::as_str);
        let rules = called.chain([name]).filter_map(|name| self.rules.get(name)).flatten();
        let is_this = |rule: &&StartRule| rule.digest.is_none_or(|known| known == *digest);
        let by: Vec<Option<&str>> = rules.filter(is_this).map(|rule| rule.by.as_deref()).collect();
        if by.is_empty() || by.contains(&None) {
            return !by.is_empty();
        }
        let is_by = |pid| {
            let program = process::program_path(pid);
            by.contains(&Some(&*path_text(&program)))
        };
        // Who has started nothing yet was known by his parent, who may have become something else.
        let by_parent = || {
            process::stat(pid).is_ok_and(|stat| stat.started_nothing)
                && process::who(pid).is_ok_and(|who| is_by(who.parent))
        };
        is_by(pid) || by_parent()
    }

    /// The way in: the runtime's process before it becomes the container's first program, and who entered.
    fn is_from_outside(&self, pid: u32) -> bool {
        let runs_others = || process::program(pid).is_some_and(|(_, mount)| !self.mounts.contains(&mount));
        match pid == self.init {
            true => runs_others(),
            false => self.has_entered(pid),
        }
    }

    /// Whether its ancestors lead out of the container, and not to the first process. Namespaces that the container makes
    /// are deeper than its own.
    fn has_entered(&self, pid: u32) -> bool {
        // A parent may end while it is looked at: then the process has another one.
        (0..ATTEMPTS).find_map(|_| self.leads_out(pid)).unwrap_or(false)
    }

    /// `None`: an ancestor ended meanwhile.
    fn leads_out(&self, pid: u32) -> Option<bool> {
        let mut process = pid;
        for _ in 0..process::GENERATIONS {
            if process::pids(process).ok()?.len() < self.depth {
                return Some(true);
            }
            if process == self.init {
                return Some(false);
            }
            process = process::who(process).ok()?.parent;
        }
        Some(false)
    }

    fn expect(&self, pid: u32, next: &Next) {
        if *next == Next::Nothing {
            return;
        }
        let mut all = lock(&self.awaited);
        // Whoever makes allowed starts fail halfway harms his own container at most, and holds up nobody.
        if all.len() >= MOST_AWAITED {
            all.clear();
        }
        all.insert(pid, next.clone());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};
    use std::process::Command;
    use std::time::{Duration, Instant};

    use nix::sys::signal::Signal;
    use nix::unistd::Pid;

    use super::*;

    const HERE: FileState =
        FileState { device: (0, 9), inode: 7, size: 1, changed: (1, 1), modified: (1, 1) };

    fn rule(program: &str, by: Option<&str>, digest: Option<u8>) -> StartRule {
        let digest = digest.map(|byte| Digest::from_bytes([byte; 32]));
        StartRule { program: program.to_owned(), by: by.map(str::to_owned), digest }
    }

    fn lineage(rules: &[StartRule]) -> Lineage {
        let mut lineage = Lineage {
            init: 0,
            depth: 1,
            mounts: HashSet::new(),
            root: None,
            rules: HashMap::new(),
            scripts: HashMap::new(),
            awaited: Mutex::default(),
            followers: Mutex::default(),
        };
        for rule in rules {
            lineage.rules.entry(rule.program.clone()).or_default().push(rule.clone());
        }
        lineage
    }

    fn content(next: Next) -> Content {
        Content { digest: Digest::from_bytes([1; 32]), is_script: false, next }
    }

    fn this_program() -> String {
        path_text(&process::program_path(std::process::id())).into_owned()
    }

    #[test]
    fn programs_are_started_by_whom_a_rule_names() {
        let (me, own) = (std::process::id(), this_program());
        let lineage = lineage(&[
            rule("/bin/any", None, None),
            rule("/bin/mine", Some(&own), None),
            rule("/bin/others", Some("/usr/bin/other"), None),
            rule("/bin/changed", None, Some(2)),
            rule("/bin/same", None, Some(1)),
        ]);
        let allows = |path: &str| lineage.allows(me, Path::new(path), &HERE, &content(Next::Nothing));
        assert!(allows("/bin/any") && allows("/bin/mine") && allows("/bin/same"));
        assert!(!allows("/bin/others") && !allows("/bin/changed") && !allows("/bin/sh"));
    }

    #[test]
    fn a_child_that_has_started_nothing_is_known_by_its_parent() {
        let sleep =
            path_text(std::fs::canonicalize("/usr/bin/sleep").unwrap().as_os_str().as_bytes()).into_owned();
        let mut parent =
            Command::new("sh").args(["-c", "while :; do :; done & exec sleep 60"]).spawn().unwrap();
        let children = format!("/proc/{0}/task/{0}/children", parent.id());
        let until = Instant::now() + Duration::from_secs(10);
        while !process::program_path(parent.id()).ends_with(b"/sleep") {
            assert!(Instant::now() < until, "the shell did not become another program");
            std::thread::sleep(Duration::from_millis(1));
        }
        let child: u32 = std::fs::read_to_string(children).unwrap().trim().parse().unwrap();
        let lineage =
            lineage(&[rule("/bin/a", Some(&sleep), None), rule("/bin/b", Some(&this_program()), None)]);
        let allows = |pid, path: &str| lineage.allows(pid, Path::new(path), &HERE, &content(Next::Nothing));
        let allowed = [allows(child, "/bin/a"), allows(parent.id(), "/bin/a"), allows(parent.id(), "/bin/b")];
        nix::sys::signal::kill(Pid::from_raw(child.cast_signed()), Signal::SIGKILL).unwrap();
        parent.kill().unwrap();
        parent.wait().unwrap();
        assert_eq!(allowed, [true, true, false], "one that has become something else has no parent's rights");
    }

    #[test]
    fn who_entered_is_told_by_where_its_ancestors_are() {
        let parent = process::who(std::process::id()).unwrap().parent;
        let depth = process::pids(std::process::id()).unwrap().len();
        let allows = |lineage: &Lineage| {
            lineage.allows(std::process::id(), Path::new("/bin/sh"), &HERE, &content(Next::Nothing))
        };
        assert!(allows(&Lineage { depth: depth + 1, ..lineage(&[]) }), "outside of all of it");
        assert!(!allows(&Lineage { init: parent, depth, ..lineage(&[]) }), "a child of the first process");
        assert!(!allows(&Lineage { init: parent, depth: 0, ..lineage(&[]) }), "deeper than the container");
    }

    #[test]
    fn what_follows_an_allowed_file_is_allowed_once() {
        let me = std::process::id();
        let lineage = lineage(&[rule("/bin/script", None, None), rule("/bin/strange", None, None)]);
        let allows = |path: &str, next: Next| lineage.allows(me, Path::new(path), &HERE, &content(next));
        let shell = || Next::Named(b"/bin/sh".as_slice().into());
        let loader = || Next::Named(b"/lib/ld.so".as_slice().into());
        assert!(!allows("/bin/sh", loader()));
        assert!(
            allows("/bin/script", shell())
                && allows("/bin/sh", loader())
                && allows("/lib/ld.so", Next::Nothing)
        );
        assert!(!allows("/bin/sh", loader()) && !allows("/lib/ld.so", Next::Nothing));
        assert!(allows("/bin/script", shell()) && !allows("/bin/dash", Next::Nothing), "something else");
        assert!(!allows("/bin/sh", loader()), "it was given up for something else");
        assert!(allows("/bin/strange", Next::Unknown) && allows("/usr/bin/qemu", Next::Nothing));
        assert!(!allows("/usr/bin/qemu", Next::Nothing));
    }

    #[test]
    fn an_interpreter_may_be_called_by_a_link() {
        let me = std::process::id();
        let state = |path: &Path| sys::file_state(opened(path).unwrap()).unwrap();
        let root = state(Path::new("/")).1;
        let lineage = Lineage { root: Some(root), ..lineage(&[rule("/bin/script", None, None)]) };
        let shell = std::fs::canonicalize("/bin/sh").unwrap();
        let follows = |lineage: &Lineage, name: &[u8]| {
            let next = Next::Named(name.into());
            assert!(lineage.allows(me, Path::new("/bin/script"), &HERE, &content(next)));
            lineage.allows(me, &shell, &state(&shell).0, &content(Next::Nothing))
        };
        assert!(follows(&lineage, b"/bin/sh") && follows(&lineage, b"/bin/sh"), "found, and remembered");
        assert_eq!(lock(&lineage.followers).len(), 1);
        assert!(!follows(&lineage, b"bin/sh") && !follows(&lineage, b"/bin/true"));
        // A process whose root is elsewhere is not followed there.
        let elsewhere = Lineage { root: Some(u64::MAX), followers: Mutex::default(), ..lineage };
        assert!(!follows(&elsewhere, b"/bin/sh"));
    }

    #[test]
    fn what_was_allowed_and_failed_is_not_remembered_without_end() {
        let lineage = lineage(&[rule("/bin/script", None, None)]);
        let next = || content(Next::Named(b"/no/such/interpreter".as_slice().into()));
        for gone in 0..10_000 {
            lineage.allows(0x7000_0000 + gone, Path::new("/bin/script"), &HERE, &next());
        }
        assert!(lock(&lineage.awaited).len() <= MOST_AWAITED);
        assert!(lineage.allows(std::process::id(), Path::new("/bin/script"), &HERE, &next()));
        assert!(lock(&lineage.awaited).contains_key(&std::process::id()), "and the latest is known");
    }
}
