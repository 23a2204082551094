//! Which containers run: turns program starts, `/proc` scans and ends of processes into one arrival and one
//! departure for each container. Talks to nobody, so that it can be tested without a kernel.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use crate::cgroup;
use crate::event::{ContainerGone, ContainerSeen};
use crate::namespaces::{Host, Identity, Member, ProcessId, Scope};
use crate::process::{self, Ticks};
use crate::record::{Record, flag};
use crate::sys;

/// Bound of `Tracker::met`, which is only a shortcut. A container may make any number of mount namespaces.
const MET_MAXIMUM: usize = 65_536;

/// A container that is new, and the process whose end ends it.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) identity: Identity,
    pub(crate) lead: ProcessId,
    pub(crate) seen: ContainerSeen,
}

/// What to do after the leading process of a container ended.
#[derive(Debug)]
pub(crate) enum Departure {
    Gone(ContainerGone),
    /// The container goes on: watch this process now.
    Continues(ProcessId),
    Unknown,
}

#[derive(Debug)]
pub(crate) struct Tracker {
    host: Host,
    containers: HashMap<Identity, Entry>,
    /// Identities of processes already met, so that only the first of each kind costs a look into `/proc`.
    met: HashMap<Traits, Identity>,
}

#[derive(Debug)]
struct Entry {
    lead: ProcessId,
    gone: ContainerGone,
}

/// What the kernel program tells of a process that the identity of its container depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Traits {
    pid_namespace: u32,
    init: ProcessId,
    mount_namespace: u32,
    cgroup: u64,
    cgroup_name: String,
}

impl Tracker {
    pub(crate) fn new(host: Host) -> Self {
        Self { host, containers: HashMap::new(), met: HashMap::new() }
    }

    /// A program was started outside the host's namespaces.
    pub(crate) fn started(&mut self, record: &Record) -> Option<Arrival> {
        let init = ProcessId { pid: record.init, started: Ticks::from_nanoseconds(record.init_started) };
        let traits = Traits {
            pid_namespace: record.pid_namespace,
            init,
            mount_namespace: record.mount_namespace,
            cgroup: record.cgroup,
            cgroup_name: record.cgroup_name(),
        };
        if self.met.get(&traits).is_some_and(|identity| self.containers.contains_key(identity)) {
            return None;
        }
        let process = ProcessId { pid: record.pid, started: Ticks::from_nanoseconds(record.started) };
        let membership = alive(process).then(|| process::membership(process.pid).ok()).flatten();
        // The process may be gone, or `/proc` may show the group it was moved to since: the kernel's word first.
        let container_id = cgroup::id_in_name(&record.cgroup_name())
            .or_else(|| membership.as_ref().and_then(|membership| membership.container_id.clone()));
        let outermost =
            (record.pid_namespace != self.host.pid_namespace).then_some((record.pid_namespace, init));
        let identity = self.known_scope(Identity::new(container_id, outermost, record.mount_namespace));
        if self.met.len() >= MET_MAXIMUM {
            self.met.clear();
        }
        self.met.insert(traits, identity.clone());
        if self.containers.contains_key(&identity) {
            return None;
        }
        // Several containers may share a PID namespace, whose first process then lives among other mounts.
        let owns_init = outermost.is_some() && record.init_mount_namespace == record.mount_namespace;
        let lead = if owns_init { init } else { process };
        let command = alive(lead).then(|| process::command(lead.pid).ok()).flatten();
        let command = command.filter(|(text, _)| !text.is_empty());
        let (command, command_truncated) =
            command.unwrap_or_else(|| (record.called(), record.has(flag::TEXT_CUT | flag::TEXT_UNREADABLE)));
        let start = if owns_init { record.init_started } else { record.started };
        let seen = ContainerSeen {
            key: identity.key(record.mount_namespace),
            pid_namespace: record.pid_namespace,
            mount_namespace: record.mount_namespace,
            init_pid: lead.pid,
            cgroup_id: record.cgroup,
            cgroup_path: membership.map(|membership| membership.path),
            container_id: identity.container_id.clone(),
            command,
            command_truncated,
            started: wall_clock(start),
            found_running: false,
        };
        Some(self.arrive(identity, lead, seen))
    }

    /// A process was found in `/proc`.
    pub(crate) fn found(&mut self, member: &Member) -> Option<Arrival> {
        let identity = self.known_scope(member.identity.clone());
        if self.containers.contains_key(&identity) {
            return None;
        }
        let lead = match &member.identity.scope {
            // The first of the namespace, if it is one of this container's processes: they come by age.
            Scope::PidNamespace { init, .. } if init.pid == member.process.pid => *init,
            _ => member.process,
        };
        let (command, command_truncated) = process::command(lead.pid).unwrap_or_default();
        let seen = ContainerSeen {
            key: member.identity.key(member.mount_namespace),
            pid_namespace: member.pid_namespace,
            mount_namespace: member.mount_namespace,
            init_pid: lead.pid,
            cgroup_id: 0,
            cgroup_path: Some(member.cgroup_path.clone()),
            container_id: member.identity.container_id.clone(),
            command,
            command_truncated,
            started: wall_clock(lead.started.nanoseconds()),
            found_running: true,
        };
        Some(self.arrive(identity, lead, seen))
    }

    /// Whether the container of a process that was found in `/proc` has been told.
    pub(crate) fn knows(&self, member: &Member) -> bool {
        self.containers.contains_key(&self.known_scope(member.identity.clone()))
    }

    /// A process without an engine's id, because it is gone or in a group of its own making, belongs to the
    /// container that its PID namespace is known for.
    fn known_scope(&self, identity: Identity) -> Identity {
        if identity.container_id.is_some() || !matches!(identity.scope, Scope::PidNamespace { .. }) {
            return identity;
        }
        let known = self.containers.keys().find(|known| known.scope == identity.scope);
        known.cloned().unwrap_or(identity)
    }

    /// The key of the container that a process belongs to, by what is known now: the id in its control group's
    /// path, or its namespaces.
    pub(crate) fn key_of(&self, record: &Record, group: Option<&str>) -> String {
        let init = ProcessId { pid: record.init, started: Ticks::from_nanoseconds(record.init_started) };
        let outermost =
            (record.pid_namespace != self.host.pid_namespace).then_some((record.pid_namespace, init));
        let container_id = group.and_then(cgroup::container_id);
        self.known_scope(Identity::new(container_id, outermost, record.mount_namespace))
            .key(record.mount_namespace)
    }

    fn arrive(&mut self, identity: Identity, lead: ProcessId, seen: ContainerSeen) -> Arrival {
        let gone = ContainerGone {
            key: seen.key.clone(),
            pid_namespace: seen.pid_namespace,
            mount_namespace: seen.mount_namespace,
            init_pid: seen.init_pid,
            container_id: seen.container_id.clone(),
        };
        self.containers.insert(identity.clone(), Entry { lead, gone });
        Arrival { identity, lead, seen }
    }

    /// The process `lead` of a container ended. `members` lists who is in containers now; it is asked only
    /// when the end of this one process does not end them all, because it costs a walk through `/proc`.
    pub(crate) fn ended<'a>(
        &mut self,
        identity: &Identity,
        lead: ProcessId,
        members: impl FnOnce() -> &'a Vec<Member>,
    ) -> Departure {
        let Some(entry) = self.containers.get_mut(identity).filter(|entry| entry.lead == lead) else {
            return Departure::Unknown;
        };
        // The kernel kills all others before it lets the first process of a namespace go.
        let was_init = matches!(&identity.scope, Scope::PidNamespace { init, .. } if *init == lead);
        if !was_init {
            let next = members().iter().find(|member| member.identity == *identity && member.process != lead);
            if let Some(member) = next {
                entry.lead = member.process;
                return Departure::Continues(member.process);
            }
        }
        self.met.retain(|_, met| met != identity);
        match self.containers.remove(identity) {
            Some(entry) => Departure::Gone(entry.gone),
            None => Departure::Unknown,
        }
    }
}

/// Whether this very process still exists, not only its PID.
pub(crate) fn alive(process: ProcessId) -> bool {
    process::stat(process.pid).is_ok_and(|stat| stat.started == process.started)
}

fn wall_clock(boot_nanoseconds: u64) -> SystemTime {
    let age = Duration::from_nanos(sys::boot_clock().saturating_sub(boot_nanoseconds));
    let now = SystemTime::now();
    now.checked_sub(age).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::sample;

    static NOBODY: Vec<Member> = Vec::new();

    fn tracker() -> Tracker {
        let root = process::root(std::process::id()).unwrap();
        Tracker::new(Host { pid: 1, pid_namespace: 4_026_531_836, mount_namespace: 4_026_531_841, root })
    }

    fn named(mut record: Record, cgroup: &str) -> Record {
        record.texts[0] = cgroup.as_bytes().to_vec();
        record
    }

    /// A record of a process that never was: fields come from the record alone.
    fn record() -> Record {
        Record { pid: 4_194_300, init: 4_194_299, parent: 4_194_299, ..sample() }
    }

    #[test]
    fn a_container_is_told_once_however_many_programs_it_starts() {
        let mut tracker = tracker();
        let arrival = tracker.started(&record()).unwrap();
        assert_eq!(arrival.seen.container_id, Some("ab".repeat(32)));
        assert_eq!((arrival.seen.command.as_str(), arrival.seen.init_pid), ("/usr/sbin/nginx", 4_194_299));
        assert!(tracker.started(&record()).is_none());
        let sandbox = Record { inner_pid_namespace: 1, mount_namespace: 2, pid_in_namespace: 1, ..record() };
        assert!(tracker.started(&sandbox).is_none(), "a sandbox inside belongs to the container");
        let other_group = named(Record { cgroup: 100, ..record() }, "init.scope");
        assert!(tracker.started(&other_group).is_none(), "and so does a process in a group made inside");
        assert_eq!(tracker.containers.len(), 1);
    }

    #[test]
    fn the_end_of_the_first_process_ends_the_container_and_a_restart_is_a_new_one() {
        let mut tracker = tracker();
        let first = tracker.started(&record()).unwrap();
        // The next run, with the same inodes, starts before the end of the first is noticed.
        let again =
            Record { init_started: 8_000_000_000, started: 8_000_000_000, init: 4_194_301, ..record() };
        let second = tracker.started(&again).unwrap();
        assert!(matches!(tracker.ended(&first.identity, first.lead, || &NOBODY), Departure::Gone(_)));
        assert!(matches!(tracker.ended(&first.identity, first.lead, || &NOBODY), Departure::Unknown));
        assert_eq!(tracker.containers.len(), 1);
        assert!(matches!(tracker.ended(&second.identity, second.lead, || &NOBODY), Departure::Gone(_)));
        assert!(tracker.met.is_empty());
    }

    #[test]
    fn without_an_own_pid_namespace_a_container_ends_with_its_last_process() {
        let mut tracker = tracker();
        let pid_namespace = tracker.host.pid_namespace;
        let record = named(Record { pid_namespace, ..record() }, "x");
        let arrival = tracker.started(&record).unwrap();
        assert_eq!(arrival.seen.key, format!("ns:{}", record.mount_namespace));
        assert_eq!(arrival.lead.pid, record.pid);
        let other = ProcessId { pid: 4_194_303, started: Ticks(1) };
        let member = Member {
            process: other,
            identity: arrival.identity.clone(),
            pid_namespace,
            mount_namespace: record.mount_namespace,
            cgroup_path: "/x".to_owned(),
        };
        let found = vec![member];
        let next = tracker.ended(&arrival.identity, arrival.lead, || &found);
        assert!(matches!(next, Departure::Continues(process) if process == other));
        assert!(matches!(tracker.ended(&arrival.identity, other, || &NOBODY), Departure::Gone(_)));
    }
}
