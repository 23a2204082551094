//! What is wanted, and what is wanted by what is wanted: lock files name all, the tools that only developers need
//! included.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// Which of `wants.len()` packages are reached from `roots`; `wants[n]` are the numbers of those that the n-th needs.
/// Numbers beyond the end lead nowhere.
pub(crate) fn reached(roots: impl IntoIterator<Item = usize>, wants: &[Vec<usize>]) -> Vec<bool> {
    let mut reached = vec![false; wants.len()];
    let mut next: Vec<usize> = roots.into_iter().collect();
    while let Some(number) = next.pop() {
        if let Some(seen) = reached.get_mut(number)
            && !std::mem::replace(seen, true)
        {
            next.extend(&wants[number]);
        }
    }
    reached
}

/// Numbers of packages by name, for those who name others without saying which. Every name has a number of its own,
/// behind those of the packages, that leads to all packages of the name: so many who name many cost no more than their
/// sum.
#[derive(Debug)]
pub(crate) struct Names<K> {
    numbers: HashMap<K, usize>,
    wants: Vec<Vec<usize>>,
    packages: usize,
}

impl<K: Eq + Hash> Names<K> {
    /// `names` in the order of the packages.
    pub(crate) fn of(names: impl Iterator<Item = K>) -> Self {
        let mut numbers = HashMap::new();
        let mut wants: Vec<Vec<usize>> = Vec::new();
        let mut packages = 0;
        for (package, name) in names.enumerate() {
            let number = *numbers.entry(name).or_insert(wants.len());
            if number == wants.len() {
                wants.push(Vec::new());
            }
            wants[number].push(package);
            packages = package + 1;
        }
        Self { numbers, wants, packages }
    }

    /// The number that stands for all packages of a name.
    pub(crate) fn number<Q: Eq + Hash + ?Sized>(&self, name: &Q) -> Option<usize>
    where
        K: Borrow<Q>,
    {
        self.numbers.get(name).map(|number| self.packages + number)
    }

    /// As [`reached`], for what packages want with these names among the numbers.
    pub(crate) fn reached(
        self,
        roots: impl IntoIterator<Item = usize>,
        mut wants: Vec<Vec<usize>>,
    ) -> Vec<bool> {
        wants.extend(self.wants);
        let mut reached = reached(roots, &wants);
        reached.truncate(self.packages);
        reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_circles_once() {
        let wants = [vec![1], vec![2, 0], vec![], vec![0], vec![9]];
        assert_eq!(reached([0], &wants), [true, true, true, false, false]);
        assert_eq!(reached([4, 7], &wants), [false, false, false, false, true]);
        assert!(reached([], &[]).is_empty());
    }

    #[test]
    fn names_lead_to_all_of_that_name() {
        let names = Names::of(["a", "b", "a", "c"].into_iter());
        let (a, b) = (names.number("a").unwrap(), names.number("b").unwrap());
        assert_eq!(names.number("d"), None);
        assert_eq!(names.reached([b], vec![vec![], vec![a], vec![], vec![]]), [true, true, true, false]);
    }
}
