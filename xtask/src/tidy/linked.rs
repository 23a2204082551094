use super::Complaint;
use crate::cargo::Linked;
use crate::house::{LICENCES, LINKED_ONCE, NEVER_LINKED};

/// Holds what is really linked against the lists: licences, one TLS provider, one SQLite.
pub(super) fn check(linked: &[Linked]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for crate_ in linked.iter().filter(|crate_| !crate_.own) {
        let place = format!("{} {}", crate_.package, crate_.version);
        if !is_allowed(&crate_.licence) {
            let text = format!("its licence `{}` offers nothing on the list", crate_.licence);
            complaints.push(Complaint::error(place.as_str(), text));
        }
        if let Some((_, way)) = NEVER_LINKED.iter().find(|(name, _)| *name == crate_.package) {
            let text = format!("must not be linked; the way in is usually {way}");
            complaints.push(Complaint::error(place, text));
        }
    }
    for name in LINKED_ONCE {
        let versions: Vec<&str> = linked
            .iter()
            .filter(|crate_| crate_.package == *name)
            .map(|crate_| crate_.version.as_str())
            .collect();
        if versions.len() > 1 {
            let text = format!("is linked in {} versions ({})", versions.len(), versions.join(", "));
            complaints.push(Complaint::error(*name, text));
        }
    }
    complaints
}

/// Evaluates an SPDX expression: true when the choices in it can be made so that every licence is on the list.
/// The old spelling `MIT/Apache-2.0` means `OR`.
fn is_allowed(expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser { words: &words, at: 0 };
    let allowed = parser.either();
    allowed && parser.at == words.len()
}

/// `either := both ("OR" both)*`, `both := one ("AND" one)*`, `one := "(" either ")" | LICENCE ["WITH" EXCEPTION]`.
struct Parser<'a> {
    words: &'a [&'a str],
    at: usize,
}

impl Parser<'_> {
    fn take(&mut self, word: &str) -> bool {
        let found = self.words.get(self.at) == Some(&word);
        self.at += usize::from(found);
        found
    }

    fn either(&mut self) -> bool {
        let mut allowed = self.both();
        while self.take("OR") {
            allowed |= self.both();
        }
        allowed
    }

    fn both(&mut self) -> bool {
        let mut allowed = self.one();
        while self.take("AND") {
            allowed &= self.one();
        }
        allowed
    }

    fn one(&mut self) -> bool {
        if self.take("(") {
            return self.either() & self.take(")");
        }
        let Some(licence) = self.words.get(self.at) else { return false };
        self.at += 1;
        let mut licence = (*licence).to_owned();
        if self.take("WITH") {
            licence = format!("{licence} WITH {}", self.words.get(self.at).copied().unwrap_or_default());
            self.at += 1;
        }
        LICENCES.contains(&licence.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evaluates_licences() {
        for good in [
            "MIT",
            "MIT/Apache-2.0",
            "Apache-2.0 / MIT",
            "GPL-3.0-only OR MIT",
            "MIT OR Apache-2.0 OR LGPL-2.1-or-later",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-2.0-only",
            "ISC AND (Apache-2.0 OR ISC) AND BSD-3-Clause",
        ] {
            assert!(is_allowed(good), "{good}");
        }
        for bad in [
            "",
            "GPL-3.0-only",
            "MIT AND GPL-2.0-only",
            "(MIT",
            "MIT)",
            "OR MIT",
            "GPL-2.0-only WITH Classpath",
        ] {
            assert!(!is_allowed(bad), "{bad}");
        }
    }

    #[test]
    fn a_second_provider_or_sqlite_is_reported() {
        let crate_ = |package: &str, version: &str| Linked {
            package: package.to_owned(),
            version: version.to_owned(),
            licence: "MIT".to_owned(),
            own: false,
        };
        let fine = [crate_("rustls", "0.23.1"), crate_("libsqlite3-sys", "0.35.0")];
        assert_eq!(check(&fine), []);
        let bad = [
            crate_("ring", "0.17.8"),
            crate_("libsqlite3-sys", "0.30.1"),
            crate_("libsqlite3-sys", "0.35.0"),
        ];
        let said: Vec<String> = check(&bad).iter().map(ToString::to_string).collect();
        assert!(said[0].contains("ring 0.17.8: must not be linked"), "{said:?}");
        assert!(said[1].contains("libsqlite3-sys: is linked in 2 versions"), "{said:?}");
    }
}
