//! The terms that every language comes down to.

use std::cmp::Ordering;

use crate::text::compare_dotted;
use crate::{Scheme, apk, compare, gem, pep440, semver};

/// What must hold for a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Term {
    /// A comparison by the order of the scheme.
    Compare(Op, String),
    /// Below the first or not below the second.
    Outside(String, String),
    /// Nothing fulfils it.
    Never,
    /// apk: of the series that starts so, or the comparison holds.
    Series(String, Option<Op>),
    /// RubyGems: the version without its prerelease is below.
    ReleaseBelow(String),
    /// Python: a comparison of public versions, with its rules for prereleases, posts and locals.
    Python(Op, String),
    /// Python: the version starts so, `==1.2.*`, or does not.
    PythonPrefix(bool, String),
    /// Python: the very same text, `===`.
    Identical(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Less,
    AtMost,
    Equal,
    NotEqual,
    AtLeast,
    Greater,
}

impl Op {
    /// The operators that most languages share. No operator means equal.
    pub(super) fn of(text: &str) -> Option<Self> {
        Some(match text {
            "" | "=" | "==" => Self::Equal,
            "!=" => Self::NotEqual,
            "<" => Self::Less,
            "<=" | "=<" => Self::AtMost,
            ">" => Self::Greater,
            ">=" | "=>" => Self::AtLeast,
            _ => return None,
        })
    }

    fn accepts(self, order: Ordering) -> bool {
        match self {
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::AtLeast => order.is_ge(),
            Self::Greater => order.is_gt(),
        }
    }
}

impl Term {
    pub(super) fn at_least(version: impl Into<String>) -> Self {
        Self::Compare(Op::AtLeast, version.into())
    }

    pub(super) fn below(version: impl Into<String>) -> Self {
        Self::Compare(Op::Less, version.into())
    }

    pub(super) fn holds(&self, scheme: Scheme, version: &str) -> bool {
        match self {
            Self::Compare(op, bound) => op.accepts(compare(scheme, version, bound)),
            Self::Outside(from, to) => {
                compare(scheme, version, from).is_lt() || compare(scheme, version, to).is_ge()
            }
            Self::Never => false,
            Self::Series(series, or) => {
                apk::is_in_series(version, series)
                    || or.is_some_and(|op| op.accepts(compare(scheme, version, series)))
            }
            Self::ReleaseBelow(bound) => compare(scheme, gem::release(version), bound).is_lt(),
            Self::Python(op, bound) => python_holds(*op, version, bound),
            Self::PythonPrefix(wanted, prefix) => python_prefix(version, prefix) == Some(*wanted),
            Self::Identical(text) => version.trim().eq_ignore_ascii_case(text),
        }
    }

    /// Whether it compares with a prerelease of the version that has these numbers.
    pub(super) fn names_prerelease_of(&self, core: &[u8]) -> bool {
        let Self::Compare(_, bound) = self else { return false };
        let bound = semver::Parts::split(bound);
        bound.prerelease.is_some() && compare_dotted(bound.core, core).is_eq()
    }
}

/// What is no version of Python is in no range of versions.
fn python_holds(op: Op, version: &str, bound: &str) -> bool {
    let (Some(version), Some(bound)) = (pep440::Version::parse(version), pep440::Version::parse(bound))
    else {
        return false;
    };
    let same_base = version.cmp_base(&bound).is_eq();
    let public = version.cmp_public(&bound);
    match op {
        Op::AtMost | Op::AtLeast => op.accepts(public),
        Op::Equal | Op::NotEqual if bound.local.is_none() => op.accepts(public),
        Op::Equal | Op::NotEqual => op.accepts(version.cmp(&bound)),
        // `<2` does not take the prereleases of 2, `>2` not its post releases and local builds.
        Op::Less => {
            version.cmp(&bound).is_lt() && !(same_base && version.is_prerelease() && !bound.is_prerelease())
        }
        Op::Greater => public.is_gt() && !(same_base && version.post.is_some() && bound.post.is_none()),
    }
}

fn python_prefix(version: &str, prefix: &str) -> Option<bool> {
    let (version, prefix) = (pep440::Version::parse(version)?, pep440::Version::parse(prefix)?);
    Some(version.starts_with(&prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_has_rules_of_its_own() {
        assert!(!python_holds(Op::Less, "2.0rc1", "2"));
        assert!(python_holds(Op::Less, "2.0rc1", "2.0rc2"));
        assert!(!python_holds(Op::Greater, "2.0.post1", "2"));
        assert!(!python_holds(Op::Greater, "2.0+local", "2"));
        assert!(python_holds(Op::Equal, "2.0+local", "2"));
        assert!(!python_holds(Op::NotEqual, "french toast", "2"));
        assert_eq!(python_prefix("2rc1", "2.0"), Some(true));
        assert_eq!(python_prefix("2.1", "2.0"), Some(false));
    }
}
