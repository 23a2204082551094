use std::net::{Ipv4Addr, TcpListener};

use crate::{Context, Failure, Result, Run};

/// An IPv4 network of an engine: a bridge of our own and a pool for the networks that users of the engine create.
#[derive(Debug, Clone)]
pub struct Network {
    pub bridge: String,
    /// First address of a free /22: the bridge gets the first /24, the pool the rest.
    base: u32,
}

const BLOCK_BITS: u32 = 22;

impl Network {
    /// Makes a bridge on a part of the private address space that no route of this host covers.
    pub fn create(bridge: &str) -> Result<Self> {
        let taken = routes()?;
        let blocks =
            (0..u32::from(u16::MAX)).map(|number| u32::from(Ipv4Addr::new(10, 213, 0, 0)) + (number << 10));
        let base = blocks
            .take_while(|base| *base < u32::from(Ipv4Addr::new(10, 255, 0, 0)))
            .find(|base| !taken.iter().any(|route| route.overlaps(&Route { base: *base, bits: BLOCK_BITS })))
            .ok_or_else(|| Failure::new("no free network between 10.213.0.0 and 10.254.255.255"))?;
        let network = Self { bridge: bridge.to_owned(), base };
        ip(&["link", "add", bridge, "type", "bridge"])?;
        ip(&["addr", "add", &network.gateway(), "dev", bridge])?;
        ip(&["link", "set", bridge, "up"])?;
        Ok(network)
    }

    fn gateway(&self) -> String {
        format!("{}/24", Ipv4Addr::from(self.base + 1))
    }

    /// `base` and `size` of docker's `default-address-pools`.
    pub fn pool(&self) -> (String, u8) {
        (format!("{}/23", Ipv4Addr::from(self.base + 512)), 26)
    }

    /// As it is written into the state folder, for the removal by a later run.
    pub fn block(&self) -> String {
        format!("{}/{BLOCK_BITS}", Ipv4Addr::from(self.base))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    base: u32,
    bits: u32,
}

impl Route {
    /// `10.0.0.0/8`, or one address.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').unwrap_or((text, "32"));
        let base = u32::from(address.parse::<Ipv4Addr>().ok()?);
        let bits = bits.parse().ok().filter(|bits| *bits <= 32)?;
        Some(Self { base, bits })
    }

    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let bits = self.bits.min(other.bits);
        let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
        self.base & mask == other.base & mask
    }
}

/// What this host reaches elsewhere than by its default route.
fn routes() -> Result<Vec<Route>> {
    let text = Run::new("ip").args(["-4", "route", "show", "table", "all"]).ok()?.stdout;
    let addresses = Run::new("ip").args(["-4", "-oneline", "addr", "show"]).ok()?.stdout;
    let words = text.lines().chain(addresses.lines()).flat_map(str::split_whitespace);
    Ok(words.filter_map(Route::parse).filter(|route| route.bits > 0).collect())
}

/// Bridges (ours, and the ones that our engines made for networks of their users) with an address in `block`.
pub(crate) fn bridges_within(block: &str) -> Vec<String> {
    let Some(block) = Route::parse(block) else { return Vec::new() };
    let shown = Run::new("ip").args(["-4", "-oneline", "addr", "show", "type", "bridge"]).ok();
    let text = shown.map(|ended| ended.stdout).unwrap_or_default();
    let mut bridges = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace().skip(1);
        let (name, address) = (words.next(), words.nth(1).and_then(Route::parse));
        if let (Some(name), Some(address)) = (name, address)
            && address.overlaps(&block)
        {
            bridges.push(name.to_owned());
        }
    }
    bridges
}

pub(crate) fn remove_link(name: &str) {
    let _ = Run::new("ip").args(["link", "delete", name]).end();
}

pub(crate) fn ip(arguments: &[&str]) -> Result<()> {
    Run::new("ip").args(arguments).ok().map(drop)
}

/// A port of the loopback interface that is free now: the wanted one if possible.
pub fn free_port(wanted: u16) -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", wanted)).or_else(|_| TcpListener::bind(("127.0.0.1", 0)));
    let address =
        listener.and_then(|listener| listener.local_addr()).context(|| "no free port".to_owned())?;
    Ok(address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_is_symmetric_and_exact() {
        let route = |text: &str| Route::parse(text).unwrap();
        for (a, b, overlap) in [
            ("10.0.0.0/8", "10.213.4.0/22", true),
            ("10.213.4.0/22", "10.213.7.255", true),
            ("10.213.4.0/22", "10.213.8.0/22", false),
            ("0.0.0.0/0", "10.213.8.0/22", true),
            ("172.17.0.0/16", "10.213.8.0/22", false),
        ] {
            assert_eq!(route(a).overlaps(&route(b)), overlap, "{a} {b}");
            assert_eq!(route(b).overlaps(&route(a)), overlap, "{b} {a}");
        }
        assert_eq!(Route::parse("default"), None);
        assert_eq!(Route::parse("10.0.0.0/33"), None);
    }
}
