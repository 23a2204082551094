//! Which executable may do what with which file, found fast however many rules there are.

use std::collections::HashMap;

use lazaret_model::{FileOperation, Phase};

use super::reach::is_log;
use crate::pattern::{Kind, Pattern};
use crate::profile::{ANY, FileRule, Phases};

#[derive(Debug, Default)]
pub(super) struct FileIndex {
    by: HashMap<String, Rules>,
}

#[derive(Debug, Default)]
struct Rules {
    /// Whole paths.
    exact: HashMap<String, Vec<Permit>>,
    /// Patterns by the directory that all of their matches are in.
    below: HashMap<String, Vec<(Pattern, Permit)>>,
}

#[derive(Debug, Clone, Copy)]
struct Permit {
    /// A bit for each operation.
    operations: u16,
    phases: Phases,
}

impl FileIndex {
    pub(super) fn new(rules: &[FileRule]) -> Self {
        let mut index = Self::default();
        for rule in rules.iter().filter(|rule| rule.seen.pending.is_none()) {
            let operations = rule.operations.iter().fold(0, |bits, operation| bits | bit(*operation));
            let permit = Permit { operations, phases: rule.seen.phases };
            let by = index.by.entry(rule.by.clone()).or_default();
            match rule.path.as_literal() {
                Some(path) => by.exact.entry(path).or_default().push(permit),
                None => {
                    let directory = parent(rule.path.prefix()).to_owned();
                    by.below.entry(directory).or_default().push((rule.path.clone(), permit));
                }
            }
        }
        index
    }

    pub(super) fn allows(&self, by: &str, path: &str, operation: FileOperation, phase: Phase) -> bool {
        let allows = |operation| {
            let mut rules = [by, ANY].into_iter().filter_map(|by| self.by.get(by));
            rules.any(|rules| rules.allow(path, operation, phase))
        };
        allows(operation) || is_part_of_making(operation, path) && allows(FileOperation::Create)
    }

    /// What an executable may do with a file, in whatever phase.
    pub(super) fn operations(&self, by: &str, path: &str) -> Vec<FileOperation> {
        let can = |operation: &FileOperation| {
            Phase::ALL.iter().any(|phase| self.allows(by, path, *operation, *phase))
        };
        FileOperation::ALL.iter().copied().filter(can).collect()
    }
}

/// Who makes a file may find it there the next time. That a log is emptied is another matter.
fn is_part_of_making(operation: FileOperation, path: &str) -> bool {
    match operation {
        FileOperation::Write | FileOperation::Append => true,
        FileOperation::Truncate => !is_log(path),
        _ => false,
    }
}

impl Rules {
    fn allow(&self, path: &str, operation: FileOperation, phase: Phase) -> bool {
        if self
            .exact
            .get(path)
            .is_some_and(|permits| permits.iter().any(|permit| permit.holds(operation, phase)))
        {
            return true;
        }
        if self.below.is_empty() {
            return false;
        }
        let mut directory = path;
        loop {
            directory = parent(directory);
            let found = self.below.get(directory).is_some_and(|patterns| {
                patterns.iter().any(|(pattern, permit)| {
                    permit.holds(operation, phase) && pattern.matches(path, Kind::Path)
                })
            });
            if found || directory.is_empty() {
                return found;
            }
        }
    }
}

impl Permit {
    fn holds(self, operation: FileOperation, phase: Phase) -> bool {
        self.operations & bit(operation) != 0 && (self.phases.is_empty() || self.phases.contains(phase))
    }
}

const fn bit(operation: FileOperation) -> u16 {
    1 << operation as u16
}

/// The directory of a path, without slash at the end; that of `/x` is empty.
fn parent(path: &str) -> &str {
    path.rfind('/').map_or("", |slash| &path[..slash])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Seen;

    #[test]
    fn finds_the_rule_of_any_depth() {
        let rule = |path: &str, by: &str| FileRule {
            path: Pattern::parse(path).unwrap(),
            by: by.to_owned(),
            operations: vec![FileOperation::Write],
            seen: Seen::default(),
        };
        let rules = [
            rule("/srv/data/last", "/p"),
            rule("/srv/data/tmp-*", "/p"),
            rule("/var/**", "*"),
            rule("/*/x", "/p"),
        ];
        let index = FileIndex::new(&rules);
        let allows = |by, path| index.allows(by, path, FileOperation::Write, Phase::Steady);
        for path in ["/srv/data/last", "/srv/data/tmp-1", "/var/a/b/c", "/a/x"] {
            assert!(allows("/p", path), "{path}");
        }
        assert!(allows("/q", "/var/a"));
        assert!(!allows("/q", "/srv/data/last") && !allows("/p", "/srv/data/tmp-1/x") && !allows("/p", "/x"));
        assert!(!index.allows("/p", "/var/a", FileOperation::Read, Phase::Steady));
        assert_eq!(index.operations("/p", "/srv/data/last"), [FileOperation::Write]);
    }
}
