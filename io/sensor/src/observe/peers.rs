//! Peers and ports, as `bpf/network.h` writes them: an IPv4 address in its IPv6 form.

use std::net::{IpAddr, Ipv6Addr};

use lazaret_model::{Connection, Listening, Transport};

use super::{low8, low16};
use crate::record::Record;

const SCTP: u8 = 132;

pub(super) fn connection(record: &Record) -> Option<Connection> {
    let transport = transport(record.values[2])?;
    let (address, port) = (address(record.values[0], record.values[1]), port(record.values[2]));
    Some(Connection { transport, address, port, name: None })
}

pub(super) fn bound(record: &Record) -> Option<Listening> {
    let transport = transport(record.values[2])?;
    let (address, port) = (address(record.values[0], record.values[1]), port(record.values[2]));
    Some(Listening { transport, address, port })
}

/// listen(2) itself: the address stands behind the result.
pub(super) fn listening(record: &Record) -> Option<Listening> {
    let transport = transport(record.values[3])?;
    let (address, port) = (address(record.values[1], record.values[2]), port(record.values[3]));
    Some(Listening { transport, address, port })
}

fn address(first: u64, second: u64) -> IpAddr {
    let mut octets = [0; 16];
    octets[..8].copy_from_slice(&first.to_ne_bytes());
    octets[8..].copy_from_slice(&second.to_ne_bytes());
    Ipv6Addr::from(octets).to_canonical()
}

/// In network order, in the lowest two bytes.
fn port(value: u64) -> u16 {
    u16::from_be(low16(value))
}

fn transport(value: u64) -> Option<Transport> {
    match low8(value >> 16) {
        6 => Some(Transport::Tcp),
        17 => Some(Transport::Udp),
        1 | 58 => Some(Transport::Icmp),
        SCTP => Some(Transport::Sctp),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Kind, tests::sample};

    #[test]
    fn a_mapped_address_is_the_ipv4_one() {
        let octets = std::net::Ipv4Addr::new(198, 51, 100, 2).to_ipv6_mapped().octets();
        let half = |range: std::ops::Range<usize>| u64::from_ne_bytes(octets[range].try_into().unwrap());
        let port = u64::from(9001u16.to_be());
        let values = [half(0..8), half(8..16), port | 6 << 16, 0, 0, 0, 0, 0];
        let told = connection(&Record { kind: Kind::Connect, values, ..sample() }).unwrap();
        assert_eq!(told.address, IpAddr::from([198, 51, 100, 2]));
        assert_eq!((told.port, told.transport), (9001, Transport::Tcp));
    }
}
