//! What one behaviour adds to what is known.

use std::borrow::Cow;

use lazaret_model::{
    Behaviour, Connection, Execution, Fact, FileAccess, FileOperation, FileOrigin, Listening, Phase,
    ResourceUse, path_text,
};

use super::sighting::{Capped, Join as _, Replica, Sighting};
use super::{Learned, Peers, ProcessKey, ProcessSeen, Record, Visit, fold, forest, join_into, shape};
use crate::mask::masked;
use crate::profile::{ANY, Resources};
use crate::sensitive::{is_sensitive, stable_name};

/// One behaviour of one container.
#[derive(Debug, Clone, Copy)]
pub struct Observation<'a> {
    pub replica: Replica,
    /// Seconds since 1970.
    pub at: i64,
    pub phase: Phase,
    /// On whose behalf it happened.
    pub visit: Visit,
    pub behaviour: &'a Behaviour,
}

/// Ports from here on are given by the kernel to whoever wants any (`ip_local_port_range`).
const FIRST_EPHEMERAL: u16 = 32_768;

impl Learned {
    /// Takes in one behaviour. What people did who logged in is never learned.
    pub fn observe(&mut self, observation: Observation<'_>) {
        let Observation { replica, at, phase, visit, behaviour } = observation;
        if visit == Visit::Login {
            return;
        }
        self.watched(replica, at);
        let sighting = || Sighting::new(replica, at, phase);
        let by = &*place(&behaviour.actor.executable);
        match &behaviour.fact {
            Fact::Exec(execution) => self.exec(execution, by, behaviour.actor.uid, &sighting()),
            Fact::Map(mapping) if mapping.origin == FileOrigin::Image || mapping.as_program => {}
            Fact::Map(mapping) => {
                let steps = forest::steps(&place(&mapping.path));
                self.libraries.add(by, &steps, 0, sighting());
            }
            Fact::File(access) => self.file(access, by, &sighting()),
            Fact::Connect(connection) => self.connect(connection, by, sighting()),
            Fact::Listen(Listening { transport, port, .. }) => {
                let port = Some(*port).filter(|port| (1..FIRST_EPHEMERAL).contains(port));
                self.listen.add((*transport, port, by.to_owned()), sighting());
            }
            Fact::Lookup(lookup) => {
                let longest = lookup.name.split('.').map(str::len).max().unwrap_or(0);
                self.longest_label = self.longest_label.max(u32::try_from(longest).unwrap_or(u32::MAX));
                self.lookup.add(ANY, &fold::name_steps(&lookup.name), 0, sighting());
            }
            Fact::RawSocket(_) => self.raw.add(by.to_owned(), sighting()),
            Fact::Identity(change) => self.users.add((change.to_uid, by.to_owned()), sighting()),
            Fact::Capability(used) if used.granted => {
                join_into(&mut self.capabilities, used.capability, sighting());
            }
            // What was asked for in vain is not needed; a log-in is never learned.
            Fact::Capability(_) | Fact::Login(_) => {}
            Fact::SystemCall(call) => self.system_calls.add(call.to_string(), sighting()),
            Fact::Mount(mounting) => self.volumes.add(place(&mounting.target).into_owned(), sighting()),
            Fact::Kernel(operation) => join_into(&mut self.kernel, *operation, sighting()),
            Fact::Resources(used) => self.resources.join(resources(used)),
        }
    }

    /// A fixed rule was broken in this container: what it alone did waits for a person, also what was before.
    pub fn taint(&mut self, replica: Replica) {
        self.tainted.add(replica, ());
    }

    /// The container's program was started, for the `number`th time.
    pub fn started(&mut self, replica: Replica, at: i64, number: u32) {
        self.replicas.add(replica, Record { starts: number, ..Record::at(at) });
    }

    /// It ended as it was told to, for the `number`th time.
    pub fn stopped(&mut self, replica: Replica, at: i64, number: u32) {
        self.replicas.add(replica, Record { stops: number, ..Record::at(at) });
    }

    /// Something was missed, for the `number`th time.
    pub fn gap(&mut self, replica: Replica, at: i64, number: u32) {
        self.replicas.add(replica, Record { gaps: number, ..Record::at(at) });
    }

    /// The container was watched until now, whether or not it did anything.
    pub fn watched(&mut self, replica: Replica, at: i64) {
        self.replicas.add(replica, Record::at(at));
    }

    fn exec(&mut self, execution: &Execution, parent: &str, uid: u32, sighting: &Sighting) {
        let executable = &place(&execution.executable).into_owned();
        let uid = execution.gains.map_or(uid, |gain| gain.uid);
        self.users.add((uid, executable.clone()), sighting.clone());
        if let (FileOrigin::Upper | FileOrigin::Mounted, Some(digest)) = (execution.origin, execution.digest)
        {
            self.added.add((executable.clone(), digest), sighting.clone());
        }
        let arguments: Vec<String> = execution.arguments.iter().skip(1).map(|text| masked(text)).collect();
        let shapes = arguments.iter().map(|text| shape::shape(text)).collect();
        let key = ProcessKey {
            executable: executable.clone(),
            parent: parent.to_owned(),
            digest: execution.digest,
        };
        let mut seen = ProcessSeen {
            sighting: sighting.clone(),
            arguments: Capped::default(),
            shapes: Capped::default(),
        };
        seen.arguments.add(arguments, ());
        seen.shapes.add(shapes, ());
        // Cut arguments could be any: nothing can be promised of them.
        seen.arguments.overflow = execution.arguments_cut;
        seen.shapes.overflow = execution.arguments_cut;
        self.processes.add(key, seen);
    }

    fn file(&mut self, access: &FileAccess, by: &str, sighting: &Sighting) {
        // A renamed file is written under its new name, and whose other name it gets is touched too.
        for path in [Some(&access.path), access.other.as_ref()].into_iter().flatten() {
            let path = &*place(path);
            if is_sensitive(path) {
                let key = (stable_name(path), by.to_owned(), access.operation);
                self.secrets.add(key, sighting.clone());
            } else if path.starts_with('/') && !is_reading_image(access) {
                let steps = forest::steps(path);
                self.files.add(by, &steps, access.operation as u8, sighting.clone());
            }
        }
    }

    fn connect(&mut self, connection: &Connection, by: &str, sighting: Sighting) {
        let mut peers = Peers::default();
        match &connection.name {
            Some(name) => peers.names.add(ANY, &fold::name_steps(name), 0, sighting),
            None => peers.networks.add(&fold::address_steps(connection.address), 0, sighting, fold::NETWORKS),
        }
        self.connect.add((connection.transport, connection.port, by.to_owned()), peers);
    }
}

/// What the image brought is there to be read, but for secrets, and so are devices that are nothing but streams:
/// nothing is learned of them, and nothing checked.
pub(crate) fn is_reading_image(access: &FileAccess) -> bool {
    access.operation == FileOperation::Read && access.origin == FileOrigin::Image || is_stream(access)
}

/// Devices that take what nobody wants and give what everybody may have, and the terminal of the process itself.
pub const STREAMS: &[&str] =
    &["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/console"];

/// What anybody may do with [`STREAMS`].
pub const STREAMING: &[FileOperation] =
    &[FileOperation::Read, FileOperation::Write, FileOperation::Append, FileOperation::Truncate];

fn is_stream(access: &FileAccess) -> bool {
    STREAMING.contains(&access.operation) && STREAMS.contains(&access.path.as_str())
}

/// A path as a profile can state it, also where the sensor gave none: the profile must be readable whatever came in.
fn place(path: &str) -> Cow<'_, str> {
    let text = match path.chars().any(char::is_control) {
        true => path_text(path.as_bytes()),
        false => Cow::Borrowed(path),
    };
    if text.starts_with(['/', '@']) { text } else { Cow::Owned(format!("@{text}")) }
}

impl Record {
    fn at(at: i64) -> Self {
        Self { first: at, last: at, starts: 0, stops: 0, gaps: 0 }
    }
}

fn resources(used: &ResourceUse) -> Resources {
    let per_minute = used.written_bytes.saturating_mul(60).checked_div(u64::from(used.window));
    Resources {
        cpu_permille: Some(used.cpu_permille),
        memory_bytes: Some(used.memory_bytes),
        processes: Some(used.processes),
        written_bytes_per_minute: per_minute,
    }
}
