//! Names and addresses as steps of a tree, and back.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lazaret_model::path_text;

use super::trie::{Folding, Step};
use crate::profile::Peer;

/// Addresses of one network that become the network when there are more.
pub(super) const NETWORKS: Folding = Folding { width: 8, alike: None };

/// Bits of an address that are one step together.
const STEPS_OF_V4: [u8; 3] = [16, 24, 32];
const STEPS_OF_V6: [u8; 3] = [48, 64, 128];

/// `v4` or `v6`, and then a network in the next.
pub(super) fn address_steps(address: IpAddr) -> Vec<Step> {
    let address = address.to_canonical();
    let (family, bits) = match address {
        IpAddr::V4(_) => ("v4", STEPS_OF_V4),
        IpAddr::V6(_) => ("v6", STEPS_OF_V6),
    };
    let networks = bits.map(|bits| Step::Literal(masked(address, bits).to_string()));
    [Step::Literal(family.to_owned())].into_iter().chain(networks).collect()
}

/// The network that a way through the tree means.
pub(super) fn network(way: &[&Step]) -> Option<Peer> {
    let literal = |step: &&Step| match step {
        Step::Literal(text) => Some(text.clone()),
        Step::Shape(_) | Step::Any | Step::Tail => None,
    };
    let is_v4 = literal(way.first()?)? == "v4";
    let known: Vec<IpAddr> =
        way.iter().skip(1).map_while(literal).filter_map(|text| text.parse().ok()).collect();
    let all: IpAddr = if is_v4 { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let bits = if is_v4 { STEPS_OF_V4 } else { STEPS_OF_V6 };
    Some(match known.len().checked_sub(1) {
        Some(last) => Peer::Network(known[last], bits[last.min(2)]),
        None => Peer::Network(all, 0),
    })
}

/// An address with only its first bits.
pub(crate) fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits.into())).unwrap_or(0);
            Ipv4Addr::from(u32::from(address) & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(bits.into())).unwrap_or(0);
            Ipv6Addr::from(u128::from(address) & mask).into()
        }
    }
}

/// The labels of a name, last first.
pub(super) fn name_steps(name: &str) -> Vec<Step> {
    name.rsplit('.').take(16).map(|label| Step::Literal(path_text(label.as_bytes()).into_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_back_as_far_as_they_are_known() {
        for (address, expected) in [
            ("198.51.100.2", "198.51.100.2"),
            ("2001:db8::1", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
        ] {
            let steps = address_steps(address.parse().unwrap());
            let way: Vec<_> = steps.iter().collect();
            let bits = if expected.contains(':') { 128 } else { 32 };
            assert_eq!(network(&way), Some(Peer::Network(expected.parse().unwrap(), bits)));
        }
        let steps = address_steps("198.51.100.2".parse().unwrap());
        let folded = [&steps[0], &steps[1], &Step::Any, &Step::Any];
        assert_eq!(network(&folded), Some(Peer::Network("198.51.0.0".parse().unwrap(), 16)));
        assert_eq!(masked("10.1.2.3".parse().unwrap(), 0), "0.0.0.0".parse::<IpAddr>().unwrap());
    }
}
