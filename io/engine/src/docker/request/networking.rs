//! `NetworkingConfig` and the settings of one endpoint in a network.

use lazaret_model::{HostNamespace, RunConfiguration};

use super::Undecided;
use super::{namespaces, shorten, wrong};
use crate::docker::fields::{Fields, map, text_map};
use crate::docker::json::Value;

/// Addresses and names inside the network.
const HARMLESS: &[&str] = &[
    "Aliases",
    "DNSNames",
    "EndpointID",
    "Gateway",
    "GlobalIPv6Address",
    "GlobalIPv6PrefixLen",
    "GwPriority",
    "IPAMConfig",
    "IPAddress",
    "IPPrefixLen",
    "IPv6Gateway",
    "Links",
    "MacAddress",
    "NetworkID",
];

pub(super) fn read(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    let fields = Fields::known(value, path, &["EndpointsConfig"], &[])?;
    for (network, settings) in map(fields.get("EndpointsConfig"), path)? {
        if network == "host" {
            run.host_namespaces.push(HostNamespace::Network);
        } else if !namespaces::is_network(network) {
            return Err(wrong(path, format!("names the unclear network `{}`", shorten(network))));
        }
        endpoint(settings, path, run)?;
    }
    run.host_namespaces.sort_unstable();
    run.host_namespaces.dedup();
    Ok(())
}

pub(super) fn endpoint(value: &Value<'_>, path: &str, run: &mut RunConfiguration) -> Result<(), Undecided> {
    let fields = Fields::known(value, path, &["DriverOpts"], HARMLESS)?;
    for (name, value) in text_map(fields.get("DriverOpts"), path)? {
        if name == "com.docker.network.endpoint.sysctls" {
            run.sysctls.extend(value.split(',').map(str::to_owned));
        } else {
            run.escapes.push(format!("network option {name}"));
        }
    }
    Ok(())
}
