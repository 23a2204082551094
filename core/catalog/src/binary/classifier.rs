//! Tells programs by texts that only they contain, with the version in them.

use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};

use super::products::PRODUCTS;
use crate::pattern::Name;

/// One program that is told by its texts.
pub(super) struct Product {
    pub(super) name: &'static str,
    /// What its files are called.
    pub(super) files: &'static [Name],
    pub(super) look: Look,
    /// Regular expressions over bytes whose first group is the version, the surest first. None of them may match more
    /// than [`super::finder::OVERLAP`] bytes. They are fast where something in them is rare: `[^\w.]` before a version
    /// is looked at from there, `\x00` would be looked for first, and programs are full of it.
    pub(super) signs: &'static [&'static str],
}

/// In which files a product is looked for, and how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// In executable files and libraries, all of them.
    Program,
    /// In anything, all of it.
    Whole,
    /// In the beginning of anything.
    Beginning,
}

/// The search for one product in one file.
pub(super) struct Row {
    product: &'static Product,
    signs: &'static [Regex],
    /// The surest sign that was found, and the version.
    found: Option<(usize, Vec<u8>)>,
    is_done: bool,
}

/// The products that a file may be, by its name.
pub(super) fn rows(file: &[u8]) -> Vec<Row> {
    static SIGNS: [OnceLock<Vec<Regex>>; PRODUCTS.len()] = [const { OnceLock::new() }; PRODUCTS.len()];
    let named = |product: &Product| product.files.iter().any(|name| is_called(file, *name));
    let compile =
        |sign: &&str| RegexBuilder::new(sign).unicode(false).dot_matches_new_line(true).build().ok();
    PRODUCTS
        .iter()
        .zip(&SIGNS)
        .filter(|(product, _)| named(product))
        .map(|(product, signs)| Row {
            product,
            // Whether all can be compiled is tested.
            signs: signs.get_or_init(|| product.signs.iter().filter_map(compile).collect()),
            found: None,
            is_done: false,
        })
        .collect()
}

/// Whether files of these names may be the same products.
pub(super) fn same_rows(one: &[u8], other: &[u8]) -> bool {
    let named = |file, product: &Product| product.files.iter().any(|name| is_called(file, *name));
    PRODUCTS.iter().all(|product| named(one, product) == named(other, product))
}

fn is_called(file: &[u8], name: Name) -> bool {
    match name {
        Name::Exactly(exactly) => file == exactly.as_bytes(),
        Name::EndsWith(end) => file.ends_with(end.as_bytes()),
        Name::Around(start, end) => {
            file.len() >= start.len() + end.len()
                && file.starts_with(start.as_bytes())
                && file.ends_with(end.as_bytes())
        }
        Name::Any | Name::Executable => false,
    }
}

impl Row {
    pub(super) fn look_in(&self) -> Look {
        self.product.look
    }

    /// Nothing surer can come.
    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }

    /// Looks for signs that begin before `until`; of each sign the first counts.
    pub(super) fn look(&mut self, window: &[u8], until: usize) {
        if self.is_done || window.is_empty() {
            return;
        }
        let surer = self.found.as_ref().map_or(self.signs.len(), |(sign, _)| *sign);
        let versions = self.signs.iter().take(surer).enumerate().filter_map(|(number, sign)| {
            // Most windows hold none, and that is known much sooner than where the groups of one are.
            let at = sign.find(window).filter(|it| it.start() < until)?.start();
            let version = sign.captures_at(window, at)?.get(1)?;
            Some((number, version.as_bytes().to_vec()))
        });
        if let Some(found) = { versions }.next() {
            self.found = Some(found);
        }
        let is_surest = self.found.as_ref().is_some_and(|(sign, _)| *sign == 0);
        self.is_done = is_surest || self.product.look == Look::Beginning;
    }

    pub(super) fn into_found(self) -> Option<(&'static str, Vec<u8>)> {
        self.found.map(|(_, version)| (self.product.name, version))
    }
}

#[cfg(test)]
mod tests {
    use regex::bytes::Regex;

    use super::*;

    fn look(name: &str, pieces: &[&[u8]]) -> Vec<(&'static str, String)> {
        let mut rows = rows(name.as_bytes());
        for piece in pieces {
            rows.iter_mut().for_each(|row| row.look(piece, piece.len()));
        }
        rows.into_iter()
            .filter_map(Row::into_found)
            .map(|(name, it)| (name, String::from_utf8(it).unwrap()))
            .collect()
    }

    #[test]
    fn every_sign_can_be_compiled_and_has_a_version() {
        for product in PRODUCTS {
            assert!(!product.files.is_empty() && !product.signs.is_empty(), "{}", product.name);
            for sign in product.signs {
                let regex: Regex = RegexBuilder::new(sign).unicode(false).build().unwrap();
                assert!(regex.captures_len() == 2, "{sign}");
                assert!(!sign.contains(".*") && !sign.contains(",}"), "{sign} matches without end");
            }
        }
    }

    #[test]
    fn the_surest_sign_counts_wherever_it_is() {
        let [weak, sure] = [&b"\0v18.1.0\0"[..], b"node.js/v18.2.0\0"];
        assert_eq!(look("node", &[b"x"]), []);
        assert_eq!(look("node", &[sure, weak]), [("node", "18.2.0".to_owned())]);
        assert_eq!(look("nodes", &[sure]), []);
        let old = &b"\0v0.12.18\0--x"[..];
        assert_eq!(look("node", &[old, sure]), [("node", "18.2.0".to_owned())]);
        assert_eq!(look("node", &[old]), [("node", "0.12.18".to_owned())]);
    }
}
