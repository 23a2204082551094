//! What of a profile the kernel itself holds a container to: peers and ports, what is refused or ends a process, who
//! starts which program, secrets, and where the kernel takes programs at its security hooks, files and users.

mod domain;
mod rules;
mod starts;

use lazaret_model::{Dimension, FileOperation, KernelOperation, Transport};
use lazaret_profile::{Action, Mode, Peer, Permission, Profile};
use lazaret_sensor::{
    ConfineError, Deadly, Domain, HeldPolicy, NetworkPolicy, PathRule, PeerRule, PortRule, Protocol, Sensor,
};

use crate::start::withheld::{Reach, Withheld};
pub(super) use starts::Starts;

/// What is put into the kernel for a container's control group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Hold {
    /// `None`: any.
    pub(super) network: Option<NetworkPolicy>,
    pub(super) deadly: Vec<Deadly>,
    /// Only where programs at security hooks work.
    pub(super) held: HeldPolicy,
    /// Who opens which secret, where it is permission events that refuse the rest. `None`: not held.
    pub(super) secrets: Option<Vec<PathRule>>,
    /// Who starts which program, where the kernel asks before it does. `None`: not held.
    pub(super) starts: Option<Starts>,
    /// Where files may be changed, for a container that holds itself to it (Landlock). `None`: not held so.
    pub(super) domain: Option<Domain>,
    /// What its system call filter keeps from a container, where nothing in the kernel refuses it.
    pub(super) withheld: Withheld,
    /// What the profile wants blocked and the kernel cannot be told, one sentence each: it is alerted on.
    pub(super) beyond: Vec<String>,
}

/// What refuses here beside what every kernel has that the sensor runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Means {
    /// Programs at the kernel's security hooks.
    pub(super) security: bool,
    /// Permission events.
    pub(super) permission: bool,
    /// A process that gives rights up.
    pub(super) landlock: bool,
    /// System call filters.
    pub(super) filter: bool,
}

impl Means {
    pub(super) fn of(sensor: &Sensor) -> Self {
        Self {
            security: sensor.security().is_ok(),
            permission: sensor.enforcement().is_ok(),
            landlock: lazaret_sensor::landlock().is_ok(),
            filter: lazaret_sensor::filter().is_ok(),
        }
    }
}

impl Hold {
    pub(super) fn of(profile: &Profile, means: Means) -> Self {
        let mut hold = Self::default();
        if blocks(profile, Dimension::Network) {
            hold.network = Some(hold.network(profile));
            if profile.network.raw.iter().all(|raw| raw.seen.pending.is_some()) {
                hold.deadly.push(Deadly::RawSocket);
            }
        }
        if blocks(profile, Dimension::Executables) && profile.executables.memory == Permission::Deny {
            hold.deadly.extend([Deadly::ExecuteMemory, Deadly::ExecuteDeleted]);
        }
        if blocks(profile, Dimension::Libraries) {
            hold.libraries(profile, means.security);
        }
        if blocks(profile, Dimension::SystemCalls) {
            hold.system_calls(profile);
        }
        if blocks(profile, Dimension::Volumes) {
            hold.mounts(profile);
        }
        rules::put(profile, means, &mut hold);
        if hold.secrets.is_some() {
            // They would give a secret, or a program that opens it, another name; without the marks of the first.
            for deadly in [Deadly::Mount, Deadly::NewNamespace] {
                if !hold.deadly.contains(&deadly) {
                    hold.deadly.push(deadly);
                }
            }
        }
        if means.filter && !means.security {
            hold.withheld = Withheld::of(&hold.deadly);
            if blocks(profile, Dimension::Files) && !changes_attributes(profile) {
                hold.withheld = hold.withheld.and_attributes();
            }
        }
        hold
    }

    /// Of what goes by the control group.
    pub(super) fn is_nothing(&self) -> bool {
        self.network.is_none()
            && self.deadly.is_empty()
            && self.held.is_nothing()
            && self.secrets.is_none()
            && self.domain.is_none()
            && self.withheld.is_nothing()
    }

    /// In force when it returns, but for [`secrets`](Self::secrets), [`starts`](Self::starts), [`domain`](Self::domain) and
    /// [`withheld`](Self::withheld); what held before and is not in it holds no longer.
    pub(super) fn put(&self, sensor: &Sensor, group: u64) -> Result<(), ConfineError> {
        if self.is_nothing() && !sensor.confined_groups().contains(&group) {
            return Ok(());
        }
        sensor.confine_network(group, self.network.as_ref().unwrap_or(&NetworkPolicy::default()))?;
        sensor.make_deadly(group, &self.deadly)?;
        match sensor.security() {
            Ok(()) => sensor.hold(group, &self.held),
            Err(_) => {
                sensor.tell_refused(group, self.domain.is_some())?;
                sensor.tell_attributes(group, self.withheld.contains(Reach::Attributes))?;
                sensor.spare_refused(group, !self.withheld.is_nothing())
            }
        }
    }

    fn network(&mut self, profile: &Profile) -> NetworkPolicy {
        let mut peers = Some(Vec::new());
        for rule in profile.network.connect.iter().filter(|rule| rule.seen.pending.is_none()) {
            let Some(protocol) = protocol(rule.transport) else { continue };
            match (&rule.to, &mut peers) {
                (Peer::Network(network, prefix), Some(peers)) => peers.push(PeerRule {
                    protocol: Some(protocol),
                    network: *network,
                    prefix: *prefix,
                    port: rule.port,
                }),
                // Which addresses a name has is not known before it is asked for.
                (Peer::Name(_), _) => peers = None,
                (Peer::Network(..), None) => {}
            }
        }
        if peers.is_none() {
            self.beyond.push(
                "the profile allows peers by name, and the kernel knows addresses only: peers are alerted on"
                    .to_owned(),
            );
        }
        let mut ports = Some(Vec::new());
        for rule in profile.network.listen.iter().filter(|rule| rule.seen.pending.is_none()) {
            let Some(protocol) = protocol(rule.transport) else { continue };
            match (rule.port, &mut ports) {
                (Some(port), Some(ports)) => ports.push(PortRule { protocol, port }),
                (None, _) => ports = None,
                (Some(_), None) => {}
            }
        }
        NetworkPolicy { peers, ports }
    }

    fn system_calls(&mut self, profile: &Profile) {
        let allows = |operation| profile.kernel.contains(&operation);
        for (operations, deadly) in [
            (&[KernelOperation::Trace][..], Deadly::Trace),
            (&[KernelOperation::EnterNamespace], Deadly::EnterNamespace),
            // The kernel's programs do not tell kinds of namespaces apart.
            (&[KernelOperation::UserNamespace, KernelOperation::Namespace], Deadly::NewNamespace),
            (&[KernelOperation::LoadModule], Deadly::Module),
            (&[KernelOperation::Bpf], Deadly::Bpf),
            (&[KernelOperation::IoUring], Deadly::IoUring),
            (&[KernelOperation::ChangeRoot], Deadly::ChangeRoot),
        ] {
            if !operations.iter().any(|operation| allows(*operation)) {
                self.deadly.push(deadly);
            }
        }
    }

    /// `security`: the error reaches the caller, and nothing dies.
    fn libraries(&mut self, profile: &Profile, security: bool) {
        // A file that was merely touched looks as a changed one does: that is for containers that may not touch files.
        let is_strict = blocks(profile, Dimension::Files);
        if !(security || is_strict) || profile.libraries.outside_image != Permission::Deny {
            return;
        }
        if profile.libraries.added.iter().any(|library| library.seen.pending.is_none()) {
            self.beyond.push(
                "the profile allows some libraries beyond the image, and the kernel cannot tell them apart: libraries \
                 are alerted on"
                    .to_owned(),
            );
            return;
        }
        // No image can have brought it.
        self.deadly.extend([Deadly::LoadMemory, Deadly::LoadDeleted]);
        if is_strict {
            self.deadly.extend([Deadly::LoadUpper, Deadly::LoadMounted]);
        }
    }

    fn mounts(&mut self, profile: &Profile) {
        if profile.volumes.iter().any(|volume| volume.seen.pending.is_none()) {
            self.beyond.push(
                "the profile allows some file systems to be mounted, and the kernel cannot tell them apart: mounts \
                 are alerted on"
                    .to_owned(),
            );
        } else {
            self.deadly.push(Deadly::Mount);
        }
    }
}

/// Where more was seen than a profile holds, blocking would hit the innocent.
fn blocks(profile: &Profile, dimension: Dimension) -> bool {
    profile.modes.of(dimension) == Mode::Block
        && profile.modes.action(dimension) != Action::Alert
        && !profile.wide.contains(&dimension)
}

/// Whether the profile names a file whose mode, owner, times or attributes something changes.
fn changes_attributes(profile: &Profile) -> bool {
    let mut rules = profile.files.iter().chain(&profile.secrets).filter(|rule| rule.seen.pending.is_none());
    let attributes = [FileOperation::Attributes, FileOperation::SetUserId];
    rules.any(|rule| rule.operations.iter().any(|operation| attributes.contains(operation)))
}

const fn protocol(transport: Transport) -> Option<Protocol> {
    match transport {
        Transport::Tcp => Some(Protocol::Tcp),
        Transport::Udp => Some(Protocol::Udp),
        Transport::Sctp | Transport::Icmp => None,
    }
}

#[cfg(test)]
mod tests {
    use lazaret_profile::{Connect, Listen, Pattern, Seen};

    use super::*;
    use crate::behaviour::testing::profile;

    fn connect(to: Peer, port: u16) -> Connect {
        Connect {
            transport: Transport::Tcp,
            to,
            port: Some(port),
            by: "/a".to_owned(),
            seen: Seen::default(),
        }
    }

    fn listen(port: Option<u16>) -> Listen {
        Listen { transport: Transport::Tcp, port, by: "/a".to_owned(), seen: Seen::default() }
    }

    #[test]
    fn only_dimensions_that_block_are_held() {
        let mut profile = profile();
        assert_eq!(Hold::of(&profile, Means::default()).network, None);
        assert_eq!(
            Hold::of(&profile, Means::default()).deadly,
            [Deadly::ExecuteMemory, Deadly::ExecuteDeleted]
        );
        profile.modes.set(Dimension::Network, Mode::Block);
        profile.network.connect = vec![connect(Peer::Network([10, 0, 0, 0].into(), 8), 443)];
        profile.network.listen = vec![listen(Some(80))];
        let network = Hold::of(&profile, Means::default()).network.unwrap();
        assert_eq!(network.peers.unwrap().len(), 1);
        assert_eq!(network.ports.unwrap(), [PortRule { protocol: Protocol::Tcp, port: 80 }]);

        profile.wide.push(Dimension::Network);
        assert_eq!(Hold::of(&profile, Means::default()).network, None);
        profile.wide.clear();
        profile.modes.set_action(Dimension::Network, Action::Alert);
        assert_eq!(Hold::of(&profile, Means::default()).network, None);
    }

    #[test]
    fn libraries_are_refused_where_the_error_reaches_the_caller() {
        let deadly = |security| {
            Hold::of(&profile(), Means { security, permission: true, landlock: true, filter: true }).deadly
        };
        assert!(!deadly(false).contains(&Deadly::LoadMemory));
        assert!(deadly(true).contains(&Deadly::LoadMemory) && !deadly(true).contains(&Deadly::LoadUpper));
    }

    #[test]
    fn code_from_elsewhere_is_deadly_where_files_may_not_be_touched() {
        let mut profile = profile();
        profile.modes.set(Dimension::Libraries, Mode::Block);
        assert!(!Hold::of(&profile, Means::default()).deadly.contains(&Deadly::LoadUpper));
        profile.modes.set(Dimension::Files, Mode::Block);
        assert!(Hold::of(&profile, Means::default()).deadly.contains(&Deadly::LoadUpper));
        profile.libraries.outside_image = Permission::Allow;
        assert!(!Hold::of(&profile, Means::default()).deadly.contains(&Deadly::LoadUpper));
    }

    #[test]
    fn what_the_kernel_cannot_be_told_is_open_and_said() {
        let mut profile = profile();
        profile.modes.set(Dimension::Network, Mode::Block);
        profile.network.connect = vec![
            connect(Peer::Network([10, 0, 0, 0].into(), 8), 443),
            connect(Peer::Name(Pattern::literal("db.internal")), 5432),
        ];
        profile.network.listen = vec![listen(None), listen(Some(80))];
        let hold = Hold::of(&profile, Means::default());
        assert_eq!(hold.network, Some(NetworkPolicy { peers: None, ports: None }));
        assert_eq!(hold.beyond.len(), 1);
    }

    #[test]
    fn operations_that_the_profile_names_are_not_deadly() {
        let mut profile = profile();
        profile.modes.set(Dimension::SystemCalls, Mode::Block);
        profile.modes.set(Dimension::Volumes, Mode::Block);
        profile.kernel = vec![KernelOperation::IoUring, KernelOperation::Namespace];
        let hold = Hold::of(&profile, Means::default());
        for (deadly, expected) in [
            (Deadly::Trace, true),
            (Deadly::IoUring, false),
            (Deadly::NewNamespace, false),
            (Deadly::Mount, true),
        ] {
            assert_eq!(hold.deadly.contains(&deadly), expected, "{deadly:?}");
        }
        assert!(hold.withheld.is_nothing(), "no filter works");
        let filters = Means { filter: true, ..Means::default() };
        let withheld: Vec<_> = Hold::of(&profile, filters).withheld.iter().collect();
        assert!(withheld.contains(&Reach::Trace) && withheld.contains(&Reach::Mount));
        assert!(!withheld.contains(&Reach::IoUring) && !withheld.contains(&Reach::NewNamespace));
        assert!(!withheld.contains(&Reach::Attributes), "files are not held");
        profile.modes.set(Dimension::Files, Mode::Block);
        let keeps = |profile: &Profile| Hold::of(profile, filters).withheld.contains(Reach::Attributes);
        assert!(keeps(&profile));
        let mut changing = profile.clone();
        changing.files = vec![lazaret_profile::FileRule {
            path: Pattern::literal("/srv/x"),
            by: "/app/serve".to_owned(),
            operations: vec![FileOperation::Attributes],
            seen: Seen::default(),
        }];
        assert!(!keeps(&changing), "something does it");
        let hooks = Means { security: true, ..filters };
        assert!(Hold::of(&profile, hooks).withheld.is_nothing(), "what is better refuses it");
    }
}
