use std::collections::BTreeSet;
use std::fmt::Write as _;

use lazaret_model::Transport;

use super::{Export, ExportError, short};
use crate::profile::{Listen, Peer, Profile};
use crate::text::peer;

/// A Kubernetes `NetworkPolicy` (networking.k8s.io/v1) for the pods that have a label, `KEY=VALUE`.
pub fn network_policy(profile: &Profile, label: &str) -> Result<Export, ExportError> {
    let is_label = |text: &str, more: &[u8]| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) || more.contains(&byte);
        (1..=253).contains(&text.len()) && text.bytes().all(plain)
    };
    let (key, value) = label
        .split_once('=')
        .filter(|(key, value)| is_label(key, b"/") && is_label(value, b"") && value.len() <= 63)
        .ok_or_else(|| ExportError::Label(label.chars().take(80).collect()))?;
    let mut lost = Vec::new();
    let mut text = format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: lazaret-{}\nspec:\n  podSelector:\n    \
         matchLabels:\n      \"{key}\": \"{value}\"\n  policyTypes: [Ingress, Egress]\n",
        short(profile)
    );
    ingress(&mut text, profile, &mut lost);
    egress(&mut text, profile, &mut lost);
    Ok(Export { text, lost })
}

fn ingress(text: &mut String, profile: &Profile, lost: &mut Vec<String>) {
    let settled = profile.network.listen.iter().filter(|listen| listen.seen.pending.is_none());
    let ports: BTreeSet<(Transport, Option<u16>)> =
        settled.map(|Listen { transport, port, .. }| (*transport, *port)).collect();
    let ports: Vec<String> = ports.into_iter().filter_map(|port| written(port, lost)).collect();
    match ports.is_empty() {
        // Without a rule nothing comes in; a rule without ports would let everything in.
        true => text.push_str("  ingress: []\n"),
        false => push(text, &format!("  ingress:\n    - ports: [{}]\n", ports.join(", "))),
    }
}

fn egress(text: &mut String, profile: &Profile, lost: &mut Vec<String>) {
    let mut rules = BTreeSet::new();
    if !profile.network.lookup.is_empty() {
        rules.insert("    - ports: [{protocol: UDP, port: 53}, {protocol: TCP, port: 53}]\n".to_owned());
    }
    for connect in profile.network.connect.iter().filter(|connect| connect.seen.pending.is_none()) {
        let Some(port) = written((connect.transport, connect.port), lost) else { continue };
        match &connect.to {
            Peer::Network(address, bits) => {
                rules.insert(format!(
                    "    - to: [{{ipBlock: {{cidr: \"{address}/{bits}\"}}}}]\n      ports: [{port}]\n"
                ));
            }
            // The port is open to everybody: closing it would break what works.
            Peer::Name(_) => {
                let name = peer(&connect.to);
                let sentence =
                    format!("{name} cannot be named in a NetworkPolicy: its port is open to every address");
                if !lost.contains(&sentence) {
                    lost.push(sentence);
                }
                rules.insert(format!("    - ports: [{port}]\n"));
            }
        }
    }
    match rules.is_empty() {
        true => text.push_str("  egress: []\n"),
        false => push(text, &format!("  egress:\n{}", rules.into_iter().collect::<String>())),
    }
}

fn push(text: &mut String, lines: &str) {
    // Writing to a String cannot fail.
    let _ = write!(text, "{lines}");
}

fn written((transport, port): (Transport, Option<u16>), lost: &mut Vec<String>) -> Option<String> {
    let protocol = match transport {
        Transport::Tcp => "TCP",
        Transport::Udp => "UDP",
        Transport::Sctp => "SCTP",
        Transport::Icmp => {
            let sentence = "a NetworkPolicy says nothing of ICMP".to_owned();
            if !lost.contains(&sentence) {
                lost.push(sentence);
            }
            return None;
        }
    };
    Some(match port {
        Some(0) | None => format!("{{protocol: {protocol}}}"),
        Some(port) => format!("{{protocol: {protocol}, port: {port}}}"),
    })
}
