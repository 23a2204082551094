//! Layers on top of each other → the tree that a container sees.
//!
//! The rules are those of the OCI image specification ("Image Layer Filesystem Changeset") as Docker's
//! overlay2 driver carries them out: each layer is unpacked into a directory of its own, in the
//! order of its archive, following links of that layer; then the directories are laid over each
//! other. Where other drivers come to another tree, a problem says so.

use std::borrow::Cow;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::ops::Bound;

use crate::budget::Budget;
use crate::layer::{Kind, LayerIndex, Place, is_whiteout};
use crate::problems::{Problems, lossy};

mod change;

use change::Change;

pub(crate) type Path<'a> = Cow<'a, [u8]>;

/// One entry of the merged tree. There are as many in memory as the image has files, so each takes little.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Node {
    /// The layer that brought it.
    pub(crate) layer: u32,
    /// What it is: its content's type.
    pub(crate) kind: NodeKind,
    record: u32,
    content: Place,
}

/// In the place of a record's number: none.
const NONE: u32 = u32::MAX;

impl Node {
    pub(crate) const fn new(place: Place, kind: NodeKind) -> Self {
        Self { layer: place.layer, kind, record: place.record, content: place }
    }

    /// A directory that no record names, because something is in it.
    pub(crate) const fn implied(layer: u32) -> Self {
        let nowhere = Place { layer, record: NONE };
        Self::new(nowhere, NodeKind::Directory)
    }

    /// What shares the content, named by another record.
    pub(crate) const fn linked(self, by: Place) -> Self {
        Self { layer: by.layer, record: by.record, ..self }
    }

    /// The record that names it; none for a directory that is only implied by what is in it.
    pub(crate) fn own(&self) -> Option<Place> {
        (self.record != NONE).then_some(Place { layer: self.layer, record: self.record })
    }

    /// The record that has its content: another one for hard links.
    pub(crate) fn content(&self) -> Option<Place> {
        (self.content.record != NONE).then_some(self.content)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NodeKind {
    Directory,
    File,
    Symlink,
    Special,
}

pub(crate) type Nodes<'a> = BTreeMap<Path<'a>, Node>;

/// What layers come to.
#[derive(Debug, Default)]
pub(crate) struct Merged<'a> {
    /// In ascending byte order of the paths.
    pub(crate) nodes: Nodes<'a>,
    /// Versions of files that others hide, lowest first, as far as somebody wants them.
    earlier: BTreeMap<Path<'a>, Vec<Node>>,
}

impl<'a> Merged<'a> {
    /// The versions of surviving files that others hide, the highest first.
    pub(crate) fn earlier(&self) -> impl Iterator<Item = (&Path<'a>, &Node)> {
        let is_file = |path: &Path<'_>| self.nodes.get(path).is_some_and(|node| node.kind == NodeKind::File);
        let surviving = self.earlier.iter().filter(move |(path, _)| is_file(path));
        surviving.flat_map(|(path, versions)| versions.iter().rev().map(move |node| (path, node)))
    }
}

/// Says of which files earlier versions are wanted.
pub(crate) type WantsEarlier<'v> = &'v dyn Fn(&[u8]) -> bool;

/// Merges layers, lowest first.
pub(crate) fn merge<'a>(
    layers: &[&'a LayerIndex],
    wants_earlier: WantsEarlier<'_>,
    budget: &mut Budget,
    problems: &mut Problems,
) -> Merged<'a> {
    let mut merged = Merged::default();
    for (number, layer) in (0..).zip(layers) {
        let change = Change::read(number, layer, &merged.nodes, budget, problems);
        apply(change, &mut merged, wants_earlier, problems);
    }
    merged
}

fn apply<'a>(
    change: Change<'a>,
    merged: &mut Merged<'a>,
    wants_earlier: WantsEarlier<'_>,
    problems: &mut Problems,
) {
    let Merged { nodes: tree, earlier } = merged;
    let Change { nodes, whiteouts, opaque, .. } = change;
    for (path, whiteout) in &whiteouts {
        let hid_children = remove(tree, path);
        // The specification lets the entry of the same layer stand. Drivers that replay the archive
        // remove it when it comes first, and overlays show the hidden children again.
        let ambiguous = match nodes.get(path.as_slice()) {
            Some(node) if node.kind == NodeKind::Directory && hid_children => true,
            Some(_) => whiteout.after_entry,
            None => false,
        };
        if ambiguous {
            problems.malformed(
                lossy(path),
                "one layer has both it and a whiteout of it: engines differ on the outcome",
            );
        }
    }
    for directory in &opaque {
        remove_children(tree, directory);
    }
    if tree.is_empty() {
        *tree = nodes;
        earlier.clear();
        return;
    }
    for (path, node) in nodes {
        let mut there = match tree.entry(path) {
            Entry::Vacant(new) => {
                // What was deleted in between begins anew.
                if !earlier.is_empty() {
                    earlier.remove(new.key());
                }
                new.insert(node);
                continue;
            }
            Entry::Occupied(there) => there,
        };
        let is_implied = node.kind == NodeKind::Directory && node.own().is_none();
        if is_implied && there.get().kind == NodeKind::Directory {
            continue;
        }
        if is_implied {
            problems.malformed(
                lossy(there.key()),
                "a layer has entries below what is no directory in the layers under it: engines differ on the outcome",
            );
        }
        let below = there.insert(node);
        if below.kind == NodeKind::File && wants_earlier(there.key()) {
            earlier.entry(there.key().clone()).or_default().push(below);
        }
        if below.kind == NodeKind::Directory && node.kind != NodeKind::Directory {
            let path = there.key().clone();
            remove_children(tree, &path);
        }
    }
}

/// Takes out a path and all below it; tells whether there was anything below.
fn remove(tree: &mut Nodes<'_>, path: &[u8]) -> bool {
    match tree.remove(path) {
        Some(node) => node.kind == NodeKind::Directory && remove_children(tree, path),
        None => false,
    }
}

/// Takes out all below a directory (of the root, with an empty path); tells whether there was anything.
fn remove_children(tree: &mut Nodes<'_>, directory: &[u8]) -> bool {
    if directory.is_empty() {
        let any = !tree.is_empty();
        tree.clear();
        return any;
    }
    // All that begins with `directory/`: `0` is the byte after `/`.
    let first = [directory, b"/"].concat();
    let last = [directory, b"0"].concat();
    let range = (Bound::Excluded(first.as_slice()), Bound::Excluded(last.as_slice()));
    let doomed: Vec<Path<'_>> = tree.range::<[u8], _>(range).map(|(path, _)| path.clone()).collect();
    for path in &doomed {
        tree.remove(path);
    }
    !doomed.is_empty()
}
