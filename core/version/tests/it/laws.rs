//! The laws that hold in every scheme: a total order over all texts, linear time, no panic.

use std::cmp::Ordering;
use std::time::{Duration, Instant};

use lazaret_version::range::{Language, Range};
use lazaret_version::{Scheme, check, compare, deb};
use proptest::prelude::*;

/// Texts near each other, so that equal and almost equal pairs are common.
pub(crate) fn version() -> impl Strategy<Value = String> {
    "([0-2]:)?[0-2]{1,2}([.+~:-]?[aA~+.-]?[0-3]{0,2}){0,3}(-[0-2]([+~]deb1[23]u[0-9]{1,2})?)?"
}

/// Few pieces that mean something in some scheme, joined at random.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "0", "00", "1", "01", "2", "10", ".", ".", ".", "-", "-", "_", "~", "^", "+", "!", ":", "#", "*",
        "x", "v", "a", "b", "rc", "RC", "alpha", "beta", "dev", "post", "final", "ga", "sp", "snapshot",
        "pre", "p", "r", "-r", "_p", "_rc", "é", " ",
    ]);
    prop::collection::vec(piece, 0..7).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn versions_are_ordered(a in version(), b in version(), c in version()) {
        laws(&a, &b, &c)?;
    }

    #[test]
    fn odd_versions_are_ordered(a in pieces(), b in pieces(), c in pieces()) {
        laws(&a, &b, &c)?;
    }

    #[test]
    fn neighbours_are_ordered(stem in pieces(), a in pieces(), b in pieces(), c in pieces()) {
        laws(&format!("{stem}{a}"), &format!("{stem}{b}"), &format!("{stem}{c}"))?;
    }

    #[test]
    fn any_texts_are_ordered(a in "\\PC{0,12}", b in "\\PC{0,12}", c in "[~0a:-]{0,6}") {
        laws(&a, &b, &c)?;
    }

    #[test]
    fn any_text_is_a_range_or_an_error(text in "[<>=!~^|,* \\[\\]()-]{0,3}\\PC{0,12}", version in pieces()) {
        for language in LANGUAGES {
            if let Ok(range) = Range::parse_as(*language, Scheme::Semver, &text) {
                range.contains(&version);
            }
        }
    }

    #[test]
    fn ranges_of_versions_can_be_asked(op in "(<|<=|=|==|!=|>|>=|~|~>|~=|\\^||\\[)", bound in pieces(), version in pieces()) {
        for language in LANGUAGES {
            for text in [format!("{op}{bound}"), format!("{op} {bound}, <2 || {bound}.x"), format!("[{bound},3)")] {
                if let Ok(range) = Range::parse_as(*language, Scheme::Generic, &text) {
                    range.contains(&version);
                }
            }
        }
    }

    #[test]
    fn strict_parsing_splits_as_the_order_does(a in version()) {
        if let Ok(parsed) = deb::Version::parse(&a) {
            prop_assert_eq!(parsed, deb::Version::split(&a));
        }
    }

    #[test]
    fn the_end_of_a_version_is_above_it(a in version()) {
        prop_assert_eq!(deb::compare(&a, &deb::just_after(&a)), Ordering::Less);
    }
}

const LANGUAGES: &[Language] = &[
    Language::Simple,
    Language::Constraint,
    Language::Npm,
    Language::NpmLoose,
    Language::NpmWithPrereleases,
    Language::Cargo,
    Language::Pep440,
    Language::Gem,
    Language::Composer,
    Language::Nuget,
    Language::Maven,
    Language::Apk,
];

fn laws(a: &str, b: &str, c: &str) -> Result<(), TestCaseError> {
    for scheme in Scheme::ALL {
        let name = scheme.name();
        let order = |x: &str, y: &str| compare(*scheme, x, y);
        prop_assert_eq!(order(a, a), Ordering::Equal, "{}: {} is not itself", name, a);
        prop_assert_eq!(order(a, b), order(b, a).reverse(), "{}: {} and {}", name, a, b);
        let (ab, bc, ac) = (order(a, b), order(b, c), order(a, c));
        if ab == bc {
            prop_assert_eq!(ac, ab, "{}: {}, {} and {} are not transitive", name, a, b, c);
        }
        if ab.is_eq() {
            prop_assert_eq!(ac, bc, "{}: equal {} and {} differ towards {}", name, a, b, c);
        }
        // The verdict does not matter here, only that there is one.
        let _ = check(*scheme, a);
    }
    Ok(())
}

/// Quadratic work on a quarter of a million bytes would take minutes for each of the texts.
#[test]
fn hostile_texts_take_linear_time() {
    const LENGTH: usize = 1 << 18;
    let units = [
        "0", "1", "9", "a", "z", ".", "-", "~", "^", "+", "_", "0.", "1.", "1-", "a1", "1a", "-0", ".0",
        "-0.0", "_p", "_rc1", ".final", "-ga", "-0.final", "final.", "x.", "é", "[", "(1),", "<1 ", "<1,",
        "||", "1||", " or ", "9.",
    ];
    let start = Instant::now();
    for unit in units {
        let long = unit.repeat(LENGTH / unit.len());
        for (a, b) in [(format!("1{long}"), format!("1{long}1")), (format!("{long}-1"), format!("{long}-2"))]
        {
            for scheme in Scheme::ALL {
                compare(*scheme, &a, &b);
                let _ = check(*scheme, &a);
            }
            for language in LANGUAGES {
                if let Ok(range) = Range::parse_as(*language, Scheme::Generic, &a) {
                    range.contains(&b);
                }
            }
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{unit} repeated takes too long");
    }
}
