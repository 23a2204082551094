//! One finding for each vulnerability, whatever names documents give it.

use std::collections::{BTreeMap, BTreeSet};

use super::hit::Hit;
use crate::database::{Database, DatabaseError};

/// Hits that are about one vulnerability.
#[derive(Debug)]
pub(super) struct Group<'d> {
    pub(super) id: &'d str,
    /// Every other name of it, sorted. Never a CVE id, unless the group's own is none.
    pub(super) aliases: BTreeSet<&'d str>,
    /// In the order in which they were found, so that those of lower versions come first.
    pub(super) hits: Vec<Hit>,
}

fn is_cve(id: &str) -> bool {
    id.starts_with("CVE-")
}

/// Groups hits by their ids and aliases.
///
/// Two CVE ids are always two vulnerabilities: an advisory of a distribution covers several, and goes with each of
/// them. Documents under other ids are one if they share a name, directly or through others.
pub(super) fn group<'d>(database: &'d Database, hits: Vec<Hit>) -> Result<Vec<Group<'d>>, DatabaseError> {
    let mut cves: BTreeMap<&str, Group<'d>> = BTreeMap::new();
    let mut others: Vec<Group<'d>> = Vec::new();
    for hit in hits {
        let id = database.text(hit.note.id)?;
        let names = names(database, &hit)?;
        if is_cve(id) {
            let group = cves.entry(id).or_insert_with(|| Group::new(id));
            group.aliases.extend(names.into_iter().filter(|name| !is_cve(name)));
            group.hits.push(hit);
            continue;
        }
        let mut merged = Group { id, aliases: names, hits: vec![hit] };
        // What shares a name with the new one becomes one with it; CVE ids make no bridge.
        let bridges = |known: &Group<'_>, merged: &Group<'_>| {
            known.aliases.iter().any(|name| !is_cve(name) && merged.aliases.contains(name))
        };
        let mut at = 0;
        while at < others.len() {
            if bridges(&others[at], &merged) {
                let known = others.remove(at);
                merged.aliases.extend(known.aliases);
                merged.hits.splice(0..0, known.hits);
                at = 0;
            } else {
                at += 1;
            }
        }
        others.push(merged);
    }
    let mut kept: Vec<Group<'d>> = Vec::new();
    for other in others {
        let mut is_taken = false;
        for known in cves.values_mut() {
            let names_it = other.aliases.contains(known.id)
                || known.aliases.iter().any(|alias| other.aliases.contains(alias));
            if names_it {
                known.aliases.extend(other.aliases.iter().filter(|name| !is_cve(name)));
                known.hits.extend_from_slice(&other.hits);
                is_taken = true;
            }
        }
        if !is_taken {
            kept.push(other);
        }
    }
    for other in &mut kept {
        // The only CVE id that is named is the vulnerability's own.
        let mut named = other.aliases.iter().copied().filter(|name| is_cve(name));
        other.id = match (named.next(), named.next()) {
            (Some(only), None) => only,
            _ => other.aliases.iter().copied().find(|name| !is_cve(name)).unwrap_or(other.id),
        };
    }
    let mut groups: Vec<Group<'d>> = cves.into_values().chain(kept).collect();
    for group in &mut groups {
        group.aliases.remove(group.id);
    }
    Ok(groups)
}

/// Every name that a hit's document gives the vulnerability, its own included.
fn names<'d>(database: &'d Database, hit: &Hit) -> Result<BTreeSet<&'d str>, DatabaseError> {
    let mut names: BTreeSet<&str> = database.aliases(&hit.note).collect::<Result<_, _>>()?;
    names.insert(database.text(hit.note.id)?);
    Ok(names)
}

impl<'d> Group<'d> {
    fn new(id: &'d str) -> Self {
        Self { id, aliases: BTreeSet::new(), hits: Vec::new() }
    }
}
