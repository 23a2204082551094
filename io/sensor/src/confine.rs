//! What a control group may not do, as the kernel programs enforce it: peers and ports of the network, and what
//! ends a process.
//!
//! The maps are the kernel's (`bpf/policy.h`, `bpf/network.h`): where they are pinned, what is written here holds
//! on when this process ends.

mod domain;

use std::collections::HashMap as Table;
use std::fmt;
use std::net::IpAddr;

use aya::Pod;
use aya::maps::MapError;
use aya::maps::lpm_trie::Key;

use crate::held::{self, Held, HeldPolicy, SecretPlace};
use crate::record::Kind;
use crate::sys::FileState;
use crate::tracer::{ANY_GROUP, Controls, chain};

/// Where a container may connect and send to, and what it may listen on. Everything else is refused: the caller
/// gets EPERM. What is connected already stays so.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkPolicy {
    /// Peers that may be connected and sent to; `None`: any.
    pub peers: Option<Vec<PeerRule>>,
    /// Ports that may be bound; `None`: any. A port that the kernel chooses may always be bound.
    pub ports: Option<Vec<PortRule>>,
}

/// Peers that are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerRule {
    /// `None`: TCP and UDP.
    pub protocol: Option<Protocol>,
    pub network: IpAddr,
    /// Bits of `network` that count: at most 32 or 128.
    pub prefix: u8,
    /// `None`: any.
    pub port: Option<u16>,
}

/// A local port that is allowed, on any address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRule {
    pub protocol: Protocol,
    pub port: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    Tcp,
    Udp,
}

impl Protocol {
    const ALL: [Self; 2] = [Self::Tcp, Self::Udp];

    /// `IPPROTO_…`
    const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }
}

/// What is refused where programs at security hooks work and have a hook for it: the caller gets EPERM. Elsewhere it
/// ends the process that does it, by SIGKILL before its next instruction. The act itself has happened then, other than
/// for programs and code: the process dies before their first instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Deadly {
    /// Execution of a file in memory (`memfd_create`).
    ExecuteMemory,
    /// Execution of a file that has no name any more, or never had one.
    ExecuteDeleted,
    /// Execution of a file in the container's own layer, changed or merely touched ones of the image included.
    ExecuteUpper,
    /// Execution of a file on a volume, a bind mount or a tmpfs.
    ExecuteMounted,
    /// ptrace(2), and memory of other processes.
    Trace,
    /// Mapping code of a file in memory: a library, or a program that is given to a loader.
    LoadMemory,
    /// Of a file that has no name any more.
    LoadDeleted,
    /// Of a file in the container's own layer, changed or merely touched ones of the image included.
    LoadUpper,
    /// Of a file on a volume, a bind mount or a tmpfs.
    LoadMounted,
    /// Memory that was written becomes code.
    WrittenCode,
    Mount,
    EnterNamespace,
    NewNamespace,
    Module,
    Bpf,
    IoUring,
    RawSocket,
    /// chroot(2), pivot_root(2).
    ChangeRoot,
}

impl Deadly {
    pub const ALL: &[Self] = &[
        Self::ExecuteMemory,
        Self::ExecuteDeleted,
        Self::ExecuteUpper,
        Self::ExecuteMounted,
        Self::Trace,
        Self::LoadMemory,
        Self::LoadDeleted,
        Self::LoadUpper,
        Self::LoadMounted,
        Self::WrittenCode,
        Self::Mount,
        Self::EnterNamespace,
        Self::NewNamespace,
        Self::Module,
        Self::Bpf,
        Self::IoUring,
        Self::RawSocket,
        Self::ChangeRoot,
    ];

    /// The bit of `kill_origins`, for programs and code.
    const fn origin(self) -> Option<u32> {
        match self {
            Self::ExecuteUpper => Some(1),
            Self::ExecuteMounted => Some(2),
            Self::ExecuteDeleted => Some(3),
            Self::ExecuteMemory => Some(5),
            Self::LoadUpper => Some(CODE_BITS + 1),
            Self::LoadMounted => Some(CODE_BITS + 2),
            Self::LoadDeleted => Some(CODE_BITS + 3),
            Self::LoadMemory => Some(CODE_BITS + 5),
            _ => None,
        }
    }

    const fn kinds(self) -> &'static [Kind] {
        match self {
            Self::ExecuteMemory
            | Self::ExecuteDeleted
            | Self::ExecuteUpper
            | Self::ExecuteMounted
            | Self::LoadMemory
            | Self::LoadDeleted
            | Self::LoadUpper
            | Self::LoadMounted => &[],
            Self::WrittenCode => &[Kind::MemoryCode],
            Self::Trace => &[Kind::Ptrace, Kind::ForeignMemory],
            Self::Mount => &[Kind::Mount, Kind::Unmount],
            Self::EnterNamespace => &[Kind::EnterNamespace],
            Self::NewNamespace => &[Kind::NewNamespace],
            Self::Module => &[Kind::Module],
            Self::Bpf => &[Kind::Bpf],
            Self::IoUring => &[Kind::IoUring],
            Self::RawSocket => &[Kind::Socket],
            Self::ChangeRoot => &[Kind::ChangeRoot],
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
    #[error("nothing can be refused by kernel programs on this host: {0}")]
    Unavailable(String),
    #[error("the network prefix {network}/{prefix} has more bits than the address")]
    Prefix { network: IpAddr, prefix: u8 },
    #[error("control group {group}: the kernel takes no more rules: {why}")]
    Full { group: u64, why: String },
}

/// `struct policy` of `bpf/policy.h`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Policy {
    kill: u64,
    kill_origins: u32,
    network: u32,
    refuse: u64,
    held: u32,
    version: u32,
}

/// `struct peer` of `bpf/network.h` without its prefix: bytes, because it has no alignment.
pub(crate) type Peer = [u8; 28];

/// `bpf/policy.h`
const CODE_BITS: u32 = 16;
const NETWORK_PEERS: u32 = 1;
const NETWORK_PORTS: u32 = 2;
const DIRECTION_OUT: u8 = 1;
const DIRECTION_BIND: u8 = 2;
/// Bits before the address.
const HEAD_BITS: u32 = 12 * 8;

/// The maps, and what was written into them.
pub(crate) struct Confinement {
    controls: Controls,
    written: Table<u64, Vec<(u32, Peer)>>,
    held: Held,
    /// Whether programs at security hooks work: what is deadly is refused by them where they can.
    refuses: bool,
}

impl fmt::Debug for Confinement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Confinement").field("groups", &self.written.len()).finish_non_exhaustive()
    }
}

impl Confinement {
    /// Finds what a predecessor left.
    pub(crate) fn new(controls: Controls, refuses: bool) -> Self {
        let mut written = Table::<u64, Vec<(u32, Peer)>>::new();
        for key in controls.peers.keys().flatten() {
            let peer = key.data();
            let group = peer.first_chunk().map_or(0, |group| u64::from_ne_bytes(*group));
            written.entry(group).or_default().push((key.prefix_len(), peer));
        }
        Self { held: Held::of(&controls), controls, written, refuses }
    }

    /// From its return on, the group's processes reach nothing else. New rules are in force before old ones go.
    pub(crate) fn network(&mut self, group: u64, policy: &NetworkPolicy) -> Result<(), ConfineError> {
        let mut rules = Vec::new();
        for rule in policy.peers.iter().flatten() {
            add_peer(&mut rules, group, rule)?;
        }
        for rule in policy.ports.iter().flatten() {
            // Any address.
            rules.push((HEAD_BITS, peer(group, DIRECTION_BIND, rule.protocol, Some(rule.port), [0; 16])));
        }
        let full = |why: MapError| ConfineError::Full { group, why: chain(&why) };
        for (prefix, data) in &rules {
            self.controls.peers.insert(&Key::new(*prefix, *data), 1, 0).map_err(full)?;
        }
        let mut bits = 0;
        if policy.peers.is_some() {
            bits |= NETWORK_PEERS;
        }
        if policy.ports.is_some() {
            bits |= NETWORK_PORTS;
        }
        self.change(group, |entry| entry.network = bits)?;
        let before = self.written.insert(group, rules.clone()).unwrap_or_default();
        self.take_away(before.iter().filter(|rule| !rules.contains(rule)));
        Ok(())
    }

    /// What ends a process of the group from now on; nothing else does.
    pub(crate) fn deadly(&mut self, group: u64, acts: &[Deadly]) -> Result<(), ConfineError> {
        let kill =
            acts.iter().flat_map(|act| act.kinds()).fold(0, |bits, kind| bits | 1u64 << (*kind as u16));
        let origins =
            acts.iter().filter_map(|act| act.origin()).fold(0, |bits, origin| bits | 1u32 << origin);
        let refuse = if self.refuses { kill } else { 0 };
        self.change(group, |entry| {
            (entry.kill, entry.kill_origins, entry.refuse) = (kill, origins, refuse);
        })
    }

    /// What the group may do with files and users from now on; it replaces what held before.
    pub(crate) fn hold(&mut self, group: u64, policy: &HeldPolicy) -> Result<(), ConfineError> {
        let before = self.controls.policies.get(&group, 0).unwrap_or_default().version;
        let version = before.wrapping_add(1);
        let mut written = self.held.write(&mut self.controls, group, version, policy);
        if let Ok(held) = written {
            written =
                self.change(group, |entry| (entry.held, entry.version) = (held, version)).map(|()| held);
        }
        let holds = if written.is_ok() { version } else { before };
        self.held.settle(&mut self.controls, group, Some(holds));
        written.map(|_| ())
    }

    /// Marks names as secret, for all groups.
    pub(crate) fn name_secrets(&mut self, places: &[SecretPlace<'_>]) -> Result<(), ConfineError> {
        held::name_secrets(&mut self.controls, places)
    }

    /// Marks a file by its identity. On the kernel's inside a device's number has another form.
    pub(crate) fn sensitive(&mut self, file: &FileState) -> Result<(), ConfineError> {
        let (major, minor) = file.device;
        let device = u64::from(major) << 20 | u64::from(minor);
        let full = |why: MapError| ConfineError::Full { group: 0, why: chain(&why) };
        self.controls.sensitive.insert([file.inode, device], 1, 0).map_err(full)
    }

    /// Everything that the group does is told from now on.
    pub(crate) fn watch(&mut self, group: u64) -> Result<(), ConfineError> {
        let full = |why: MapError| ConfineError::Full { group, why: chain(&why) };
        self.controls.watched.insert(group, 1, 0).map_err(full)
    }

    /// The group may do anything again: it is gone.
    pub(crate) fn release(&mut self, group: u64) {
        if group != ANY_GROUP {
            let _ = self.controls.watched.remove(&group);
        }
        let _ = self.controls.policies.remove(&group);
        self.held.settle(&mut self.controls, group, None);
        let rules = self.written.remove(&group).unwrap_or_default();
        self.take_away(rules.iter());
    }

    /// Groups that are held to something.
    pub(crate) fn groups(&self) -> Vec<u64> {
        self.controls.policies.keys().flatten().collect()
    }

    fn change(&mut self, group: u64, change: impl FnOnce(&mut Policy)) -> Result<(), ConfineError> {
        let mut entry = self.controls.policies.get(&group, 0).unwrap_or_default();
        change(&mut entry);
        let full = |why: MapError| ConfineError::Full { group, why: chain(&why) };
        self.controls.policies.insert(group, entry, 0).map_err(full)
    }

    fn take_away<'a>(&mut self, rules: impl Iterator<Item = &'a (u32, Peer)>) {
        for (prefix, data) in rules {
            let _ = self.controls.peers.remove(&Key::new(*prefix, *data));
        }
    }
}

fn add_peer(rules: &mut Vec<(u32, Peer)>, group: u64, rule: &PeerRule) -> Result<(), ConfineError> {
    let (bits, before) = match rule.network {
        IpAddr::V4(_) => (32, 96),
        IpAddr::V6(_) => (128, 0),
    };
    if rule.prefix > bits {
        return Err(ConfineError::Prefix { network: rule.network, prefix: rule.prefix });
    }
    let address = match rule.network {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    };
    let prefix = HEAD_BITS + before + u32::from(rule.prefix);
    for protocol in Protocol::ALL {
        if rule.protocol.is_none_or(|only| only == protocol) {
            rules.push((prefix, peer(group, DIRECTION_OUT, protocol, rule.port, address)));
        }
    }
    Ok(())
}

fn peer(group: u64, direction: u8, protocol: Protocol, port: Option<u16>, address: [u8; 16]) -> Peer {
    let mut peer = [0; 28];
    peer[..8].copy_from_slice(&group.to_ne_bytes());
    peer[8] = direction;
    peer[9] = protocol.number();
    peer[10..12].copy_from_slice(&port.unwrap_or(0).to_be_bytes());
    peer[12..].copy_from_slice(&address);
    peer
}

#[expect(unsafe_code, reason = "the type is read and written by the kernel as bytes")]
// SAFETY: `Policy` is `repr(C)`, has no padding (8 + 4 + 4 + 8 + 4 + 4 bytes), and any bytes are one.
unsafe impl Pod for Policy {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_without_protocol_is_one_for_each() {
        let mut rules = Vec::new();
        let rule =
            PeerRule { protocol: None, network: "10.1.2.3".parse().unwrap(), prefix: 16, port: Some(443) };
        add_peer(&mut rules, 5, &rule).unwrap();
        let bytes: [u8; 16] = [5, 0, 0, 0, 0, 0, 0, 0, 1, 6, 1, 187, 0, 0, 0, 0];
        assert_eq!(rules.len(), 2);
        assert_eq!((rules[0].0, &rules[0].1[..16]), (96 + 96 + 16, &bytes[..]));
        assert_eq!(rules[0].1[22..], [0xff, 0xff, 10, 1, 2, 3]);
        assert_eq!(rules[1].1[9], 17);
    }

    #[test]
    fn too_long_a_prefix_is_a_mistake() {
        let rule = PeerRule { protocol: None, network: "10.1.2.3".parse().unwrap(), prefix: 33, port: None };
        assert!(matches!(add_peer(&mut Vec::new(), 5, &rule), Err(ConfineError::Prefix { .. })));
    }

    #[test]
    fn numbers_of_origins_are_those_of_the_kernel_program() {
        let header = include_str!("../bpf/path.h");
        for (name, act) in [
            ("UPPER", Deadly::ExecuteUpper),
            ("MOUNTED", Deadly::ExecuteMounted),
            ("DELETED", Deadly::ExecuteDeleted),
            ("MEMORY", Deadly::ExecuteMemory),
        ] {
            let line = format!("ORIGIN_{name} = {},", act.origin().unwrap());
            assert!(header.contains(&line), "{line}");
        }
    }
}
