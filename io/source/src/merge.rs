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

/// One entry of the merged tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Node {
    /// The layer that brought it.
    pub(crate) layer: u32,
    /// The record that names it; none for a directory that is only implied by what is in it.
    pub(crate) own: Option<Place>,
    /// The record that has its content: another one for hard links.
    pub(crate) content: Option<Place>,
    pub(crate) kind: NodeKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NodeKind {
    Directory,
    File,
    Symlink,
    Special,
}

pub(crate) type Nodes<'a> = BTreeMap<Path<'a>, Node>;

/// Merges layers, lowest first. The result is in ascending byte order of the paths.
pub(crate) fn merge<'a>(
    layers: &[&'a LayerIndex],
    budget: &mut Budget,
    problems: &mut Problems,
) -> Nodes<'a> {
    let mut tree = Nodes::new();
    for (number, layer) in (0..).zip(layers) {
        let change = Change::read(number, layer, &tree, budget, problems);
        apply(change, &mut tree, problems);
    }
    tree
}

fn apply<'a>(change: Change<'a>, tree: &mut Nodes<'a>, problems: &mut Problems) {
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
        return;
    }
    for (path, node) in nodes {
        let mut entry = match tree.entry(path) {
            Entry::Vacant(entry) => {
                entry.insert(node);
                continue;
            }
            Entry::Occupied(entry) => entry,
        };
        let below = entry.get().kind;
        let is_implied = node.kind == NodeKind::Directory && node.own.is_none();
        if is_implied && below == NodeKind::Directory {
            continue;
        }
        if is_implied {
            problems.malformed(
                lossy(entry.key()),
                "a layer has entries below what is no directory in the layers under it: engines differ on the outcome",
            );
        }
        entry.insert(node);
        if below == NodeKind::Directory && node.kind != NodeKind::Directory {
            let path = entry.key().clone();
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
