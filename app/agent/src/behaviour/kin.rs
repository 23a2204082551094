//! Which process came from which: kept from program starts and ends, so that an alert can tell how its process came
//! to be, also when its parents are gone.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::os::unix::ffi::OsStrExt;

use lazaret_format::v1::Ancestor;
use lazaret_model::{RUNTIME, path_text};

/// Processes that are remembered: those that live, and those that ended last.
const MOST: usize = 16_384;
const MOST_DEAD: usize = 4096;
/// Steps up from a process.
const MOST_ANCESTORS: usize = 16;
/// Bytes of arguments that are kept of one process.
const MOST_ARGUMENTS: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Kin {
    known: HashMap<u32, Kinsman>,
    dead: VecDeque<(u32, u64)>,
    /// Tells a process from an earlier one of the same number.
    serial: u64,
}

#[derive(Debug)]
struct Kinsman {
    parent: u32,
    executable: String,
    arguments: Vec<String>,
    /// Its parent is outside the container.
    entered: bool,
    ended: bool,
    serial: u64,
}

impl Kin {
    /// A process started a program.
    pub(super) fn started(
        &mut self,
        pid: u32,
        parent: u32,
        executable: &str,
        arguments: &[String],
        entered: bool,
    ) {
        self.serial += 1;
        if self.known.len() >= MOST && !self.known.contains_key(&pid) && !self.forget_dead() {
            // What lives can be asked of `/proc`.
            return;
        }
        let kinsman = Kinsman {
            parent,
            executable: executable.to_owned(),
            arguments: shortened(arguments),
            entered,
            ended: false,
            serial: self.serial,
        };
        self.known.insert(pid, kinsman);
    }

    pub(super) fn ended(&mut self, pid: u32) {
        let Some(kinsman) = self.known.get_mut(&pid) else { return };
        kinsman.ended = true;
        self.dead.push_back((pid, kinsman.serial));
        if self.dead.len() > MOST_DEAD {
            self.forget_dead();
        }
    }

    /// The arguments of a process that runs this program.
    pub(super) fn arguments(&self, pid: u32, executable: &str) -> Vec<String> {
        match self.known.get(&pid) {
            Some(kinsman) if kinsman.executable == executable => kinsman.arguments.clone(),
            Some(_) => Vec::new(),
            None => living(pid)
                .filter(|(_, found)| found.exe == executable)
                .map_or_else(Vec::new, |(_, found)| found.argv),
        }
    }

    /// From this process upwards, the container's border at the end: [`RUNTIME`].
    pub(super) fn line(&self, first: u32, entered: bool) -> Vec<Ancestor> {
        let border = |pid| Ancestor { pid, exe: RUNTIME.to_owned(), argv: Vec::new() };
        if entered {
            return vec![border(first)];
        }
        let mut line = Vec::new();
        let mut pid = first;
        while line.len() < MOST_ANCESTORS && pid > 1 {
            if let Some(kinsman) = self.known.get(&pid) {
                line.push(Ancestor { pid, exe: kinsman.executable.clone(), argv: kinsman.arguments.clone() });
                if kinsman.entered {
                    line.push(border(kinsman.parent));
                    break;
                }
                if kinsman.parent == pid {
                    break;
                }
                pid = kinsman.parent;
            } else if let Some((parent, ancestor)) = living(pid) {
                if !is_inside(pid) {
                    line.push(border(pid));
                    break;
                }
                line.push(ancestor);
                pid = parent;
            } else {
                break;
            }
        }
        line
    }

    /// Forgets the one that ended first. False: none has ended.
    fn forget_dead(&mut self) -> bool {
        while let Some((pid, serial)) = self.dead.pop_front() {
            if self.known.get(&pid).is_some_and(|kinsman| kinsman.ended && kinsman.serial == serial) {
                self.known.remove(&pid);
                return true;
            }
        }
        false
    }
}

fn shortened(arguments: &[String]) -> Vec<String> {
    let mut left = MOST_ARGUMENTS;
    let mut kept = Vec::new();
    for argument in arguments {
        if left == 0 {
            break;
        }
        let text: String = argument.chars().take(left).collect();
        left = left.saturating_sub(text.len().max(1));
        kept.push(text);
    }
    kept
}

/// A process that was forked and started no program, or started before the agent: it is its parent's image.
fn living(pid: u32) -> Option<(u32, Ancestor)> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat).into_owned();
    let (_, rest) = stat.rsplit_once(") ")?;
    let parent = rest.split(' ').nth(1)?.parse().ok()?;
    let executable = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let line = crate::files::read_bounded(format!("/proc/{pid}/cmdline").as_ref(), 1 << 20).ok()?;
    let words: Vec<String> =
        line.split(|byte| *byte == 0).take(16).map(|word| path_text(word).into_owned()).collect();
    let exe = path_text(executable.as_os_str().as_bytes()).into_owned();
    Some((parent, Ancestor { pid, exe, argv: shortened(&words) }))
}

fn is_inside(pid: u32) -> bool {
    let namespaces =
        |pid: &str| ["pid", "mnt"].map(|kind| fs::read_link(format!("/proc/{pid}/ns/{kind}")).ok());
    let ([pid_there, mount_there], [pid_here, mount_here]) =
        (namespaces(&pid.to_string()), namespaces("self"));
    pid_there != pid_here || mount_there != mount_here
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that no process of the machine has.
    const FAR: u32 = 1 << 30;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn the_line_goes_up_to_the_border_also_past_the_dead() {
        let mut kin = Kin::default();
        kin.started(FAR + 1, 77, "/bin/sh", &words("sh -c work"), true);
        kin.started(FAR + 2, FAR + 1, "/bin/bash", &words("bash run"), false);
        kin.started(FAR + 3, FAR + 2, "/usr/bin/curl", &words("curl x"), false);
        kin.ended(FAR + 2);
        let line = kin.line(FAR + 2, false);
        let names: Vec<_> = line.iter().map(|ancestor| ancestor.exe.as_str()).collect();
        assert_eq!(names, ["/bin/bash", "/bin/sh", RUNTIME]);
        assert_eq!(line[0].argv, ["bash", "run"]);
        assert_eq!(kin.arguments(FAR + 3, "/usr/bin/curl"), ["curl", "x"]);
        assert!(kin.arguments(FAR + 3, "/other").is_empty());
        assert_eq!(kin.line(77, true)[0].exe, RUNTIME);
        assert!(kin.line(FAR + 9, false).is_empty());
    }

    #[test]
    fn a_circle_of_reused_numbers_ends() {
        let mut kin = Kin::default();
        kin.started(FAR + 1, FAR + 2, "/a", &[], false);
        kin.started(FAR + 2, FAR + 1, "/b", &[], false);
        assert_eq!(kin.line(FAR + 1, false).len(), MOST_ANCESTORS);
    }

    #[test]
    fn the_table_is_bounded_and_the_dead_go_first() {
        let mut kin = Kin::default();
        for number in 0..100_000u32 {
            kin.started(FAR + number, 1, "/a", &words("a b"), false);
            if number % 2 == 0 {
                kin.ended(FAR + number);
            }
        }
        assert!(kin.known.len() <= MOST && kin.dead.len() <= MOST_DEAD);
        let long = vec!["x".repeat(10_000); 100];
        kin.started(FAR, 1, "/a", &long, false);
        assert!(shortened(&long).concat().len() <= MOST_ARGUMENTS);
    }

    #[test]
    fn what_lives_is_asked_of_the_kernel() {
        let own = std::process::id();
        let (parent, found) = living(own).unwrap();
        assert!(parent > 0 && !found.argv.is_empty());
        assert!(!is_inside(own));
        assert_eq!(Kin::default().line(own, false)[0].exe, RUNTIME);
    }
}
