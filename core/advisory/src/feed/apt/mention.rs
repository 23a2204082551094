//! What a changelog says of a vulnerability where it names it: that it is fixed here, nearly always.
//!
//! The exceptions are recognised by the words right before and right after the id, and narrowly: a
//! mention wrongly passed over hides a vulnerability, one wrongly believed costs a look.

use std::ops::Range;

use super::bullet::Bullet;
use super::cve::{Mention, mentions};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// Named without being fixed: not affected, fixed elsewhere, an old fix amended.
    Reference,
    /// A fix of before is taken back.
    Reverted,
    Fixed,
}

/// A vulnerability named in an entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) role: Role,
    pub(super) id: String,
    /// Index of the bullet that says it, and where in the bullet's text.
    pub(super) bullet: usize,
    pub(super) at: Range<usize>,
}

/// All that an entry says.
pub(super) fn roles(bullets: &[Bullet]) -> Vec<Said> {
    let mut all = Vec::new();
    for (at, bullet) in bullets.iter().enumerate() {
        let found = mentions(&bullet.text);
        if found.is_empty() {
            continue;
        }
        let text = bullet.text.to_ascii_lowercase();
        let above =
            bullet.parent.map_or_else(String::new, |parent| bullets[parent].text.to_ascii_lowercase());
        for index in 0..found.len() {
            let role = role(&text, &above, &found, index);
            let Mention { id, at: place } = found[index].clone();
            all.push(Said { role, id, bullet: at, at: place });
        }
    }
    all
}

fn role(text: &str, above: &str, found: &[Mention], index: usize) -> Role {
    let (start, end) = run(text, found, index);
    let before = match text[..start].trim_end_matches(QUOTES) {
        "" => above.trim_end_matches(QUOTES),
        before => before,
    };
    let after = text[end..].trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "._-/".contains(c));
    let file: String = text[end..].chars().take(MOST_FILE_NAME).collect();
    let is_patch = [".patch", ".diff", ".dpatch"].iter().any(|suffix| file.contains(suffix));
    let after = after.trim_start_matches(|c: char| c.is_ascii_digit() || " \"'`)]:,(–-".contains(c));

    let cause = without_fillers(before);
    if ends_with_word(cause, REVERTING) || after.starts_with("revert") && is_patch {
        return Role::Reverted;
    }
    let negated = before.trim_end_matches([':', ' ']);
    if ends_with_word(cause, REFERRING)
        || ends_with_word(without_fillers(negated), NEGATING)
        || denies(after)
        || is_patch && takes_patch_away(after)
    {
        return Role::Reference;
    }
    Role::Fixed
}

/// Characters after an id in which a patch's file name ends.
const MOST_FILE_NAME: usize = 100;

const QUOTES: [char; 4] = [' ', '"', '\'', '`'];

/// The ids that stand together with this one, as a range of the text: words around them count for all.
fn run(text: &str, found: &[Mention], index: usize) -> (usize, usize) {
    let glued = |left: &Mention, right: &Mention| {
        text.get(left.at.end..right.at.start).is_none_or(|between| {
            matches!(between.trim(), "" | "," | "/" | "&" | "+" | "and" | ", and" | "or")
        })
    };
    let first = (1..=index).rev().find(|at| !glued(&found[at - 1], &found[*at])).unwrap_or(0);
    let last =
        (index + 1..found.len()).find(|at| !glued(&found[at - 1], &found[*at])).unwrap_or(found.len()) - 1;
    (found[first].at.start, found[last].at.end)
}

/// Takes off words that may stand between a telling word and the id: "regression *in the fix for* CVE-…".
fn without_fillers(mut text: &str) -> &str {
    loop {
        text = text.trim_end_matches(QUOTES);
        let word = &text[text.rfind(QUOTES).map_or(0, |mark| mark + 1)..];
        if !FILLERS.contains(&word) {
            return text;
        }
        text = &text[..text.len() - word.len()];
    }
}

const FILLERS: &[&str] = &[
    "the",
    "a",
    "fix",
    "fixes",
    "fixing",
    "for",
    "of",
    "by",
    "in",
    "from",
    "with",
    "patch",
    "patches",
    "security",
    "previous",
    "previously",
    "earlier",
    "upstream",
    "upstream's",
    "applied",
    "recent",
    "initial",
    "our",
    "change",
    "changes",
    "regarding",
    "following",
];

/// The fix of before is gone.
const REVERTING: &[&str] = &[
    "revert",
    "reverts",
    "reverted",
    "reverting",
    "back out",
    "backed out",
    "backs out",
    "reopens:",
    "reopen:",
];

/// What follows is the fix of an older vulnerability, not a new one.
const REFERRING: &[&str] = &[
    "regression",
    "regressions",
    "regression due to",
    "regressions due to",
    "breakage due to",
    "regression caused",
    "regressions caused",
    "breakage caused",
    "introduced",
    "incomplete",
    "fallout",
    "extend",
    "extends",
    "refresh",
    "refreshed",
    "rebase",
    "rebased",
    "drop",
    "dropped",
    "drops",
    "remove",
    "removed",
    "removes",
    "similar to",
    "unlike",
    "see also",
    "amend",
    "amends",
    "complete",
    "completes",
];

/// What follows is no vulnerability of this package, or still one.
const NEGATING: &[&str] = &[
    "not affected",
    "unaffected",
    "not vulnerable",
    "not vulnerable to",
    "immune to",
    "not fixed",
    "not yet fixed",
    "unfixed",
    "not addressed",
    "not applicable",
    "does not affect",
    "still vulnerable to",
    "already fixed",
];

fn ends_with_word(text: &str, endings: &[&str]) -> bool {
    endings.iter().any(|ending| {
        text.strip_suffix(ending)
            .is_some_and(|rest| !rest.ends_with(|c: char| c.is_alphanumeric() || c == '-'))
    })
}

/// "CVE-…: not affected", "CVE-… does not apply here".
fn denies(mut after: &str) -> bool {
    while let Some(rest) = SUBJECTS.iter().find_map(|subject| after.strip_prefix(subject)) {
        after = rest;
    }
    DENIALS.iter().any(|denial| after.starts_with(denial))
}

const SUBJECTS: &[&str] = &[
    "is ",
    "are ",
    "was ",
    "were ",
    "we ",
    "debian ",
    "stable ",
    "this version ",
    "this package ",
    "the package ",
    "package ",
    "version ",
    "patch ",
    "fix ",
    "still ",
    "remains ",
];

const DENIALS: &[&str] = &[
    "not affect",
    "not vulnerable",
    "not applicable",
    "not exploitable",
    "not relevant",
    "not an issue",
    "not present",
    "not needed",
    "not fixed",
    "not yet fixed",
    "not a security",
    "n/a",
    "unaffected",
    "unfixed",
    "doesn't affect",
    "does not affect",
    "do not affect",
    "don't affect",
    "did not affect",
    "didn't affect",
    "does not apply",
    "doesn't apply",
    "do not apply",
    "don't apply",
    "already fixed",
    "disputed",
    "rejected",
    "regression",
    "regressions",
    "caused a regression",
    "introduced a regression",
    "caused regression",
];

/// "CVE-….patch: drop, applied upstream", but not "CVE-….patch: drop privileges earlier".
fn takes_patch_away(after: &str) -> bool {
    let rest = ["dropped", "drop", "removed", "remove", "refreshed", "refresh", "rebased", "rebase"]
        .iter()
        .find_map(|verb| after.strip_prefix(verb));
    rest.is_some_and(|rest| {
        let rest = rest.trim_start();
        rest.is_empty()
            || rest.starts_with([',', '.', ';', '(', ':', '-'])
            || [
                "applied",
                "merged",
                "included",
                "fixed",
                "upstream",
                "as ",
                "no ",
                "now ",
                "also ",
                "obsolete",
                "unrelated",
                "patch",
            ]
            .iter()
            .any(|word| rest.starts_with(word))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::bullet::bullets;
    use super::*;

    fn role_of(body: &str) -> Role {
        let all = roles(&bullets(body.as_bytes()));
        assert!(!all.is_empty(), "{body}");
        assert!(all.iter().all(|said| said.role == all[0].role), "{body}: {all:?}");
        all[0].role
    }

    #[test]
    fn fixes_are_fixes_whatever_else_is_said() {
        for body in [
            "* Fix CVE-2024-41110: Authz zero length regression",
            "* Remove default . from @INC before loading perl modules. Fixes CVE-2016-1238.",
            "* Drop privileges to fix CVE-2020-0001",
            "* CVE-2020-0001.patch: drop privileges before opening files",
            "* No longer install wall, write setgid tty to address CVE-2024-28085",
            "  - Revert \"net/smc: Introduce TCP ULP support\" (CVE-2026-46330)",
            "  - crypto: algif_aead - Revert to operating out-of-place (CVE-2026-31431)",
            "* Security update for CVE-2020-0001",
            "* Fix a regression (CVE-2020-0001)",
            "* Disable protocol X due to CVE-2020-0001",
            "* Fix CVE-2024-33655: The DNSBomb attack. Unbound itself is not vulnerable for DoS",
            "* CVE-2020-0001: server does not apply its limits",
            "* revert-memory-accept-mismatching-sizes.patch Closes: CVE-2020-13754",
            "* Removed the broken parser.\n  - CVE-2020-0001",
            "* Fix denial of service, see CVE-2020-0001",
            "* mitigating the impact of CVE-2023-29491 (see #1034372)",
        ] {
            assert_eq!(role_of(body), Role::Fixed, "{body}");
        }
    }

    #[test]
    fn mentions_that_fix_nothing() {
        for body in [
            "* CVE-2023-1234: not affected",
            "* CVE-2023-1234 and CVE-2023-1235 do not affect this version",
            "* Debian is not affected by CVE-2023-1234",
            "* Not affected:\n  - CVE-2023-1234",
            "* Not yet fixed: CVE-2023-1234, CVE-2023-1235",
            "* Fix regression introduced by the fix for CVE-2023-1234",
            "* Fix regression of CVE-2024-35235 in case only domain sockets are used",
            "* CVE-2024-21094, 8317507: Already fixed in November 2023",
            "* Fix CVE-2018-1000156 regression, temporary file leak",
            "* sanitize the environment first, similar to CVE-2012-3524",
            "* Drop 'CVE-2016-3977.patch', applied upstream",
            "* debian/patches-applied/cve-2010-4708.patch: drop, applied upstream.",
            "* CVE-2024-33655.patch: remove unrelated change",
            "* refresh CVE-2021-3713.patch from upstream",
            "* Remove patch for CVE-2019-9512 and CVE-2019-9514, has been applied upstream",
            "* CVE-2023-1234 is still unfixed",
        ] {
            assert_eq!(role_of(body), Role::Reference, "{body}");
        }
    }

    #[test]
    fn fixes_taken_back() {
        for body in [
            "* Revert the fix for CVE-2021-1234, it broke things",
            "* Reverted \"Fix CVE-2021-1234\"",
            "* upstream decided to fix it differently (Reopens: CVE-2020-13253)",
            "* Back out patches for CVE-2021-1234",
        ] {
            assert_eq!(role_of(body), Role::Reverted, "{body}");
        }
    }

    #[test]
    fn an_older_id_beside_a_new_one() {
        let all = roles(&bullets(b"* CVE-2024-0002: incomplete fix for CVE-2023-0001"));
        assert_eq!(all[0].role, Role::Fixed);
        assert_eq!(all[1].role, Role::Reference);
    }

    proptest! {
        #[test]
        fn any_text_has_roles(text in "(\\* |  - |CVE-2024-1234|, | and |revert |not affected|:|\\.patch|\n|ä|the ){0,12}") {
            let _ = roles(&bullets(text.as_bytes()));
        }
    }
}
