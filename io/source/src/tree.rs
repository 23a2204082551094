//! The tree of an image: its layers, merged while it is walked.
//!
//! Headers first, contents after: where layers are parts of a file, only wanted contents of files
//! that survive are ever read. Layers that come by once are asked about while they do; what turns
//! out to be needed only after the merge (content reached through a hard link under another name)
//! takes a second pass over those layers.

mod contents;
mod separate;

use std::collections::HashMap;

use lazaret_model::{Entry, EntryKind, Limits, Problem, Tree, Want};

use crate::budget::Budget;
use crate::layer::{Kept, LayerIndex, Place, Record};
use crate::merge::{Node, NodeKind, merge};
use crate::problems::Problems;
use contents::Contents;

pub(crate) use separate::{Layer, SeparateLayers};

/// Reads the layers of one image.
pub(crate) trait LayerSource: Send {
    /// Reads all headers. Contents that come by and are wanted are kept.
    fn index(
        &mut self,
        want: &mut dyn FnMut(&Entry<'_>) -> Want,
        budget: &mut Budget,
        problems: &mut Problems,
    ) -> Indexed;

    /// Reads the contents of records that did not turn out to be needed before.
    fn fetch(&mut self, needs: &Needs, budget: &mut Budget, problems: &mut Problems) -> Fetched;
}

/// For each layer archive, by its number in [`Indexed::archives`], the contents wanted of its records.
pub(crate) type Needs = HashMap<usize, HashMap<u32, Want>>;
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
        let own = node.own.map(|place| self.record(place));
        let content = node.content.map(|place| (place, self.record(place)));
        let kind = match (node.kind, content) {
            (NodeKind::Directory, _) => EntryKind::Directory,
            (NodeKind::File, _) => EntryKind::File,
            (NodeKind::Symlink, Some((place, record))) => {
                EntryKind::Symlink { target: self.archives[self.archive(place)].link(record) }
            }
            _ => EntryKind::Special,
        };
        Entry {
            path,
            kind,
            // What engines give to directories that no layer lists.
            mode: own.map_or(0o755, |record| record.mode),
            uid: own.map_or(0, |record| record.uid),
            gid: own.map_or(0, |record| record.gid),
            size: content.map_or(0, |(_, record)| record.size),
            layer: node.layer,
        }
    }

    /// What was wanted of an entry when it came by under the very name that it has in the merged tree.
    fn asked(&self, path: &[u8], node: &Node) -> Option<Want> {
        let own = node.own.filter(|_| node.own == node.content)?;
        let record = self.record(own);
        (self.archives[self.archive(own)].path(record) == path).then_some(record.asked)?
    }
}

pub(crate) struct LayeredTree {
    source: Box<dyn LayerSource>,
    limits: Limits,
}

impl LayeredTree {
    pub(crate) fn new(source: impl LayerSource + 'static, limits: Limits) -> Self {
        Self { source: Box::new(source), limits }
    }
}

impl Tree for LayeredTree {
    fn walk(
        &mut self,
        want: &mut dyn FnMut(&Entry<'_>) -> Want,
        visit: &mut dyn FnMut(&Entry<'_>, lazaret_model::Content<'_>),
    ) -> Vec<Problem> {
        let mut budget = Budget::new(&self.limits);
        let mut problems = Problems::default();
        let mut indexed = self.source.index(want, &mut budget, &mut problems);
        let kept: Vec<_> =
            indexed.archives.iter_mut().map(|archive| std::mem::take(&mut archive.kept)).collect();

        let layers: Vec<&LayerIndex> =
            indexed.layers.iter().map(|&archive| &indexed.archives[archive]).collect();
        let merged = merge(&layers, &mut budget, &mut problems);
        let wants: Vec<Want> = merged
            .iter()
            .map(|(path, node)| match node.kind {
                NodeKind::File => {
                    indexed.asked(path, node).unwrap_or_else(|| want(&indexed.entry(path, node)))
                }
                _ => Want::Nothing,
            })
            .collect();

        let wanted = merged.iter().zip(&wants).filter_map(|((path, node), &want)| {
            node.content.filter(|_| want != Want::Nothing).map(|place| (path.as_ref(), place, want))
        });
        let mut contents =
            Contents::gather(&indexed, kept, wanted, &mut *self.source, &mut budget, &mut problems);
        for ((path, node), want) in merged.iter().zip(wants) {
            let entry = indexed.entry(path, node);
            match node.content.filter(|_| want != Want::Nothing) {
                None => visit(&entry, lazaret_model::Content::Nothing),
                Some(place) => contents.give(path, place, want, &mut |content| visit(&entry, content)),
            }
        }
        problems.into_list()
    }
}

#[cfg(test)]
mod tests;
