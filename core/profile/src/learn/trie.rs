//! Many paths in little space: where a directory has too many names, or too many that look alike, they become one.
//!
//! What a tree looks like depends only on the paths that it was given: folding is forced by what is there and never
//! undone, and what is folded together holds all that its parts held. So trees can be merged in any order.

use std::collections::BTreeMap;

use super::shape::shape;
use super::sighting::{Join, Sighting};
use crate::pattern::Pattern;

/// When names become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Folding {
    /// Most names of one directory that don't look alike.
    pub(super) width: usize,
    /// Most names of one directory that look alike; `None`: names are not looked at.
    pub(super) alike: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Literal(String),
    /// Names of one [`shape`].
    Shape(String),
    /// Any one name.
    Any,
    /// All that follows, however deep.
    Tail,
}

/// A directory of the tree, or a file, or both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Node {
    steps: BTreeMap<Step, Self>,
    /// What was done here, by a number that the user of the tree gives.
    done: BTreeMap<u8, Sighting>,
}

impl Folding {
    fn shape_of(self, step: &Step) -> Option<String> {
        match step {
            Step::Literal(name) if self.alike.is_some() => Some(shape(name)),
            Step::Literal(name) | Step::Shape(name) => Some(name.clone()),
            Step::Any | Step::Tail => None,
        }
    }
}

impl Node {
    pub(super) fn add(&mut self, steps: &[Step], what: u8, sighting: Sighting, folding: Folding) {
        let mut branch = Self::default();
        branch.done.insert(what, sighting);
        let branch = steps.iter().skip(1).rev().fold(branch, |branch, step| Self {
            steps: BTreeMap::from([(step.clone(), branch)]),
            done: BTreeMap::new(),
        });
        match steps.first() {
            Some(first) => self.graft(first.clone(), branch, folding),
            None => self.merge(branch, folding),
        }
    }

    pub(super) fn merge(&mut self, other: Self, folding: Folding) {
        for (what, sighting) in other.done {
            match self.done.get_mut(&what) {
                Some(there) => there.join(sighting),
                None => {
                    self.done.insert(what, sighting);
                }
            }
        }
        for (step, branch) in other.steps {
            self.graft(step, branch, folding);
        }
    }

    /// Takes a branch in, where it belongs.
    fn graft(&mut self, step: Step, branch: Self, folding: Folding) {
        if step == Step::Any {
            self.fold_all(folding);
        }
        let step = self.place(step, folding);
        match self.steps.get_mut(&step) {
            Some(there) => return there.merge(branch, folding),
            None => self.steps.insert(step.clone(), branch),
        };
        let Some(shape) = folding.shape_of(&step) else { return };
        let is_folded = matches!(step, Step::Shape(_));
        let alike = self.literals(&shape, folding);
        if folding.alike.is_some_and(|most| is_folded || alike.len() > most) {
            self.fold(&alike, Step::Shape(shape), folding);
        }
        if self.shapes(folding) > folding.width {
            self.fold_all(folding);
        }
    }

    /// Where a name belongs: with those that it was folded with.
    fn place(&self, step: Step, folding: Folding) -> Step {
        if matches!(step, Step::Tail) {
            return step;
        }
        if self.steps.contains_key(&Step::Any) {
            return Step::Any;
        }
        match folding.shape_of(&step).map(Step::Shape) {
            Some(shape) if self.steps.contains_key(&shape) => shape,
            _ => step,
        }
    }

    /// Names as they are that have this shape.
    fn literals(&self, shape: &str, folding: Folding) -> Vec<Step> {
        let is_alike = |step: &&Step| {
            matches!(step, Step::Literal(_)) && folding.shape_of(step).as_deref() == Some(shape)
        };
        self.steps.keys().filter(is_alike).filter(|step| shape_differs(step, shape)).cloned().collect()
    }

    /// How many shapes there are: this only grows, whatever is folded.
    fn shapes(&self, folding: Folding) -> usize {
        let mut shapes: Vec<_> = self.steps.keys().filter_map(|step| folding.shape_of(step)).collect();
        shapes.sort_unstable();
        shapes.dedup();
        shapes.len()
    }

    fn fold_all(&mut self, folding: Folding) {
        let all: Vec<_> = self.steps.keys().filter(|step| **step != Step::Tail).cloned().collect();
        self.fold(&all, Step::Any, folding);
    }

    fn fold(&mut self, steps: &[Step], into: Step, folding: Folding) {
        let mut folded = Self::default();
        for step in steps {
            if let Some(branch) = self.steps.remove(step) {
                folded.merge(branch, folding);
            }
        }
        match self.steps.get_mut(&into) {
            Some(there) => there.merge(folded, folding),
            None if steps.is_empty() => {}
            None => {
                self.steps.insert(into, folded);
            }
        }
    }

    /// The same paths under another rule, and no deeper than `depth`.
    pub(super) fn refolded(&self, folding: Folding, depth: usize) -> Self {
        let mut tree = Self { steps: BTreeMap::new(), done: self.done.clone() };
        for (step, branch) in &self.steps {
            match depth.checked_sub(1) {
                Some(rest) => tree.graft(step.clone(), branch.refolded(folding, rest), folding),
                None => {
                    let mut flat = Self::default();
                    branch.visit(&mut Vec::new(), &mut |_, what, sighting| {
                        flat.add(&[], what, sighting.clone(), folding);
                    });
                    tree.graft(Step::Tail, flat, folding);
                }
            }
        }
        tree
    }

    /// Shows everything that was done, and where, in order.
    pub(super) fn visit<'n>(
        &'n self,
        way: &mut Vec<&'n Step>,
        show: &mut dyn FnMut(&[&'n Step], u8, &'n Sighting),
    ) {
        for (what, sighting) in &self.done {
            show(way, *what, sighting);
        }
        for (step, branch) in &self.steps {
            way.push(step);
            branch.visit(way, show);
            way.pop();
        }
    }
}

/// A name without anything made up is its own shape: there is nothing to fold.
fn shape_differs(step: &Step, shape: &str) -> bool {
    matches!(step, Step::Literal(name) if Pattern::literal(name).as_str() != shape)
}

#[cfg(test)]
mod tests {
    use lazaret_model::Phase;
    use proptest::prelude::*;

    use super::*;
    use crate::learn::Replica;

    const FOLDING: Folding = Folding { width: 4, alike: Some(2) };

    fn tree<'p>(paths: impl IntoIterator<Item = &'p String>) -> Node {
        let mut tree = Node::default();
        for path in paths {
            let steps: Vec<_> = path.split('/').map(|name| Step::Literal(name.to_owned())).collect();
            tree.add(&steps, 0, Sighting::new(Replica(1), 0, Phase::Steady), FOLDING);
        }
        tree
    }

    fn lines(tree: &Node) -> Vec<String> {
        let mut lines = Vec::new();
        tree.visit(&mut Vec::new(), &mut |way, _, _| lines.push(format!("{way:?}")));
        lines
    }

    #[test]
    fn names_that_look_alike_become_one_at_the_third() {
        let paths = |range: std::ops::Range<u32>| -> Vec<String> {
            range.map(|number| format!("srv/tmp-{number}")).chain(["srv/last".to_owned()]).collect()
        };
        assert_eq!(lines(&tree(&paths(0..2))).len(), 3);
        let many = lines(&tree(&paths(0..1000)));
        assert_eq!(many.len(), 2);
        assert!(many.iter().any(|line| line.contains("Shape(\"tmp-*\")")), "{many:?}");
    }

    proptest! {
        #[test]
        fn order_and_grouping_do_not_matter(
            paths in prop::collection::vec("([ab]|[a-e][0-9]?){1}(/([ab]|[a-f][0-9]?)){0,3}", 0..60),
            cuts in prop::collection::vec(0..60_usize, 3),
            seed in any::<u64>(),
        ) {
            let whole = tree(&paths);
            let mut shuffled = paths.clone();
            shuffled.sort_by_key(|path| Replica::of(&format!("{seed}{path}")));
            prop_assert_eq!(&tree(&shuffled), &whole);
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(paths.len())).chain([0, paths.len()]).collect();
            cuts.sort_unstable();
            let parts: Vec<_> = cuts.windows(2).map(|cut| tree(&shuffled[cut[0]..cut[1]])).collect();
            let mut left = Node::default();
            parts.iter().for_each(|part| left.merge(part.clone(), FOLDING));
            prop_assert_eq!(&left, &whole);
            let mut right = Node::default();
            for part in parts.iter().rev() {
                let mut next = part.clone();
                next.merge(right, FOLDING);
                right = next;
            }
            prop_assert_eq!(&right, &whole);
            right.merge(whole.clone(), FOLDING);
            prop_assert_eq!(&right, &whole);
        }
    }
}
