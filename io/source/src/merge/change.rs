//! One layer, unpacked on paper.

use std::collections::btree_map::Entry;

use super::*;
use crate::budget::Exceeded;

/// More links on the way to one directory are a loop (Linux gives up after 40, Go after 255).
const MOST_LINKS: usize = 255;
/// Linux's `PATH_MAX`; without it, links to long paths through links to long paths grow without end.
const LONGEST: usize = 4096;

/// A bound was reached: no more of the layer is merged.
struct Stopped(Exceeded);

pub(super) struct Whiteout {
    /// The layer had an entry of that name already.
    pub(super) after_entry: bool,
}

/// What a layer does to those under it.
pub(super) struct Change<'a> {
    pub(super) nodes: Nodes<'a>,
    pub(super) whiteouts: BTreeMap<Vec<u8>, Whiteout>,
    pub(super) opaque: HashSet<Vec<u8>>,
    layer: u32,
    index: &'a LayerIndex,
    /// The directory in which the last entry was, and what it is behind links: entries come by directory.
    last: Option<(&'a [u8], Path<'a>)>,
}

impl<'a> Change<'a> {
    pub(super) fn read(
        layer: u32,
        index: &'a LayerIndex,
        below: &Nodes<'_>,
        budget: &mut Budget,
        problems: &mut Problems,
    ) -> Self {
        let (nodes, whiteouts, opaque) = (Nodes::new(), BTreeMap::new(), HashSet::new());
        let mut change = Self { nodes, whiteouts, opaque, layer, index, last: None };
        for (number, record) in (0..).zip(&index.records) {
            let place = Place { layer, record: number };
            if let Err(Stopped(exceeded)) = change.add(place, record.kind, below, budget, problems) {
                problems.limit(format!("layer {}", layer + 1), exceeded);
                break;
            }
        }
        change
    }

    fn add(
        &mut self,
        place: Place,
        kind: Kind,
        below: &Nodes<'_>,
        budget: &mut Budget,
        problems: &mut Problems,
    ) -> Result<(), Stopped> {
        if place.record.is_multiple_of(1024) {
            budget.deadline.check().map_err(Stopped)?;
        }
        let index = self.index;
        let record = &index.records[place.record as usize];
        let raw = index.path(record);
        // Metadata of the AUFS driver, which no engine unpacks.
        if raw.starts_with(b".wh..wh.") && raw != b".wh..wh..opq" {
            return Ok(());
        }
        let (directory, base) = split(raw);
        let Some(directory) = self.directory(raw, directory, budget, problems)? else { return Ok(()) };
        if is_whiteout(raw) {
            budget.take_names(directory.len() + base.len()).map_err(Stopped)?;
            self.hide(raw, &directory, &base[b".wh.".len()..], problems);
            return Ok(());
        }
        // Without links on the way, the path is borrowed as it stands in the layer.
        let path = match &directory {
            Cow::Borrowed(_) => Cow::Borrowed(raw),
            Cow::Owned(directory) => {
                budget.take_names(directory.len() + base.len()).map_err(Stopped)?;
                Cow::Owned(join(directory, base))
            }
        };
        let node = match kind {
            Kind::File => Node::new(place, NodeKind::File),
            Kind::Symlink => Node::new(place, NodeKind::Symlink),
            Kind::Special => Node::new(place, NodeKind::Special),
            Kind::Directory => Node::new(place, NodeKind::Directory),
            Kind::HardLink => match self.link_target(index.link(record), &path, below) {
                Ok(target) => target.linked(place),
                Err(why) => {
                    problems.malformed(
                        lossy(raw),
                        format!("it is a hard link to {}, {why}", lossy(index.link(record))),
                    );
                    return Ok(());
                }
            },
        };
        self.insert(path, node, problems);
        Ok(())
    }

    fn insert(&mut self, path: Path<'a>, node: Node, problems: &mut Problems) {
        // A path is looked for once: this is most of the work that a layer makes.
        let mut entry = match self.nodes.entry(path) {
            Entry::Vacant(entry) => {
                entry.insert(node);
                return;
            }
            Entry::Occupied(entry) => entry,
        };
        let replaced = entry.insert(node).kind;
        // It may have been on the way to the last directory.
        if replaced != node.kind || node.kind == NodeKind::Symlink {
            self.last = None;
        }
        if replaced == NodeKind::Directory && node.kind != NodeKind::Directory {
            let path = entry.key().clone();
            if remove_children(&mut self.nodes, &path) {
                let detail = "one layer has it as a directory with entries and again as something else: readers differ";
                problems.malformed(lossy(&path), detail);
            }
        }
    }

    fn hide(&mut self, raw: &[u8], directory: &[u8], hidden: &[u8], problems: &mut Problems) {
        match hidden {
            b".wh..opq" => {
                self.opaque.insert(directory.to_vec());
            }
            b"" | b"." | b".." => problems.malformed(lossy(raw), "a whiteout that names nothing"),
            _ => {
                let path = join(directory, hidden);
                let after_entry = self.nodes.contains_key(path.as_slice());
                self.whiteouts.entry(path).or_insert(Whiteout { after_entry });
            }
        }
    }

    /// The node that a hard link shares: of this layer or, as drivers that replay archives do it, of
    /// those under it.
    fn link_target(&self, target: &[u8], own: &[u8], below: &Nodes<'_>) -> Result<Node, &'static str> {
        let (directory, base) = split(target);
        let directory = self.follow(directory).ok_or("behind too many links")?;
        let path = join(&directory, base);
        if path == own {
            return Err("which is itself");
        }
        match self.nodes.get(path.as_slice()).or_else(|| below.get(path.as_slice())) {
            Some(node) if node.kind != NodeKind::Directory => Ok(*node),
            Some(_) => Err("which is a directory"),
            None => Err("which is not there"),
        }
    }

    /// Where a directory of this layer is once the layer's links are followed. Directories on the way
    /// that the layer does not have come into being.
    fn directory(
        &mut self,
        entry: &[u8],
        raw: &'a [u8],
        budget: &mut Budget,
        problems: &mut Problems,
    ) -> Result<Option<Path<'a>>, Stopped> {
        if let Some((last, resolved)) = &self.last
            && *last == raw
        {
            return Ok(Some(resolved.clone()));
        }
        // Directories on the way to the last one are there: only what is beyond them is looked for.
        let known = match &self.last {
            Some((last, Cow::Borrowed(_))) => shared_directories(last, raw),
            _ => 0,
        };
        let mut is_plain = true;
        for end in ends(raw).filter(|&end| end > known) {
            match self.nodes.get(&raw[..end]).map(|node| node.kind) {
                Some(NodeKind::Directory) => {}
                Some(NodeKind::Symlink) => {
                    is_plain = false;
                    break;
                }
                Some(_) => {
                    self.refuse(entry, &raw[..end], problems);
                    return Ok(None);
                }
                // Nothing is below what is not there.
                None => {
                    budget.take_entry(0).map_err(Stopped)?;
                    self.nodes.insert(Cow::Borrowed(&raw[..end]), Node::implied(self.layer));
                }
            }
        }
        if is_plain {
            self.last = Some((raw, Cow::Borrowed(raw)));
            return Ok(Some(Cow::Borrowed(raw)));
        }
        budget.deadline.check().map_err(Stopped)?;
        let Some(resolved) = self.follow(raw) else {
            problems.malformed(lossy(entry), "its directory is behind too many links");
            return Ok(None);
        };
        for end in ends(&resolved) {
            match self.nodes.get(&resolved[..end]).map(|node| node.kind) {
                Some(NodeKind::Directory) => {}
                Some(_) => {
                    self.refuse(entry, &resolved[..end], problems);
                    return Ok(None);
                }
                None => {
                    budget.take_entry(end).map_err(Stopped)?;
                    self.nodes.insert(Cow::Owned(resolved[..end].to_vec()), Node::implied(self.layer));
                }
            }
        }
        let resolved: Path<'a> = Cow::Owned(resolved);
        self.last = Some((raw, resolved.clone()));
        Ok(Some(resolved))
    }

    fn refuse(&self, entry: &[u8], on_the_way: &[u8], problems: &mut Problems) {
        let detail = format!("{} is no directory in its layer", lossy(on_the_way));
        problems.malformed(lossy(entry), detail);
    }

    /// Follows this layer's links in all components of a path, within the root.
    fn follow(&self, path: &[u8]) -> Option<Vec<u8>> {
        let mut links = 0;
        let mut resolved: Vec<u8> = Vec::new();
        let mut todo: Vec<&[u8]> = components(path).rev().collect();
        while let Some(component) = todo.pop() {
            match component {
                b"" | b"." => continue,
                b".." => {
                    let parent = split(&resolved).0.len();
                    resolved.truncate(parent);
                    continue;
                }
                _ => {}
            }
            let here = join(&resolved, component);
            if here.len() > LONGEST {
                return None;
            }
            let link = self.nodes.get(here.as_slice()).filter(|node| node.kind == NodeKind::Symlink);
            match link.and_then(Node::content) {
                Some(place) => {
                    links += 1;
                    // A link reached through a hard link to a lower layer is not of this layer.
                    if links > MOST_LINKS || place.layer != self.layer {
                        return None;
                    }
                    let target = self.index.link(&self.index.records[place.record as usize]);
                    if target.first() == Some(&b'/') {
                        resolved.clear();
                    }
                    todo.extend(components(target).rev());
                }
                None => resolved = here,
            }
        }
        Some(resolved)
    }
}

fn components(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/')
}

/// Where the directories end that two paths of directories share.
fn shared_directories(one: &[u8], other: &[u8]) -> usize {
    let same = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let ends_at = |path: &[u8]| path.get(same).is_none_or(|&byte| byte == b'/');
    match ends_at(one) && ends_at(other) {
        true => same,
        false => one[..same].iter().rposition(|&byte| byte == b'/').unwrap_or_default(),
    }
}

/// Where each component of a path ends.
fn ends(path: &[u8]) -> impl Iterator<Item = usize> {
    let slashes = path.iter().enumerate().filter(|&(_, &byte)| byte == b'/').map(|(at, _)| at);
    slashes.chain((!path.is_empty()).then_some(path.len()))
}

fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

fn join(directory: &[u8], base: &[u8]) -> Vec<u8> {
    if directory.is_empty() { base.to_vec() } else { [directory, b"/", base].concat() }
}
