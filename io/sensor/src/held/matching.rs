//! Rules as they are asked in user space; the kernel programs ask them likewise.

use lazaret_model::FileOperation;

use super::PathRule;

impl PathRule {
    /// Whether it lets somebody open this file, for whatever: who decides in user space is not told for what.
    pub(crate) fn opens(&self, path: &[u8]) -> bool {
        use FileOperation::{Append, Create, Read, Truncate, Write};
        let opening = [Read, Write, Append, Truncate, Create].map(|operation| 1u32 << operation as u32);
        opening.iter().any(|bit| self.operations & bit != 0) && self.matches(path)
    }

    /// `None`: any.
    pub(crate) fn program(&self) -> Option<&[u8]> {
        self.by.as_deref()
    }

    /// As `compare` of `bpf/rules.h`: on a mismatch the last star takes one more character.
    fn matches(&self, path: &[u8]) -> bool {
        let (mut at, mut of) = (0, 0);
        let mut star = None;
        loop {
            match (self.pattern.get(at), path.get(of)) {
                (None, rest) if self.open || rest.is_none() => return true,
                (Some(0), _) => {
                    at += 1;
                    star = Some((at, of));
                    continue;
                }
                (Some(expected), Some(found)) if expected == found => {
                    (at, of) = (at + 1, of + 1);
                    continue;
                }
                _ => {}
            }
            match star {
                Some((behind, from)) if path.get(from).is_some_and(|byte| *byte != b'/') => {
                    star = Some((behind, from + 1));
                    (at, of) = (behind, from + 1);
                }
                _ => return false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(pattern: &str, operations: &[FileOperation]) -> PathRule {
        PathRule::new(pattern, Some("/bin/p"), operations).unwrap()
    }

    #[test]
    fn a_star_stays_in_its_component_and_two_take_all_that_follows() {
        for (pattern, path, matches) in [
            ("/run/secrets/a", "/run/secrets/a", true),
            ("/run/secrets/a", "/run/secrets/ab", false),
            ("/run/secrets/a", "/run/secrets", false),
            ("/run/*/a", "/run/x/a", true),
            ("/run/*/a", "/run//a", true),
            ("/run/*/a", "/run/x/y/a", false),
            ("/a*b*c", "/a-b-bb-c", true),
            ("/a*b*c", "/a-b-bb-d", false),
            ("/a/**", "/a/b/c", true),
            ("/a/**", "/a", false),
            ("/a/x*/**", "/a/xy/c/d", true),
            ("/a/*", "/a/b/c", false),
        ] {
            assert_eq!(
                rule(pattern, &[FileOperation::Read]).opens(path.as_bytes()),
                matches,
                "{pattern} {path}"
            );
        }
    }

    #[test]
    fn who_may_only_rename_or_delete_may_not_open() {
        assert!(!rule("/a", &[FileOperation::Rename, FileOperation::Delete]).opens(b"/a"));
        assert!(rule("/a", &[FileOperation::Append]).opens(b"/a"));
        assert_eq!(rule("/a", &[]).program(), Some(&b"/bin/p"[..]));
    }

    proptest::proptest! {
        /// The simplest thing that decides it, in exponential time.
        #[test]
        fn matching_is_what_the_words_say(pattern in "/[ab*/]{0,7}", path in "/[ab/]{0,8}") {
            fn plain(pattern: &[u8], path: &[u8]) -> bool {
                match (pattern.split_first(), path.split_first()) {
                    (None, None) => true,
                    (Some((b'*', rest)), after) => {
                        plain(rest, path) || after.is_some_and(|(byte, path)| *byte != b'/' && plain(pattern, path))
                    }
                    (Some((expected, pattern)), Some((found, path))) => expected == found && plain(pattern, path),
                    _ => false,
                }
            }
            proptest::prop_assume!(!pattern.ends_with("**"));
            let said = rule(&pattern, &[FileOperation::Read]).opens(path.as_bytes());
            proptest::prop_assert_eq!(said, plain(pattern.as_bytes(), path.as_bytes()));
        }
    }
}
