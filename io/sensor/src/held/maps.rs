//! The maps in which the kernel programs look rules up.

use std::collections::HashMap;

use aya::maps::MapError;

use super::{
    FILES, HeldPolicy, MOST_ALIKE, PLACE_OF_USER, ProgramKey, Rule, RuleKey, SECRETS, STARTS, SecretPlace,
    USERS,
};
use crate::confine::ConfineError;
use crate::tracer::{Controls, chain};

/// What was written into the maps of rules for each group.
#[derive(Debug, Default)]
pub(crate) struct Held {
    rules: HashMap<u64, Vec<RuleKey>>,
    programs: HashMap<u64, Vec<ProgramKey>>,
}

impl Held {
    /// Finds what a predecessor left.
    pub(crate) fn of(controls: &Controls) -> Self {
        let mut held = Self::default();
        for key in controls.rules.keys().flatten() {
            held.rules.entry(key[0]).or_default().push(key);
        }
        for key in controls.programs.keys().flatten() {
            let group = key.first_chunk().map_or(0, |group| u64::from_ne_bytes(*group));
            held.programs.entry(group).or_default().push(key);
        }
        held
    }

    /// Writes the rules beside those that hold, under another version, and returns the bits of what they are about.
    /// [`settle`](Self::settle) is to follow when that version holds.
    pub(crate) fn write(
        &mut self,
        controls: &mut Controls,
        group: u64,
        version: u32,
        policy: &HeldPolicy,
    ) -> Result<u32, ConfineError> {
        let mut writing = Writing { controls, held: self, group, version, numbers: HashMap::new() };
        let mut bits = 0;
        for (bit, rules) in [(FILES, &policy.files), (SECRETS, &policy.secrets), (STARTS, &policy.starts)] {
            bits |= if rules.is_some() { bit } else { 0 };
            for rule in rules.iter().flatten() {
                writing.rule(rule.place(), rule.by.as_deref(), rule.encode(bit))?;
            }
        }
        bits |= if policy.users.is_some() { USERS } else { 0 };
        for rule in policy.users.iter().flatten() {
            writing.rule(PLACE_OF_USER | u64::from(rule.uid), rule.by.as_deref(), [0; 268])?;
        }
        Ok(bits)
    }

    /// Takes all away that is of another version.
    pub(crate) fn settle(&mut self, controls: &mut Controls, group: u64, version: Option<u32>) {
        if let Some(keys) = self.rules.get_mut(&group) {
            for key in keys.extract_if(.., |key| Some(halves(key[2]).0) != version) {
                let _ = controls.rules.remove(&key);
            }
        }
        if let Some(keys) = self.programs.get_mut(&group) {
            let of = |key: &ProgramKey| u32::from_ne_bytes([key[8], key[9], key[10], key[11]]);
            for key in keys.extract_if(.., |key| Some(of(key)) != version) {
                let _ = controls.programs.remove(&key);
            }
        }
        self.rules.retain(|_, keys| !keys.is_empty());
        self.programs.retain(|_, keys| !keys.is_empty());
    }
}

struct Writing<'a> {
    controls: &'a mut Controls,
    held: &'a mut Held,
    group: u64,
    version: u32,
    /// Of programs.
    numbers: HashMap<Vec<u8>, u32>,
}

impl Writing<'_> {
    fn rule(&mut self, place: u64, by: Option<&[u8]>, rule: Rule) -> Result<(), ConfineError> {
        let group = self.group;
        let full = |why: MapError| ConfineError::Full { group, why: chain(&why) };
        let program = by.map_or(Ok(0), |by| self.number(by))?;
        for index in 0..MOST_ALIKE {
            let key = [group, place, join(self.version, program), u64::from(index)];
            if self.controls.rules.get(&key, 0).is_err() {
                self.controls.rules.insert(key, rule, 0).map_err(full)?;
                self.held.rules.entry(group).or_default().push(key);
                return Ok(());
            }
        }
        Err(ConfineError::Full { group, why: format!("more than {MOST_ALIKE} rules are alike") })
    }

    fn number(&mut self, by: &[u8]) -> Result<u32, ConfineError> {
        if let Some(number) = self.numbers.get(by) {
            return Ok(*number);
        }
        let number = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX - 1) + 1;
        let mut key = [0; 272];
        key[..8].copy_from_slice(&self.group.to_ne_bytes());
        key[8..12].copy_from_slice(&self.version.to_ne_bytes());
        key[16..16 + by.len()].copy_from_slice(by);
        let full = |why: MapError| ConfineError::Full { group: self.group, why: chain(&why) };
        self.controls.programs.insert(key, number, 0).map_err(full)?;
        self.held.programs.entry(self.group).or_default().push(key);
        self.numbers.insert(by.to_owned(), number);
        Ok(number)
    }
}

/// Marks names as secret.
pub(crate) fn name_secrets(controls: &mut Controls, places: &[SecretPlace<'_>]) -> Result<(), ConfineError> {
    let full = |why: MapError| ConfineError::Full { group: 0, why: chain(&why) };
    for hash in places.iter().flat_map(|place| place.hashes()) {
        controls.secret_places.insert(hash, 1, 0).map_err(full)?;
    }
    Ok(())
}

/// Two neighbours in the kernel's structure, as one number.
fn join(first: u32, second: u32) -> u64 {
    let ([a, b, c, d], [e, f, g, h]) = (first.to_ne_bytes(), second.to_ne_bytes());
    u64::from_ne_bytes([a, b, c, d, e, f, g, h])
}

fn halves(both: u64) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = both.to_ne_bytes();
    (u32::from_ne_bytes([a, b, c, d]), u32::from_ne_bytes([e, f, g, h]))
}
