//! The tree of an image: its layers, merged while it is walked.
//!
//! Headers first, contents after: where layers are parts of a file, only wanted contents of files
//! that survive are ever read. Layers that come by once are asked about while they do; what turns
//! out to be needed only after the merge (content reached through a hard link under another name)
//! takes a second pass over those layers.

mod contents;
mod in_place;
mod reduce;
mod remembered;
mod separate;

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use lazaret_model::{Content, Entry, EntryKind, FILE_CAPABILITIES, Limits, Problem, Tree, Visitor, Want};

use crate::budget::Budget;
use crate::cache::{Cache, Sound};
use crate::layer::{Kept, LayerIndex, Need, Place, Record};
use crate::merge::{Node, NodeKind, merge};
use crate::problems::Problems;
use contents::{Contents, WantedContent};

pub(crate) use contents::read_bytes;
pub(crate) use reduce::{BUFFER, Reduced, reduce};
pub(crate) use separate::{Layer, SeparateLayers};

/// Reads the layers of one image.
pub(crate) trait LayerSource: Send {
    /// Layers may be taken from a cache, and kept there.
    fn remember(&mut self, _: Cache) {}

    /// Reads all headers. Contents that come by and are wanted are kept.
    fn index(&mut self, visitor: &dyn Visitor, budget: &mut Budget, problems: &mut Problems) -> Indexed;

    /// Reads the contents of records that did not turn out to be needed before.
    fn fetch(
        &mut self,
        visitor: &dyn Visitor,
        needs: &Needs<'_>,
        budget: &mut Budget,
        problems: &mut Problems,
    ) -> Fetched;
}

/// For each layer archive, by its number in [`Indexed::archives`], the contents wanted of its records.
pub(crate) type Needs<'a> = HashMap<usize, HashMap<u32, Need<'a>>>;
pub(crate) type Fetched = HashMap<usize, HashMap<u32, Kept>>;

/// The headers of an image's layers. One archive may be several layers.
#[derive(Debug, Default)]
pub(crate) struct Indexed {
    pub(crate) archives: Vec<LayerIndex>,
    /// Which archive each layer is, lowest layer first.
    pub(crate) layers: Vec<usize>,
}

impl Indexed {
    fn archive(&self, place: Place) -> usize {
        self.layers[place.layer as usize]
    }

    fn record(&self, place: Place) -> &Record {
        &self.archives[self.archive(place)].records[place.record as usize]
    }

    fn entry<'a>(&'a self, path: &'a [u8], node: &Node) -> Entry<'a> {
        let own = node.own().map(|place| self.record(place));
        let content = node.content().map(|place| (place, self.record(place)));
        let kind = match (node.kind, content) {
            (NodeKind::Directory, _) => EntryKind::Directory,
            (NodeKind::File, _) => EntryKind::File,
            (NodeKind::Symlink, Some((place, record))) => {
                EntryKind::Symlink { target: self.archives[self.archive(place)].link(record) }
            }
            _ => EntryKind::Special,
        };
        // Names of one content share what it gives, whichever of them says so.
        let capabilities = content.map_or(0, |(_, record)| record.mode & FILE_CAPABILITIES);
        Entry {
            path,
            kind,
            // What engines give to directories that no layer lists.
            mode: own.map_or(0o755, |record| record.mode | capabilities),
            uid: own.map_or(0, |record| record.uid),
            gid: own.map_or(0, |record| record.gid),
            size: content.map_or(0, |(_, record)| record.size),
            layer: node.layer,
        }
    }

    /// A file as it came by.
    fn own_entry(&self, place: Place) -> Entry<'_> {
        self.archives[self.archive(place)].entry(self.record(place), place.layer)
    }

    /// What was wanted of an entry when it came by under the very name that it has in the merged tree.
    fn asked(&self, path: &[u8], node: &Node) -> Option<Want> {
        let own = node.own().filter(|_| node.own() == node.content())?;
        let record = self.record(own);
        (self.archives[self.archive(own)].path(record) == path).then_some(record.asked)?
    }
}

pub(crate) struct LayeredTree {
    source: Box<dyn LayerSource>,
    limits: Limits,
    sound: Sound,
}

impl LayeredTree {
    pub(crate) fn new(source: impl LayerSource + 'static, limits: Limits) -> Self {
        Self { source: Box::new(source), limits, sound: Sound::default() }
    }

    /// With a cache of layers.
    pub(crate) fn remembering(mut self, cache: Option<&Cache>) -> Self {
        if let Some(cache) = cache {
            self.source.remember(cache.clone());
        }
        self
    }

    /// Is set by a walk that read everything as it should.
    pub(crate) fn sound(&self) -> Sound {
        Sound::clone(&self.sound)
    }
}

impl Tree for LayeredTree {
    fn walk(&mut self, visitor: &mut dyn Visitor) -> Vec<Problem> {
        let mut budget = Budget::new(&self.limits);
        let mut problems = Problems::default();
        let mut indexed = self.source.index(visitor, &mut budget, &mut problems);
        // Another time a source that failed, or lied, may give more.
        let mut sound = problems.is_empty();
        let kept: Vec<_> =
            indexed.archives.iter_mut().map(|archive| std::mem::take(&mut archive.kept)).collect();

        let layers: Vec<&LayerIndex> =
            indexed.layers.iter().map(|&archive| &indexed.archives[archive]).collect();
        let merged = merge(&layers, &|path| visitor.wants_earlier(path), &mut budget, &mut problems);
        let surviving = merged.nodes.len();
        let wanted: Vec<WantedContent<'_>> = (0..)
            .zip(merged.nodes.iter().chain(merged.earlier()))
            .filter(|(_, (_, node))| node.kind == NodeKind::File)
            .filter_map(|(number, (path, node))| {
                let entry = indexed.entry(path, node);
                let asked = indexed.asked(path, node);
                let want = asked.unwrap_or_else(|| visitor.want(&entry));
                let place = node.content().filter(|_| want != Want::NOTHING)?;
                Some(WantedContent { number, entry, place, want, own_name: asked.is_some() })
            })
            .collect();

        let mut contents = Contents { indexed: &indexed, budget: &mut budget, problems: &mut problems };
        let mut gathered = contents.gather(kept, &wanted, &mut *self.source, visitor);
        let mut wanted = wanted.iter().peekable();
        for (number, (path, node)) in (0..).zip(&merged.nodes) {
            match wanted.next_if(|wanted| wanted.number == number) {
                None => visitor.visit(&indexed.entry(path, node), Content::default()),
                Some(wanted) => contents.give(wanted, &mut gathered, visitor),
            }
        }
        for earlier in wanted.skip_while(|wanted| (wanted.number as usize) < surviving) {
            contents.give_earlier(earlier, &mut gathered, visitor);
        }
        sound &= !problems.has_passing() && budget.deadline.check().is_ok();
        self.sound.store(sound, Ordering::Release);
        problems.into_list()
    }
}

#[cfg(test)]
mod tests;
