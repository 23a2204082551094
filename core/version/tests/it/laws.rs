//! The laws of a total order, over texts shaped like versions and over any texts.

use std::cmp::Ordering;

use lazaret_version::deb;
use proptest::prelude::*;

/// Texts near each other, so that equal and almost equal pairs are common.
pub(crate) fn version() -> impl Strategy<Value = String> {
    "([0-2]:)?[0-2]{1,2}([.+~:-]?[aA~+.-]?[0-3]{0,2}){0,3}(-[0-2]([+~]deb1[23]u[0-9]{1,2})?)?"
}

proptest! {
    #[test]
    fn versions_are_ordered(a in version(), b in version(), c in version()) {
        laws(&a, &b, &c)?;
    }

    #[test]
    fn any_texts_are_ordered(a in "\\PC{0,12}", b in "\\PC{0,12}", c in "[~0a:-]{0,6}") {
        laws(&a, &b, &c)?;
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

fn laws(a: &str, b: &str, c: &str) -> Result<(), TestCaseError> {
    prop_assert_eq!(deb::compare(a, a), Ordering::Equal);
    prop_assert_eq!(deb::compare(a, b), deb::compare(b, a).reverse());
    let (ab, bc, ac) = (deb::compare(a, b), deb::compare(b, c), deb::compare(a, c));
    if ab == bc {
        prop_assert_eq!(ac, ab, "not transitive");
    }
    if ab.is_eq() {
        prop_assert_eq!(ac, bc, "equal versions differ towards a third");
    }
    Ok(())
}
