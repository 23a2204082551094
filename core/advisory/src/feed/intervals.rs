//! Ranges of versions in the words of feeds for languages, as the stretches that advisories are made of.
//!
//! Comparisons, joined by commas or blanks, which must all hold, and the series of RubyGems (`~> 1.2`) and Cargo
//! (`^1.2`). Whatever makes no stretch, such as `!= 1.2`, is told to the caller.

use std::cmp::Ordering;

use lazaret_version::Scheme;

/// Versions from one on, up to another: `None` stands for no bound.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) from: Option<String>,
    /// The first version itself is not meant. Advisories cannot say so: theirs are one version too many then.
    pub(super) is_after: bool,
    pub(super) to: Option<To>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum To {
    Before(String),
    Until(String),
}

impl To {
    fn version(&self) -> &str {
        match self {
            Self::Before(version) | Self::Until(version) => version,
        }
    }
}

/// Why a text makes no stretches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoStretch {
    #[error("a range has an operator that is not a comparison")]
    Operator,
    #[error("a range has no version")]
    Version,
}

/// One stretch of comparisons that must all hold. `None`: it holds for no version.
pub(super) fn all_of<'t>(
    scheme: Scheme,
    texts: impl IntoIterator<Item = &'t str>,
) -> Result<Option<Stretch>, NoStretch> {
    let mut stretch = Stretch::default();
    for text in texts {
        for (operator, version) in terms(text)? {
            let is_less =
                |one: &str, other: &str| lazaret_version::compare(scheme, one, other) == Ordering::Less;
            let (from, to) = match operator {
                "*" => continue,
                ">=" | ">" => (Some(version.to_owned()), None),
                "<" => (None, Some(To::Before(version.to_owned()))),
                "<=" => (None, Some(To::Until(version.to_owned()))),
                "" if scheme == Scheme::Npm => {
                    (Some(version.to_owned()), Some(To::Until(version.to_owned())))
                }
                "=" | "==" => (Some(version.to_owned()), Some(To::Until(version.to_owned()))),
                "~>" | "^" | "" => {
                    let end = series(scheme, operator, version).ok_or(NoStretch::Operator)?;
                    (Some(version.to_owned()), Some(To::Before(end)))
                }
                _ => return Err(NoStretch::Operator),
            };
            if let Some(from) =
                from.filter(|from| !stretch.from.as_deref().is_some_and(|known| is_less(from, known)))
            {
                stretch.is_after = operator == ">";
                stretch.from = Some(from);
            }
            if let Some(to) = to
                .filter(|to| !stretch.to.as_ref().is_some_and(|known| is_less(known.version(), to.version())))
            {
                stretch.to = Some(to);
            }
        }
    }
    let is_empty = match (&stretch.from, &stretch.to) {
        (Some(from), Some(To::Before(to))) => lazaret_version::compare(scheme, from, to) != Ordering::Less,
        (Some(from), Some(To::Until(to))) => {
            let order = lazaret_version::compare(scheme, from, to);
            order == Ordering::Greater || order == Ordering::Equal && stretch.is_after
        }
        _ => false,
    };
    // From the least version on is from the first on.
    let is_least = |from: &str| matches!(from, "0" | "0.0.0" | "0.0.0-0");
    if !stretch.is_after && stretch.from.as_deref().is_some_and(is_least) {
        stretch.from = None;
    }
    Ok((!is_empty).then_some(stretch))
}

/// Ranges of npm as advisories write them: alternatives, and series such as `10.x` and `^10.23.1`.
pub(super) fn any_of_npm(text: &str) -> Result<Vec<Stretch>, NoStretch> {
    let mut found: Vec<Stretch> = Vec::new();
    for alternative in text.split("||").map(str::trim) {
        let stretch = match alternative.strip_suffix(".x") {
            Some(start) if start.split('.').count() <= 2 => npm_series(start)?,
            _ => all_of(Scheme::Npm, [alternative])?,
        };
        found.extend(stretch.filter(|stretch| !found.contains(stretch)));
    }
    Ok(found)
}

/// `10` of `10.x`, `10.1` of `10.1.x`.
fn npm_series(start: &str) -> Result<Option<Stretch>, NoStretch> {
    let mut numbers: Vec<u64> = start
        .split('.')
        .map(|part| part.parse().map_err(|_| NoStretch::Version))
        .collect::<Result<_, _>>()?;
    let write = |numbers: &[u64]| {
        let written = numbers.iter().chain(std::iter::repeat(&0)).take(3).map(u64::to_string);
        written.collect::<Vec<_>>().join(".")
    };
    let from = write(&numbers);
    let last = numbers.last_mut().ok_or(NoStretch::Version)?;
    *last = last.checked_add(1).ok_or(NoStretch::Version)?;
    Ok(Some(Stretch { from: Some(from), is_after: false, to: Some(To::Before(write(&numbers) + "-0")) }))
}

/// Where the versions that are like one end: RubyGems' `~> 1.2.3` before 1.3, Cargo's `^1.2.3` (and `1.2.3`) before
/// 2.0.0, where the first number that is not 0 counts.
fn series(scheme: Scheme, operator: &str, version: &str) -> Option<String> {
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<u64> = version
        .split(['.', '-', '+'])
        .take_while(is_number)
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    let counts = match (operator, scheme) {
        ("~>", Scheme::Gem) => parts.len().saturating_sub(2),
        ("^" | "", Scheme::Semver | Scheme::Npm) => {
            parts.iter().position(|&part| part > 0).unwrap_or(parts.len().checked_sub(1)?)
        }
        _ => return None,
    };
    let next = parts.get(counts)?.checked_add(1)?;
    let kept = parts.iter().take(counts).chain([&next]).map(u64::to_string);
    let is_semver = matches!(scheme, Scheme::Semver | Scheme::Npm);
    let filled = kept.chain(is_semver.then(|| "0".to_owned()).into_iter().cycle());
    let length = if is_semver { 3 } else { counts + 1 };
    // Prereleases of the end are no more like it than the end is.
    let least = if is_semver { "-0" } else { "" };
    Some(filled.take(length).collect::<Vec<_>>().join(".") + least)
}

/// `>=1.2, < 2.0` to (`>=`, `1.2`), (`<`, `2.0`).
fn terms(text: &str) -> Result<Vec<(&str, &str)>, NoStretch> {
    let mut found = Vec::new();
    let mut rest = text.trim_start_matches(is_between);
    while !rest.is_empty() {
        let start = rest.find(|c: char| !is_operator(c)).unwrap_or(rest.len());
        let (operator, behind) = rest.split_at(start);
        if operator.starts_with('*') {
            found.push(("*", ""));
            rest = rest.get(1..).unwrap_or_default().trim_start_matches(is_between);
            continue;
        }
        let behind = behind.trim_start();
        let end = behind.find(|c: char| is_between(c) || is_operator(c)).unwrap_or(behind.len());
        let (version, behind) = behind.split_at(end);
        if version.is_empty() || !version.bytes().any(|byte| byte.is_ascii_digit()) {
            return Err(NoStretch::Version);
        }
        // `1.x` and `1.*` are series.
        if version.split('.').any(|part| matches!(part, "x" | "X")) || behind.starts_with('*') {
            return Err(NoStretch::Operator);
        }
        found.push((operator, version));
        rest = behind.trim_start_matches(is_between);
    }
    if found.is_empty() { Err(NoStretch::Version) } else { Ok(found) }
}

fn is_between(c: char) -> bool {
    c == ',' || c.is_whitespace()
}

fn is_operator(c: char) -> bool {
    matches!(c, '<' | '>' | '=' | '!' | '~' | '^' | '*')
}

/// Everything that lies in none of some stretches, in the order of versions: what is vulnerable, when a feed says
/// what is not.
pub(super) fn outside(scheme: Scheme, mut safe: Vec<Stretch>) -> Vec<Stretch> {
    let compare = |one: &str, other: &str| lazaret_version::compare(scheme, one, other);
    safe.sort_by(|one, other| match (&one.from, &other.from) {
        (None, None) => Ordering::Equal,
        (None, _) => Ordering::Less,
        (_, None) => Ordering::Greater,
        (Some(one), Some(other)) => compare(one, other),
    });
    let mut found = Vec::new();
    // Where the next vulnerable stretch starts, and whether behind that; `None` once nothing is left.
    let mut from: Option<(Option<String>, bool)> = Some((None, false));
    for stretch in safe {
        let Some((start, is_after)) = &from else { break };
        if let Some(first) = &stretch.from {
            let order = start.as_deref().map_or(Ordering::Less, |start| compare(start, first));
            if order == Ordering::Less || order == Ordering::Equal && !is_after && stretch.is_after {
                let to = if stretch.is_after { To::Until(first.clone()) } else { To::Before(first.clone()) };
                found.push(Stretch { from: start.clone(), is_after: *is_after, to: Some(to) });
            }
        }
        let Some(to) = stretch.to else {
            from = None;
            break;
        };
        if start.as_deref().is_none_or(|start| compare(start, to.version()) == Ordering::Less) {
            from = Some((Some(to.version().to_owned()), matches!(to, To::Until(_))));
        }
    }
    if let Some((from, is_after)) = from {
        found.push(Stretch { from, is_after, to: None });
    }
    found
}

impl Stretch {
    /// The same, as an advisory says it.
    pub(super) fn put_into(self, row: lazaret_model::Advisory) -> lazaret_model::Advisory {
        let (fixed, last_affected) = match self.to {
            None => (None, None),
            Some(To::Before(version)) => (Some(version), None),
            Some(To::Until(version)) => (None, Some(version)),
        };
        lazaret_model::Advisory { introduced: self.from, fixed, last_affected, ..row }
    }
}

#[cfg(test)]
mod tests {
    use lazaret_version::range::{Language, Range};
    use proptest::prelude::*;

    use super::*;

    fn say(stretches: &[Stretch]) -> String {
        let say = |stretch: &Stretch| {
            let from = stretch.from.as_deref().unwrap_or_default();
            let open = if stretch.is_after { '(' } else { '[' };
            match &stretch.to {
                None => format!("{open}{from},)"),
                Some(To::Before(to)) => format!("{open}{from},{to})"),
                Some(To::Until(to)) => format!("{open}{from},{to}]"),
            }
        };
        stretches.iter().map(say).collect::<Vec<_>>().join(" ")
    }

    fn stretches(scheme: Scheme, text: &str) -> Result<Vec<Stretch>, NoStretch> {
        let found: Result<Vec<_>, _> = text.split("||").map(|text| all_of(scheme, [text])).collect();
        Ok(found?.into_iter().flatten().collect())
    }

    #[test]
    fn comparisons_make_stretches() {
        let of = |text: &str| stretches(Scheme::Semver, text).map(|found| say(&found));
        assert_eq!(of(">=1.2, <2.0 || = 3.1").as_deref(), Ok("[1.2,2.0) [3.1,3.1]"));
        assert_eq!(of("<= 1.0 >= 0.0.0").as_deref(), Ok("[,1.0]"));
        assert_eq!(of("<2 <1.5").as_deref(), Ok("[,1.5)"));
        assert_eq!(of(">=3 <2").as_deref(), Ok(""));
        assert_eq!(of("*").as_deref(), Ok("[,)"));
        assert_eq!(of(">1 || ^0.0.3").as_deref(), Ok("(1,) [0.0.3,0.0.4-0)"));
        let gem = |text: &str| stretches(Scheme::Gem, text).map(|found| say(&found));
        assert_eq!(gem("~> 1.2.3 || ~> 2.3, >= 2.3.4").as_deref(), Ok("[1.2.3,1.3) [2.3.4,3)"));
        assert_eq!(gem("~> 1.2.rc1").as_deref(), Ok("[1.2.rc1,2)"));
        for text in ["~> 1.2", "!=1", "", "||", ">=", "1.x", "1.*", "<=a"] {
            assert!(of(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ranges_of_npm_have_alternatives_and_series() {
        let of = |text: &str| any_of_npm(text).map(|found| say(&found));
        assert_eq!(of("10.x || 12.1.x").as_deref(), Ok("[10.0.0,11.0.0-0) [12.1.0,12.2.0-0)"));
        assert_eq!(of("^10.23.1 || 1.2.3").as_deref(), Ok("[10.23.1,11.0.0-0) [1.2.3,1.2.3]"));
        assert_eq!(of("<1.0 || >=2 <=3").as_deref(), Ok("[,1.0) [2,3]"));
        assert_eq!(of("*").as_deref(), Ok("[,)"));
        for text in ["", "x", "a.x", "10.x.1", "99999999999999999999.x", "1.2.3.x", "||"] {
            assert!(of(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_not_safe_is_vulnerable() {
        let of = |texts: &[&str]| {
            let safe = texts.iter().filter_map(|text| all_of(Scheme::Semver, [*text]).unwrap()).collect();
            say(&outside(Scheme::Semver, safe))
        };
        assert_eq!(of(&[">= 1.2.3"]), "[,1.2.3)");
        assert_eq!(of(&["<0.5", ">=1.2"]), "[0.5,1.2)");
        assert_eq!(of(&[">=2.1", ">=1.9, <2.0"]), "[,1.9) [2.0,2.1)");
        assert_eq!(of(&["^0.3.1", "2.1"]), "[,0.3.1) [0.4.0-0,2.1) [3.0.0-0,)");
        assert_eq!(of(&[]), "[,)");
        assert_eq!(of(&["<=1", ">2"]), "(1,2]");
    }

    proptest! {
        /// What is outside some stretches is what the ranges do not hold.
        #[test]
        fn outside_agrees_with_ranges(bounds in proptest::collection::vec((0u8..9, 1u8..9), 0..5), version in 0u8..20) {
            let texts: Vec<String> = bounds.iter().map(|(from, length)| format!(">={from}.0.0, <{}.0.0", from + length)).collect();
            let safe = texts.iter().filter_map(|text| all_of(Scheme::Semver, [text.as_str()]).unwrap()).collect();
            let version = format!("{version}.0.0");
            let holds = |text: &String| Range::parse_as(Language::Simple, Scheme::Semver, text).unwrap().contains(&version);
            let within = |stretch: &Stretch| {
                let compare = |other: &str| lazaret_version::compare(Scheme::Semver, &version, other);
                stretch.from.as_deref().is_none_or(|from| compare(from).is_ge())
                    && stretch.to.as_ref().is_none_or(|to| compare(to.version()).is_lt())
            };
            let outside = outside(Scheme::Semver, safe);
            prop_assert_eq!(outside.iter().any(within), !texts.iter().any(holds));
        }

        #[test]
        fn any_text_is_read(text in "[<>=!~^*|, .0-9a-z]{0,20}") {
            let _ = stretches(Scheme::Semver, &text);
        }
    }
}
