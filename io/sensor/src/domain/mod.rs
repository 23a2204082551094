//! Where the processes of a container may change files, as Landlock holds them: places in which everything may be
//! changed, and files and trees that may be written to. Elsewhere the caller gets EACCES.
//!
//! Landlock holds a process that asks for it, and all that descend from it. So the container's first program is one of
//! ours (`starter/starter.c`), which gives the rights up and becomes the container's own; nothing of it is left, and
//! nothing takes the rights back. What comes in from outside later is not held.
//!
//! Reading and executing stay free. The rules are coarser than those of a profile: a right is given on a whole tree, to
//! whatever program.

mod kernel;
mod starter;
mod trial;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use lazaret_model::{FileOperation, path_text};

use crate::held::PathRule;

pub(crate) use kernel::version;
pub(crate) use starter::is_starter;
pub use starter::{NotHanded, StartFiles, is_start};
pub(crate) use trial::refuses;
pub use trial::refuses as landlock;

/// Rights of `linux/landlock.h`.
const WRITE_FILE: u64 = 1 << 1;
const REMOVE_DIR: u64 = 1 << 4;
const REMOVE_FILE: u64 = 1 << 5;
const MAKE_CHAR: u64 = 1 << 6;
const MAKE_DIR: u64 = 1 << 7;
const MAKE_REG: u64 = 1 << 8;
// Not MAKE_SOCK: sockets are bound, not made, and no profile knows of them.
const MAKE_FIFO: u64 = 1 << 10;
const MAKE_BLOCK: u64 = 1 << 11;
const MAKE_SYM: u64 = 1 << 12;
const REFER: u64 = 1 << 13;
const TRUNCATE: u64 = 1 << 14;

const WRITING: u64 = WRITE_FILE | TRUNCATE;
const CHANGING: u64 = WRITING
    | REMOVE_DIR
    | REMOVE_FILE
    | MAKE_CHAR
    | MAKE_DIR
    | MAKE_REG
    | MAKE_FIFO
    | MAKE_BLOCK
    | MAKE_SYM
    | REFER;

/// With this version a file may be moved to another directory at all (Linux 5.19).
const KNOWS_REFERENCES: u32 = 2;
/// From this one on cutting a file is a right of its own (Linux 6.2).
const KNOWS_TRUNCATION: u32 = 3;

/// Of what the starter reads.
const MOST_BYTES: usize = 60 << 10;

/// Windows into the kernel, whose files come and go with processes.
const PROCFS: &[u8] = b"/proc";

/// What a container may change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Domain {
    /// By path.
    places: BTreeMap<Vec<u8>, Ground>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Ground {
    /// What is there may be written to.
    Written,
    /// Files come and go there too.
    Changed,
}

/// Why Landlock cannot hold it to the rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    #[error(
        "`{0}` lets files be made or changed in the root directory, and Landlock gives a right on all that is below"
    )]
    Root(String),
    #[error("they name more places than the {MOST_BYTES} bytes that a start takes")]
    Many,
}

impl Domain {
    /// The least that allows all that the rules do, for every program.
    ///
    /// # Errors
    /// It would allow everything, or does not fit.
    pub fn of(rules: &[PathRule]) -> Result<Self, DomainError> {
        let mut domain = Self::default();
        for rule in rules {
            let Some(ground) = ground(rule) else { continue };
            let directory = rule.directory();
            let place = match () {
                () if is_below(rule.literal(), PROCFS) => PROCFS,
                // A name that is made may be unmade and made again, as another file.
                () if ground == Ground::Changed || !rule.is_literal() => directory,
                () => rule.literal(),
            };
            if place.is_empty() {
                return Err(DomainError::Root(path_text(rule.literal()).into_owned()));
            }
            let known = domain.places.entry(place.to_owned()).or_insert(ground);
            *known = (*known).max(ground);
        }
        let covered = |place: &[u8], ground: Ground| {
            let above = domain.places.iter().filter(|(other, _)| other.as_slice() != place);
            above.into_iter().any(|(other, of)| *of >= ground && is_below(place, other))
        };
        let needless: Vec<_> = domain
            .places
            .iter()
            .filter(|(place, ground)| covered(place, **ground))
            .map(|(place, _)| place.clone())
            .collect();
        for place in needless {
            domain.places.remove(&place);
        }
        if domain.bytes(KNOWS_TRUNCATION).len() > MOST_BYTES {
            return Err(DomainError::Many);
        }
        Ok(domain)
    }

    /// Places in which more may be changed than the rules say: whole trees, though a rule speaks of some names in them.
    pub fn wider_than(&self, rules: &[PathRule]) -> Vec<String> {
        let is_whole = |place: &[u8]| {
            let whole = |rule: &&PathRule| rule.is_tree() && rule.directory() == place;
            rules.iter().filter(whole).any(|rule| ground(rule).is_some())
        };
        let wide = self.places.iter().filter(|(_, ground)| **ground == Ground::Changed);
        wide.filter(|(place, _)| !is_whole(place)).map(|(place, _)| path_text(place).into_owned()).collect()
    }

    /// Whether nothing at this path is refused.
    pub fn allows(&self, path: &str) -> bool {
        let path = OsStr::new(path).as_bytes();
        self.places.keys().any(|place| path == place || is_below(path, place))
    }

    /// As the starter reads it, for a kernel with this version of Landlock.
    pub(crate) fn bytes(&self, version: u32) -> Vec<u8> {
        let known = match version {
            ..KNOWS_REFERENCES => !(REFER | TRUNCATE),
            KNOWS_REFERENCES => !TRUNCATE,
            _ => u64::MAX,
        };
        let mut bytes = (CHANGING & known).to_le_bytes().to_vec();
        for (place, ground) in &self.places {
            let rights = match ground {
                Ground::Written => WRITING,
                Ground::Changed => CHANGING,
            };
            bytes.extend((rights & known).to_le_bytes());
            bytes.extend(place);
            bytes.push(0);
        }
        bytes
    }
}

/// `None`: it changes nothing that Landlock knows of.
fn ground(rule: &PathRule) -> Option<Ground> {
    use FileOperation::{Append, Create, Delete, Device, Link, Rename, Symlink, Truncate, Write};
    let does = |operations: &[FileOperation]| operations.iter().any(|operation| rule.allows(*operation));
    if does(&[Create, Delete, Rename, Link, Symlink, Device]) {
        Some(Ground::Changed)
    } else {
        does(&[Write, Append, Truncate]).then_some(Ground::Written)
    }
}

fn is_below(path: &[u8], directory: &[u8]) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.first() == Some(&b'/'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(pattern: &str, operations: &[FileOperation]) -> PathRule {
        PathRule::new(pattern, Some("/bin/p"), operations).unwrap()
    }

    fn places(domain: &Domain) -> Vec<(&str, Ground)> {
        domain.places.iter().map(|(place, ground)| (std::str::from_utf8(place).unwrap(), *ground)).collect()
    }

    #[test]
    fn a_right_is_given_where_all_that_the_rule_names_is() {
        use FileOperation::{Append, Attributes, Create, Delete, Read, Rename, Truncate, Write};
        use Ground::{Changed, Written};
        for (pattern, operations, expected) in [
            ("/srv/data/**", &[Create, Write][..], Some(("/srv/data", Changed))),
            ("/srv/tmp-*", &[Create], Some(("/srv", Changed))),
            ("/srv/*/x", &[Delete], Some(("/srv", Changed))),
            ("/srv/ab**", &[Rename], Some(("/srv", Changed))),
            ("/srv/last", &[Create], Some(("/srv", Changed))),
            ("/srv/last", &[Write, Truncate], Some(("/srv/last", Written))),
            ("/srv/*", &[Append], Some(("/srv", Written))),
            ("/x", &[Write], Some(("/x", Written))),
            (r"/a\x2ab", &[Write], Some(("/a*b", Written))),
            ("/proc/*/oom_score_adj", &[Write], Some(("/proc", Written))),
            ("/proc/1/comm", &[Write], Some(("/proc", Written))),
            ("/srv/**", &[Read], None),
            ("/srv/**", &[Attributes], None),
        ] {
            let domain = Domain::of(&[rule(pattern, operations)]).unwrap();
            assert_eq!(places(&domain), expected.into_iter().collect::<Vec<_>>(), "{pattern}");
        }
    }

    #[test]
    fn a_right_on_everything_is_none_to_be_given() {
        use FileOperation::{Create, Write};
        for (pattern, operations) in
            [("/x", Create), ("/**", Write), ("/*", Write), ("/*/x", Create), ("/ab**", Create)]
        {
            let domain = Domain::of(&[rule(pattern, &[operations])]);
            assert!(matches!(domain, Err(DomainError::Root(_))), "{pattern}: {domain:?}");
        }
        let many: Vec<_> =
            (0..2000).map(|number| rule(&format!("/{number:0100}/x"), &[FileOperation::Create])).collect();
        assert_eq!(Domain::of(&many), Err(DomainError::Many));
    }

    #[test]
    fn what_is_given_above_is_not_given_again() {
        use FileOperation::{Create, Write};
        let rules = [
            rule("/srv/**", &[Create]),
            rule("/srv/a/b", &[Write]),
            rule("/srv/c/**", &[Create]),
            rule("/srvx", &[Write]),
            rule("/var/log/x", &[Create]),
            rule("/opt/**", &[Write]),
            rule("/opt/tmp/**", &[Create]),
        ];
        let domain = Domain::of(&rules).unwrap();
        let expected = [
            ("/opt", Ground::Written),
            ("/opt/tmp", Ground::Changed),
            ("/srv", Ground::Changed),
            ("/srvx", Ground::Written),
            ("/var/log", Ground::Changed),
        ];
        assert_eq!(places(&domain), expected);
        assert_eq!(domain.wider_than(&rules), ["/var/log"]);
        for (path, allowed) in
            [("/srv/x", true), ("/srv", true), ("/srvx", true), ("/srvy", false), ("/var/lo", false)]
        {
            assert_eq!(domain.allows(path), allowed, "{path}");
        }
    }

    #[test]
    fn an_older_kernel_is_asked_for_what_it_knows() {
        let domain = Domain::of(&[rule("/srv/**", &[FileOperation::Create])]).unwrap();
        let held = |version| {
            let bytes = domain.bytes(version);
            assert_eq!(bytes[..8], bytes[8..16]);
            assert_eq!(&bytes[16..], b"/srv\0");
            u64::from_le_bytes(bytes[..8].try_into().unwrap())
        };
        assert_eq!(held(3), CHANGING);
        assert_eq!(held(2), CHANGING & !TRUNCATE);
        assert_eq!(held(1), CHANGING & !TRUNCATE & !REFER);
    }

    #[test]
    fn numbers_are_those_of_the_starter() {
        let source = include_str!("../../starter/starter.c");
        for (name, value) in [("WRITE_FILE", WRITE_FILE), ("TRUNCATE", TRUNCATE)] {
            assert!(source.contains(&format!("#define {name} (1ull << {})", value.trailing_zeros())));
        }
        assert!(source.contains("#define ROOM (64 << 10)") && MOST_BYTES < 64 << 10);
    }

    proptest! {
        #[test]
        fn whatever_a_rule_allows_to_be_changed_is_allowed(
            rules in proptest::collection::vec((r"/[ab]{1,2}(/[ab*]{1,2}){0,3}", 0usize..13), 1..8),
            path in r"/[ab]{1,2}(/[ab]{1,2}){0,3}",
        ) {
            let rules: Vec<_> = rules
                .iter()
                .filter_map(|(pattern, operation)| {
                    PathRule::new(pattern, None, &[FileOperation::ALL[*operation]]).ok()
                })
                .collect();
            if let Ok(domain) = Domain::of(&rules) {
                for rule in rules.iter().filter(|rule| ground(rule).is_some()) {
                    let mut matched = rule.literal().to_vec();
                    matched.extend(b"ab");
                    let text = String::from_utf8(matched).unwrap();
                    prop_assert!(rule.is_literal() || domain.allows(&text), "{rule:?} {text} {domain:?}");
                }
                let _ = domain.allows(&path);
            }
        }
    }
}
