use std::net::IpAddr;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    Tcp,
    Udp,
    Sctp,
    Icmp,
}

impl Transport {
    pub const ALL: &[Self] = &[Self::Tcp, Self::Udp, Self::Sctp, Self::Icmp];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
            Self::Icmp => "icmp",
        }
    }
}

/// A peer was connected to, or sent to without a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    pub transport: Transport,
    pub address: IpAddr,
    pub port: u16,
    /// The name that was looked up in this container and gave the address, in lower case without final dot.
    pub name: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listening {
    pub transport: Transport,
    pub address: IpAddr,
    /// 0: the kernel chooses.
    pub port: u16,
}

/// A DNS question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// In lower case without final dot.
    pub name: String,
    /// RFC 1035 `QTYPE`: 1 for A, 28 for AAAA.
    pub kind: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawSocket {
    /// `AF_…`: 17 for packets, 2 and 10 for IP.
    pub family: u16,
    /// As given to socket(2), without flags.
    pub protocol: u16,
}
