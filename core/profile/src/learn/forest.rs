//! One tree of paths for each executable.

use std::collections::{BTreeMap, BTreeSet};

use super::shape::shape;
use super::sighting::{Join, Replica, Sighting};
use super::trie::{Folding, Node, Step};
use crate::pattern::Pattern;

/// Executables and directories that paths of one dimension are kept of. Beyond that nothing is: the dimension is wide.
pub(super) const MOST_DIRECTORIES: usize = 256;
/// Deeper directories are as one.
pub(super) const MOST_DEPTH: usize = 16;
/// Names in one directory that become one when there are more: tightest last.
pub(super) const WIDTHS: &[usize] = &[48, 24, 12, 6, 3, 1];
/// Names in one directory that look alike.
const MOST_ALIKE: usize = 2;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Forest {
    trees: BTreeMap<String, Node>,
    /// Hashes of executable and directory, as [`shape`]s.
    directories: BTreeSet<u64>,
    pub(super) wide: bool,
}

pub(super) const fn folding(width: usize) -> Folding {
    Folding { width, alike: Some(MOST_ALIKE) }
}

impl Forest {
    pub(super) fn add(&mut self, by: &str, steps: &[Step], what: u8, sighting: Sighting) {
        if self.wide {
            return;
        }
        if self.directories.insert(place_of(by, steps)) && self.directories.len() > MOST_DIRECTORIES {
            return self.give_up();
        }
        let tree = match self.trees.get_mut(by) {
            Some(tree) => tree,
            None => self.trees.entry(by.to_owned()).or_default(),
        };
        tree.add(steps, what, sighting, folding(WIDTHS[0]));
    }

    /// As it was when it was written.
    pub(super) fn of(trees: BTreeMap<String, Node>, directories: BTreeSet<u64>, wide: bool) -> Self {
        Self { trees, directories, wide }
    }

    pub(super) fn trees(&self) -> &BTreeMap<String, Node> {
        &self.trees
    }

    pub(super) fn directories(&self) -> &BTreeSet<u64> {
        &self.directories
    }

    /// Nothing is kept, whatever comes: so it does not matter when it came.
    fn give_up(&mut self) {
        *self = Self { wide: true, ..Self::default() };
    }

    /// Each executable with its paths, folded more tightly.
    pub(super) fn visit(&self, tightness: usize, mut show: impl FnMut(&str, &[&Step], u8, &Sighting)) {
        let depth = MOST_DEPTH.checked_shr(u32::try_from(tightness).unwrap_or(u32::MAX)).unwrap_or(0).max(1);
        let width = WIDTHS.get(tightness).or(WIDTHS.last()).copied().unwrap_or(1);
        for (by, tree) in &self.trees {
            let folded;
            let tree = match tightness {
                0 => tree,
                _ => {
                    folded = tree.refolded(folding(width), depth);
                    &folded
                }
            };
            tree.visit(&mut Vec::new(), &mut |way, what, sighting| show(by, way, what, sighting));
        }
    }
}

impl Join for Forest {
    fn join(&mut self, other: Self) {
        self.directories.extend(other.directories);
        if self.wide || other.wide || self.directories.len() > MOST_DIRECTORIES {
            return self.give_up();
        }
        for (by, tree) in other.trees {
            self.trees.entry(by).or_default().merge(tree, folding(WIDTHS[0]));
        }
    }
}

/// Names a directory, as far as its paths are kept apart.
pub(super) fn place_of(by: &str, steps: &[Step]) -> u64 {
    let mut key = format!("{by}\0");
    for step in steps.iter().take(steps.len().saturating_sub(1)) {
        match step {
            Step::Literal(name) => key.push_str(&shape(name)),
            Step::Shape(name) => key.push_str(name),
            Step::Any => key.push('*'),
            Step::Tail => key.push_str("**"),
        }
        key.push('/');
    }
    Replica::of(&key).0
}

/// The steps to a path, as far as they are to be kept apart.
pub(super) fn steps(path: &str) -> Vec<Step> {
    let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
    // Several made-up names in one path multiply: there is no use in telling them.
    let is_made_up = |name: &&&str| Pattern::literal(name).as_str() != shape(name);
    let several = names.iter().filter(is_made_up).count() > 1;
    let is_process = |number: usize, name: &str| {
        number == 1 && names[0] == "proc" && name.bytes().all(|byte| byte.is_ascii_digit())
    };
    let mut steps: Vec<Step> = names
        .iter()
        .enumerate()
        .take(MOST_DEPTH)
        .map(|(number, name)| match (several && is_made_up(&name)) || is_process(number, name) {
            true => Step::Shape(shape(name)),
            false => Step::Literal((*name).to_owned()),
        })
        .collect();
    if names.len() > MOST_DEPTH {
        steps.push(Step::Tail);
    }
    steps
}

/// The pattern of a way through the tree.
pub(super) fn path_pattern(way: &[&Step]) -> Pattern {
    let mut text = String::new();
    for step in way {
        text.push('/');
        text.push_str(&pattern_of(step));
    }
    Pattern::of(if text.is_empty() { "/".to_owned() } else { text })
}

/// The pattern of a name whose labels were put in last to first.
pub(super) fn name_pattern(way: &[&Step]) -> Pattern {
    let labels: Vec<_> = way.iter().rev().map(|step| pattern_of(step)).collect();
    Pattern::of(labels.join("."))
}

fn pattern_of(step: &Step) -> String {
    match step {
        Step::Literal(name) => Pattern::literal(name).as_str().to_owned(),
        Step::Shape(shape) => shape.clone(),
        Step::Any => "*".to_owned(),
        Step::Tail => "**".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use lazaret_model::Phase;

    use super::*;

    fn sighting() -> Sighting {
        Sighting::new(Replica(1), 0, Phase::Steady)
    }

    fn patterns(forest: &Forest, tightness: usize) -> Vec<String> {
        let mut patterns = Vec::new();
        forest.visit(tightness, |_, way, _, _| patterns.push(path_pattern(way).to_string()));
        patterns
    }

    fn add(forest: &mut Forest, path: &str) {
        let steps = steps(path);
        forest.add("/usr/bin/perl", &steps, 0, sighting());
    }

    #[test]
    fn paths_keep_what_tells_them_apart() {
        let mut forest = Forest::default();
        for path in
            ["/srv/data/last", "/srv/data/tmp-1", "/srv/data/tmp-2", "/srv/data/tmp-3", "/proc/17/stat"]
        {
            add(&mut forest, path);
        }
        add(&mut forest, "/srv/a1/b2/c");
        assert_eq!(
            patterns(&forest, 0),
            ["/proc/*/stat", "/srv/data/last", "/srv/data/tmp-*", "/srv/a*/b*/c"]
        );
        assert!(patterns(&forest, 6).len() <= 2);
    }

    #[test]
    fn random_names_of_any_kind_stay_few() {
        let mut forest = Forest::default();
        for number in 0..20_000_u64 {
            let Replica(hash) = Replica::of(&number.to_string());
            add(&mut forest, &format!("/tmp/{hash:x}"));
            // Letters only: these do not look made up.
            let word: String = hash.to_be_bytes().iter().map(|byte| char::from(b'a' + byte % 26)).collect();
            add(&mut forest, &format!("/var/cache/{word}"));
        }
        assert!(!forest.wide);
        let patterns = patterns(&forest, 0);
        for expected in ["/tmp/*", "/var/cache/*"] {
            assert!(patterns.iter().any(|pattern| pattern == expected), "{patterns:?}");
        }
        // A few that begin with other letters than the rest, of 40,000.
        assert!(patterns.len() < 20, "{patterns:?}");
    }

    #[test]
    fn too_many_directories_are_given_up() {
        let mut forest = Forest::default();
        let word = |number: u64| -> String {
            Replica::of(&number.to_string())
                .0
                .to_be_bytes()
                .iter()
                .map(|byte| char::from(b'a' + byte % 26))
                .collect()
        };
        (0..10_000).for_each(|number| add(&mut forest, &format!("/d/{}/{}", word(number), word(number + 1))));
        assert!(forest.wide && forest.trees.is_empty());
        let mut other = Forest::default();
        add(&mut other, "/x");
        other.join(forest.clone());
        assert_eq!(other, forest);
    }
}
