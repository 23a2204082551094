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
const MAKING: u64 = MAKE_DIR | MAKE_REG | MAKE_FIFO;
const REMOVING: u64 = REMOVE_DIR | REMOVE_FILE;
const DEVICES: u64 = MAKE_CHAR | MAKE_BLOCK;
/// All that comes and goes but device nodes.
const CHANGING: u64 = WRITING | MAKING | REMOVING | MAKE_SYM | REFER;
const ALL: u64 = CHANGING | DEVICES;

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
    /// Rights by path; what is below has them too.
    places: BTreeMap<Vec<u8>, u64>,
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
            let rights = rights(rule);
            if rights == 0 {
                continue;
            }
            let directory = rule.directory();
            let place = match () {
                () if is_below(rule.literal(), PROCFS) => PROCFS,
                // A name that is made may be unmade and made again, as another file.
                () if comes_and_goes(rights) || !rule.is_literal() => directory,
                () => rule.literal(),
            };
            if place.is_empty() {
                return Err(DomainError::Root(path_text(rule.literal()).into_owned()));
            }
            *domain.places.entry(place.to_owned()).or_default() |= rights;
        }
        let covered = |place: &[u8], rights: u64| {
            let above = domain.places.iter().filter(|(other, _)| other.as_slice() != place);
            above.into_iter().any(|(other, of)| *of & rights == rights && is_below(place, other))
        };
        let needless: Vec<_> = domain
            .places
            .iter()
            .filter(|(place, rights)| covered(place, **rights))
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
            rules.iter().filter(whole).any(|rule| rights(rule) != 0)
        };
        let wide = self.places.iter().filter(|(_, rights)| comes_and_goes(**rights));
        wide.filter(|(place, _)| !is_whole(place)).map(|(place, _)| path_text(place).into_owned()).collect()
    }

    /// Whether this is not refused at this path.
    pub fn allows(&self, path: &str, operation: FileOperation) -> bool {
        let path = OsStr::new(path).as_bytes();
        let places = self.places.iter().filter(|(place, _)| path == *place || is_below(path, place));
        let (known, given) = places.fold((false, 0), |(_, given), (_, rights)| (true, given | rights));
        known && given & needed(operation) == needed(operation)
    }

    /// As the starter reads it, for a kernel with this version of Landlock.
    pub(crate) fn bytes(&self, version: u32) -> Vec<u8> {
        let known = match version {
            ..KNOWS_REFERENCES => !(REFER | TRUNCATE),
            KNOWS_REFERENCES => !TRUNCATE,
            _ => u64::MAX,
        };
        let mut bytes = (ALL & known).to_le_bytes().to_vec();
        for (place, rights) in &self.places {
            bytes.extend((rights & known).to_le_bytes());
            bytes.extend(place);
            bytes.push(0);
        }
        bytes
    }
}

/// What the operation takes of a right on the file, or on its directory.
const fn needed(operation: FileOperation) -> u64 {
    match operation {
        FileOperation::Write | FileOperation::Append => WRITE_FILE,
        FileOperation::Truncate => TRUNCATE,
        FileOperation::Create => MAKE_REG,
        FileOperation::Delete => REMOVE_FILE,
        FileOperation::Rename | FileOperation::Link => REFER,
        FileOperation::Symlink => MAKE_SYM,
        FileOperation::Device => DEVICES,
        _ => 0,
    }
}

/// What a rule gives; nothing: it changes nothing that Landlock knows of.
fn rights(rule: &PathRule) -> u64 {
    let given = |operation: &FileOperation| match operation {
        // What is written is written anew after a restart.
        FileOperation::Write | FileOperation::Append | FileOperation::Truncate => WRITING,
        FileOperation::Create => MAKING | WRITING,
        FileOperation::Delete => REMOVING,
        // Where something is moved to there must not be more rights than where it was.
        FileOperation::Rename | FileOperation::Link => CHANGING,
        operation => needed(*operation),
    };
    let allowed = FileOperation::ALL.iter().filter(|operation| rule.allows(**operation));
    allowed.map(given).fold(0, |all, rights| all | rights)
}

/// Whether they are rights on a directory.
const fn comes_and_goes(rights: u64) -> bool {
    rights & !WRITING != 0
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

    fn places(domain: &Domain) -> Vec<(&str, u64)> {
        domain.places.iter().map(|(place, ground)| (std::str::from_utf8(place).unwrap(), *ground)).collect()
    }

    /// Where files are made and written, and not taken away.
    const MADE: u64 = MAKING | WRITING;

    #[test]
    fn a_right_is_given_where_all_that_the_rule_names_is() {
        use FileOperation::{
            Append, Attributes, Create, Delete, Device, Read, Rename, Symlink, Truncate, Write,
        };
        for (pattern, operations, expected) in [
            ("/srv/data/**", &[Create, Write][..], Some(("/srv/data", MADE))),
            ("/srv/tmp-*", &[Create], Some(("/srv", MADE))),
            ("/srv/*/x", &[Delete], Some(("/srv", REMOVING))),
            ("/srv/ab**", &[Rename], Some(("/srv", CHANGING))),
            ("/srv/last", &[Create], Some(("/srv", MADE))),
            ("/srv/last", &[Symlink, Device], Some(("/srv", MAKE_SYM | DEVICES))),
            ("/srv/last", &[Write, Truncate], Some(("/srv/last", WRITING))),
            ("/srv/*", &[Append], Some(("/srv", WRITING))),
            ("/x", &[Write], Some(("/x", WRITING))),
            (r"/a\x2ab", &[Write], Some(("/a*b", WRITING))),
            ("/proc/*/oom_score_adj", &[Write], Some(("/proc", WRITING))),
            ("/proc/1/comm", &[Write], Some(("/proc", WRITING))),
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
        let expected =
            [("/opt", WRITING), ("/opt/tmp", MADE), ("/srv", MADE), ("/srvx", WRITING), ("/var/log", MADE)];
        assert_eq!(places(&domain), expected);
        assert_eq!(domain.wider_than(&rules), ["/var/log"]);
        for (path, allowed) in
            [("/srv/x", true), ("/srv", true), ("/srvx", true), ("/srvy", false), ("/var/lo", false)]
        {
            assert_eq!(domain.allows(path, FileOperation::Write), allowed, "{path}");
            assert!(!domain.allows(path, FileOperation::Device), "{path}");
        }
    }

    #[test]
    fn what_is_made_is_not_taken_away_without_a_rule() {
        use FileOperation::{Append, Create, Delete, Link, Rename, Symlink, Truncate};
        let domain = Domain::of(&[rule("/var/log/app.log", &[Create]), rule("/tmp/**", &[Rename])]).unwrap();
        let allowed = |path: &str| {
            let all = [Create, Append, Truncate, Delete, Rename, Link, Symlink];
            all.into_iter().filter(|operation| domain.allows(path, *operation)).count()
        };
        assert_eq!((allowed("/var/log/app.log"), allowed("/tmp/x")), (3, 7));
    }

    #[test]
    fn device_nodes_are_made_where_a_rule_says_so() {
        let domain = Domain::of(&[
            rule("/srv/**", &[FileOperation::Create]),
            rule("/srv/dev/**", &[FileOperation::Device]),
        ]);
        let domain = domain.unwrap();
        assert_eq!(places(&domain), [("/srv", MADE), ("/srv/dev", DEVICES)]);
        for (path, allowed) in [("/srv/sda", false), ("/srv/dev/sda", true)] {
            assert_eq!(domain.allows(path, FileOperation::Device), allowed, "{path}");
            assert!(domain.allows(path, FileOperation::Create), "{path}");
        }
    }

    #[test]
    fn an_older_kernel_is_asked_for_what_it_knows() {
        let domain = Domain::of(&[rule("/srv/**", &[FileOperation::Rename])]).unwrap();
        let held = |version| {
            let bytes = domain.bytes(version);
            assert_eq!(&bytes[16..], b"/srv\0");
            let rights = |from: usize| u64::from_le_bytes(bytes[from..from + 8].try_into().unwrap());
            (rights(0), rights(8))
        };
        assert_eq!(held(3), (ALL, CHANGING));
        assert_eq!(held(2), (ALL & !TRUNCATE, CHANGING & !TRUNCATE));
        assert_eq!(held(1), (ALL & !TRUNCATE & !REFER, CHANGING & !TRUNCATE & !REFER));
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
                for rule in rules.iter().filter(|rule| rights(rule) != 0) {
                    let mut matched = rule.literal().to_vec();
                    matched.extend(b"ab");
                    let text = String::from_utf8(matched).unwrap();
                    let mut does = FileOperation::ALL.iter().filter(|operation| rule.allows(**operation));
                    prop_assert!(
                        rule.is_literal() || does.all(|operation| domain.allows(&text, *operation)),
                        "{rule:?} {text} {domain:?}"
                    );
                }
                let _ = domain.allows(&path, FileOperation::Write);
            }
        }
    }
}
