//! Peers, ports and names.

use lazaret_model::{Connection, Dimension, Listening, Lookup};

use super::{Category, Compiled, Deviation, Words, listed};
use crate::learn::masked;
use crate::pattern::Kind;
use crate::profile::{ANY, Peer};
use crate::text::peer;

/// Labels up to this length are never suspicious by it.
const PLAIN_LABEL: usize = 24;

impl Compiled {
    pub(super) fn connect(&self, connection: &Connection, by: &str, found: &mut Vec<Deviation>) {
        let Connection { transport, address, port, name } = connection;
        let fits = |to: &Peer| match to {
            Peer::Name(pattern) => name.as_deref().is_some_and(|name| pattern.matches(name, Kind::Name)),
            Peer::Network(network, bits) => {
                let address = address.to_canonical();
                address.is_ipv4() == network.is_ipv4() && masked(address, *bits) == masked(*network, *bits)
            }
        };
        let known = [Some(*port), None]
            .into_iter()
            .filter_map(|port| self.connect.get(&(*transport, port)))
            .flatten();
        let mut of_executable = known.filter(|rule| rule.by == by || rule.by == ANY);
        if of_executable.any(|rule| fits(&rule.to)) {
            return;
        }
        self.deviates(Dimension::Network, Category::Connect, found, || Words {
            what: match name {
                Some(name) => {
                    format!("{by} connected to {name} ({address}) port {port}/{}", transport.name())
                }
                None => format!("{by} connected to {address} port {port}/{}", transport.name()),
            },
            expected: {
                let mut peers: Vec<_> = self
                    .connect
                    .values()
                    .flatten()
                    .filter(|rule| rule.by == by || rule.by == ANY)
                    .map(|rule| {
                        let port = rule.port.map_or_else(|| "any".to_owned(), |port| port.to_string());
                        format!("{} port {port}/{}", peer(&rule.to), rule.transport.name())
                    })
                    .collect();
                peers.sort_unstable();
                listed(peers, &format!("{by} connects to nobody"))
            },
            remedy: "if it needs this peer, learn it or add it to `network.connect` of the profile"
                .to_owned(),
        });
    }

    pub(super) fn listen(&self, listening: &Listening, by: &str, found: &mut Vec<Deviation>) {
        let ports = [Some(listening.port), None];
        let mut known =
            ports.into_iter().filter_map(|port| self.listen.get(&(listening.transport, port))).flatten();
        if known.any(|rule| rule.by == by || rule.by == ANY) {
            return;
        }
        self.deviates(Dimension::Network, Category::Listen, found, || Words {
            what: format!("{by} listens on port {}/{}", listening.port, listening.transport.name()),
            expected: {
                let mut ports: Vec<_> = self
                    .listen
                    .keys()
                    .map(|(transport, port)| {
                        let port = port.map_or_else(|| "any".to_owned(), |port| port.to_string());
                        format!("port {port}/{}", transport.name())
                    })
                    .collect();
                ports.sort_unstable();
                listed(ports, "no port is served")
            },
            remedy: "if it serves this port, EXPOSE it in the image or add it to `network.listen`".to_owned(),
        });
    }

    pub(super) fn lookup(&self, lookup: &Lookup, found: &mut Vec<Deviation>) {
        let longest = lookup.name.split('.').map(str::len).max().unwrap_or(0);
        let usual = usize::try_from(self.longest_label).unwrap_or(usize::MAX).max(PLAIN_LABEL);
        let is_known = self.lookup.iter().any(|rule| rule.name.matches(&lookup.name, Kind::Name));
        if is_known && longest <= usual {
            return;
        }
        self.deviates(Dimension::Network, Category::Dns, found, || Words {
            what: match longest > usual {
                true => {
                    format!("a name with a part of {longest} letters was asked for, as data that leave do")
                }
                false => format!("{} was asked for", super::shown(std::slice::from_ref(&lookup.name))),
            },
            expected: listed(self.lookup.iter().map(|rule| &rule.name), "no name is asked for"),
            remedy: "if it needs this name, learn it or add it to `network.lookup` of the profile".to_owned(),
        });
    }

    pub(super) fn raw_socket(&self, by: &str, found: &mut Vec<Deviation>) {
        if !self.raw.contains(by) {
            self.deviates(Dimension::Network, Category::RawSocket, found, || Words {
                what: format!("{by} opened a socket for raw packets"),
                expected: listed(&self.raw, "nobody does"),
                remedy: "run without NET_RAW, or add it to `network.raw` of the profile".to_owned(),
            });
        }
    }
}
