//! Licences as packages state them, in the two shapes that bills of material know.

/// Identifiers of the SPDX licence list that most packages state; others are written as names, which loses nothing.
const KNOWN: &[&str] = &[
    "0BSD",
    "AFL-2.1",
    "AGPL-3.0-only",
    "AGPL-3.0-or-later",
    "Apache-1.1",
    "Apache-2.0",
    "Artistic-1.0",
    "Artistic-1.0-Perl",
    "Artistic-2.0",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-2-Clause-Patent",
    "BSD-3-Clause",
    "BSD-4-Clause",
    "BSL-1.0",
    "BlueOak-1.0.0",
    "CC-BY-3.0",
    "CC-BY-4.0",
    "CC-BY-SA-4.0",
    "CC0-1.0",
    "CDDL-1.0",
    "CDDL-1.1",
    "CPL-1.0",
    "curl",
    "EPL-1.0",
    "EPL-2.0",
    "EUPL-1.2",
    "FSFAP",
    "FSFUL",
    "FSFULLR",
    "FTL",
    "GFDL-1.2-only",
    "GFDL-1.3-only",
    "GFDL-1.3-or-later",
    "GPL-1.0-only",
    "GPL-1.0-or-later",
    "GPL-2.0-only",
    "GPL-2.0-or-later",
    "GPL-3.0-only",
    "GPL-3.0-or-later",
    "HPND",
    "ICU",
    "IJG",
    "ISC",
    "LGPL-2.0-only",
    "LGPL-2.0-or-later",
    "LGPL-2.1-only",
    "LGPL-2.1-or-later",
    "LGPL-3.0-only",
    "LGPL-3.0-or-later",
    "Libpng",
    "MIT",
    "MIT-0",
    "MIT-CMU",
    "MPL-1.1",
    "MPL-2.0",
    "MS-PL",
    "NCSA",
    "OFL-1.1",
    "OLDAP-2.8",
    "OpenSSL",
    "PHP-3.01",
    "PostgreSQL",
    "PSF-2.0",
    "Python-2.0",
    "Ruby",
    "Sleepycat",
    "SMLNJ",
    "SSPL-1.0",
    "TCL",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "UPL-1.0",
    "Vim",
    "W3C",
    "WTFPL",
    "X11",
    "Zlib",
    "ZPL-2.1",
    "bzip2-1.0.6",
    "Classpath-exception-2.0",
    "GCC-exception-3.1",
    "LLVM-exception",
    "OpenSSL-exception",
    "Autoconf-exception-3.0",
    "Bison-exception-2.2",
    "Linux-syscall-note",
];

pub(crate) fn is_id(text: &str) -> bool {
    KNOWN.contains(&text) && !text.contains("exception") && !text.ends_with("-note")
}

/// Whether `text` joins known identifiers with `AND`, `OR`, `WITH` and parentheses (SPDX 2.3, annex D).
pub(crate) fn is_expression(text: &str) -> bool {
    let (mut depth, mut wants_licence) = (0u32, true);
    for token in tokens(text) {
        match token {
            "(" if wants_licence => depth = depth.saturating_add(1),
            ")" if !wants_licence && depth > 0 => depth -= 1,
            "AND" | "OR" | "WITH" if !wants_licence => wants_licence = true,
            id if wants_licence && KNOWN.contains(&id.trim_end_matches('+')) => wants_licence = false,
            _ => return false,
        }
    }
    depth == 0 && !wants_licence
}

fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace().flat_map(|word| {
        word.split_inclusive(['(', ')']).flat_map(|piece| {
            let (name, bracket) = match piece.strip_suffix(['(', ')']) {
                Some(name) => (name, &piece[name.len()..]),
                None => (piece, ""),
            };
            [name, bracket].into_iter().filter(|part| !part.is_empty())
        })
    })
}

/// All licences in one SPDX expression. Texts that are none become `LicenseRef-…`, which `name` makes.
pub(crate) fn expression(licences: &[String], mut name: impl FnMut(&str) -> String) -> Option<String> {
    let parts: Vec<String> = licences
        .iter()
        .filter(|licence| !licence.trim().is_empty())
        .map(|licence| match is_expression(licence) {
            true if licences.len() > 1 && licence.contains(' ') => format!("({licence})"),
            true => licence.clone(),
            false => name(licence),
        })
        .collect();
    (!parts.is_empty()).then(|| parts.join(" AND "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_expressions_from_prose() {
        for text in [
            "MIT",
            "MIT OR Apache-2.0",
            "(MIT AND (ISC OR Zlib)) OR GPL-2.0-only WITH Classpath-exception-2.0",
            "GPL-2.0-only+",
        ] {
            assert!(is_expression(text), "{text}");
        }
        for text in [
            "",
            "GPL",
            "MIT OR",
            "MIT Apache-2.0",
            "(MIT",
            "MIT)",
            "see LICENSE",
            "OR",
            "MIT/Apache-2.0",
            "()",
        ] {
            assert!(!is_expression(text), "{text}");
        }
        assert!(is_id("MIT") && !is_id("LLVM-exception") && !is_id("mit"));
    }

    #[test]
    fn joins_what_several_files_state() {
        let joined = |licences: &[&str]| {
            let licences: Vec<String> = licences.iter().map(|licence| (*licence).to_owned()).collect();
            expression(&licences, |text| format!("LicenseRef-{}", text.len()))
        };
        assert_eq!(joined(&["MIT"]).unwrap(), "MIT");
        assert_eq!(joined(&["MIT", "GPL"]).unwrap(), "MIT AND LicenseRef-3");
        assert_eq!(joined(&["MIT OR ISC", "Zlib"]).unwrap(), "(MIT OR ISC) AND Zlib");
        assert_eq!(joined(&["", " "]), None);
    }
}
