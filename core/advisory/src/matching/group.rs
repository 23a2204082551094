//! One finding for each vulnerability, whatever names documents give it.

use std::collections::{BTreeSet, HashMap};

use super::hit::Hit;
use crate::database::{Database, DatabaseError};

/// Hits that are about one vulnerability.
#[derive(Debug)]
pub(super) struct Group<'d> {
    pub(super) id: &'d str,
    /// Every other name of it, sorted. Never a CVE id, unless the group's own is none.
    pub(super) aliases: Vec<&'d str>,
    /// Those of lower versions come first.
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
    let mut named = Vec::with_capacity(hits.len());
    for hit in hits {
        named.push((database.text(hit.note.id)?, hit));
    }
    // Those of one package already are in the order of their ids.
    named.sort_by_key(|(id, _)| *id);
    let mut groups: Vec<Group<'d>> = Vec::with_capacity(named.len());
    let mut others: Vec<Group<'d>> = Vec::new();
    for of_id in named.chunk_by(|(a, _), (b, _)| a == b) {
        let id = of_id[0].0;
        let mut aliases = Vec::new();
        for (_, hit) in of_id {
            for alias in database.aliases(&hit.note) {
                aliases.push(alias?);
            }
        }
        let group = Group { id, aliases, hits: of_id.iter().map(|(_, hit)| *hit).collect() };
        if is_cve(id) { groups.push(group) } else { others.push(group) }
    }
    for group in &mut groups {
        group.aliases.retain(|alias| !is_cve(alias));
    }
    if !others.is_empty() {
        let rest = joined(&mut groups, united(others));
        groups.extend(rest);
    }
    for group in &mut groups {
        group.aliases.sort_unstable();
        group.aliases.dedup();
        group.aliases.retain(|alias| *alias != group.id);
    }
    Ok(groups)
}

/// Makes those one that share a name. CVE ids make no bridge.
fn united(groups: Vec<Group<'_>>) -> Vec<Group<'_>> {
    let mut parents: Vec<usize> = (0..groups.len()).collect();
    let mut first_with: HashMap<&str, usize> = HashMap::new();
    for (at, group) in groups.iter().enumerate() {
        for name in std::iter::once(&group.id).chain(&group.aliases).filter(|name| !is_cve(name)) {
            let (one, other) = (root(&mut parents, at), *first_with.entry(name).or_insert(at));
            let other = root(&mut parents, other);
            // The one that came first stays.
            parents[one.max(other)] = one.min(other);
        }
    }
    let mut united: Vec<Option<Group<'_>>> = Vec::with_capacity(groups.len());
    for (at, mut group) in groups.into_iter().enumerate() {
        group.aliases.push(group.id);
        let root = root(&mut parents, at);
        united.push(None);
        match &mut united[root] {
            Some(known) => {
                known.aliases.append(&mut group.aliases);
                known.hits.append(&mut group.hits);
            }
            place @ None => *place = Some(group),
        }
    }
    united.into_iter().flatten().collect()
}

fn root(parents: &mut [usize], mut at: usize) -> usize {
    while parents[at] != at {
        parents[at] = parents[parents[at]];
        at = parents[at];
    }
    at
}

/// Joins documents to the CVEs that they name or that name them. Returns those that belong to none, each under
/// the only CVE that it names, or else under the first of its ids.
fn joined<'d>(cves: &mut [Group<'d>], others: Vec<Group<'d>>) -> Vec<Group<'d>> {
    let mut rest = Vec::new();
    for mut other in others {
        let names: BTreeSet<&str> = other.aliases.iter().copied().collect();
        let mut is_taken = false;
        for cve in &mut *cves {
            if names.contains(cve.id) || cve.aliases.iter().any(|alias| names.contains(alias)) {
                cve.aliases.extend(names.iter().filter(|name| !is_cve(name)));
                cve.hits.extend_from_slice(&other.hits);
                is_taken = true;
            }
        }
        if !is_taken {
            let mut named = names.iter().filter(|name| is_cve(name));
            other.id = match (named.next(), named.next()) {
                (Some(only), None) => only,
                _ => names.iter().find(|name| !is_cve(name)).copied().unwrap_or(other.id),
            };
            rest.push(other);
        }
    }
    rest
}
