use std::collections::HashMap;

use lazaret_model::{ContainerKey, Digest};

use crate::packages::number;

/// A container begins to run.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    pub key: &'a ContainerKey,
    pub name: &'a str,
    pub image_config: Option<Digest>,
    /// RFC 3339.
    pub started: &'a str,
}

/// A running container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running<'a> {
    pub key: ContainerKey,
    pub name: &'a str,
    pub started: &'a str,
}

/// An engine's id is kept as the 32 bytes that it is: there are a million of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Id {
    Engine(Digest),
    Other(Box<str>),
}

impl Id {
    fn new(text: &str) -> Self {
        Digest::from_hex(text).map_or_else(|_| Self::Other(text.into()), Self::Engine)
    }

    fn text(&self) -> String {
        match self {
            Self::Engine(id) => id.hex(),
            Self::Other(text) => text.to_string(),
        }
    }
}

#[derive(Debug)]
struct Slot {
    host: u32,
    id: Id,
    name: Box<str>,
    started: Box<str>,
    config: Option<u32>,
}

/// Running containers by number. Numbers of ended ones are given again, so that they stay dense while
/// containers come and go for years.
#[derive(Debug, Default)]
pub(crate) struct Containers {
    hosts: Vec<Box<str>>,
    host_numbers: HashMap<Box<str>, u32>,
    by_key: HashMap<(u32, Id), u32>,
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
}

impl Containers {
    pub(crate) fn insert(&mut self, start: &Start<'_>, config: Option<u32>) -> u32 {
        let host = self.host(&start.key.host);
        let id = Id::new(&start.key.id);
        let slot =
            Slot { host, id: id.clone(), name: start.name.into(), started: start.started.into(), config };
        let place = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            number(self.slots.len() - 1)
        });
        self.slots[place as usize] = Some(slot);
        self.by_key.insert((host, id), place);
        place
    }

    /// Takes a container out; answers its number and the number of its configuration.
    pub(crate) fn remove(&mut self, key: &ContainerKey) -> Option<(u32, Option<u32>)> {
        let host = *self.host_numbers.get(key.host.as_str())?;
        let place = self.by_key.remove(&(host, Id::new(&key.id)))?;
        let slot = self.slots[place as usize].take()?;
        self.free.push(place);
        Some((place, slot.config))
    }

    pub(crate) fn rename(&mut self, key: &ContainerKey, name: &str) {
        let place = self
            .host_numbers
            .get(key.host.as_str())
            .and_then(|host| self.by_key.get(&(*host, Id::new(&key.id))));
        if let Some(slot) = place.and_then(|place| self.slots[*place as usize].as_mut()) {
            slot.name = name.into();
        }
    }

    pub(crate) fn get(&self, place: u32) -> Option<Running<'_>> {
        let slot = self.slots.get(place as usize)?.as_ref()?;
        let key = ContainerKey { host: self.hosts[slot.host as usize].to_string(), id: slot.id.text() };
        Some(Running { key, name: &slot.name, started: &slot.started })
    }

    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }

    fn host(&mut self, name: &str) -> u32 {
        if let Some(host) = self.host_numbers.get(name) {
            return *host;
        }
        let host = number(self.hosts.len());
        self.hosts.push(name.into());
        self.host_numbers.insert(name.into(), host);
        host
    }
}
