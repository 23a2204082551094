//! Writing a database.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use lazaret_model::Advisory;

use super::layout::{ALIASES, IDS, Layout, PACKAGES, ROWS, SECTIONS, STRING_BYTES, STRING_ENDS};
use super::merge::merge;
use super::row::{Row, ecosystem_code};

/// Collects advisories and makes them a file.
#[derive(Debug, Default)]
pub struct Builder {
    advisories: Vec<Advisory>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    #[error("the advisories have more {0} than the format can number")]
    TooMany(&'static str),
}

impl Builder {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an advisory. Several of one (id, package, release) are merged when the file is built, by the
    /// rules that [`build`](Self::build) states.
    pub fn push(&mut self, advisory: Advisory) {
        self.advisories.push(advisory);
    }

    /// The file's bytes.
    ///
    /// Advisories of one (id, package, release) whose vulnerable versions overlap become one row: lowest
    /// `introduced`, lowest known `fixed` with the feed that said it, highest severity, earliest
    /// publication, all aliases, the first summary that is not empty. Separate stretches of versions stay
    /// separate rows.
    pub fn build(self, built: Timestamp) -> Result<Vec<u8>, BuildError> {
        let advisories = merge(self.advisories);
        let mut sections = [const { Vec::new() }; SECTIONS];
        let numbers = number_strings(&advisories, &mut sections)?;
        let mut ids = Vec::new();
        let mut aliases: u32 = 0;
        let mut last_package = None;
        for (at, advisory) in advisories.iter().enumerate() {
            let at = u32::try_from(at).map_err(|_| BuildError::TooMany("rows"))?;
            let count = u16::try_from(advisory.aliases.len()).map_err(|_| BuildError::TooMany("aliases"))?;
            let row = Row {
                id: numbers[advisory.id.as_str()],
                release: numbers[advisory.release.as_str()],
                package: numbers[advisory.package.as_str()],
                fixed: advisory.fixed.as_deref().map(|text| numbers[text]),
                introduced: advisory.introduced.as_deref().map(|text| numbers[text]),
                summary: numbers[advisory.summary.as_str()],
                published: advisory.published.as_deref().map(|text| numbers[text]),
                feed: numbers[advisory.feed.as_str()],
                first_alias: aliases,
                last_affected: advisory.last_affected.as_deref().map(|text| numbers[text]),
                module: advisory.module.as_deref().map(|text| numbers[text]),
                status: advisory.status,
                names: advisory.names,
                aliases: count,
                ecosystem: advisory.ecosystem,
                severity: advisory.severity,
            };
            row.write(&mut sections[ROWS]);
            let package = (u32::from(ecosystem_code(row.ecosystem)), row.release, row.package);
            if last_package != Some(package) {
                last_package = Some(package);
                sections[PACKAGES]
                    .extend([package.0, package.1, package.2, at].into_iter().flat_map(u32::to_le_bytes));
            }
            ids.push((row.id, at));
            for alias in &advisory.aliases {
                let number = numbers[alias.as_str()];
                ids.push((number, at));
                sections[ALIASES].extend(number.to_le_bytes());
            }
            aliases = aliases.checked_add(u32::from(count)).ok_or(BuildError::TooMany("aliases"))?;
        }
        ids.sort_unstable();
        ids.dedup();
        sections[IDS].extend(ids.into_iter().flat_map(|(id, row)| [id, row]).flat_map(u32::to_le_bytes));
        if [STRING_ENDS, ROWS, ALIASES].iter().any(|section| u32::try_from(sections[*section].len()).is_err())
        {
            return Err(BuildError::TooMany("rows"));
        }
        Ok(Layout::write(built, &sections))
    }
}

/// Writes the string table and gives each text its number.
fn number_strings<'a>(
    advisories: &'a [Advisory],
    sections: &mut [Vec<u8>; SECTIONS],
) -> Result<HashMap<&'a str, u32>, BuildError> {
    let texts: BTreeSet<&str> = advisories.iter().flat_map(texts).collect();
    let mut numbers = HashMap::with_capacity(texts.len());
    for (number, text) in texts.into_iter().enumerate() {
        sections[STRING_BYTES].extend_from_slice(text.as_bytes());
        let end =
            u32::try_from(sections[STRING_BYTES].len()).map_err(|_| BuildError::TooMany("bytes of text"))?;
        sections[STRING_ENDS].extend(end.to_le_bytes());
        numbers.insert(text, u32::try_from(number).map_err(|_| BuildError::TooMany("texts"))?);
    }
    Ok(numbers)
}

fn texts(advisory: &Advisory) -> impl Iterator<Item = &str> {
    let Advisory { id, aliases, release, package, fixed, introduced, summary, published, feed, .. } =
        advisory;
    let Advisory { last_affected, module, .. } = advisory;
    [id, release, package, summary, feed]
        .into_iter()
        .chain(aliases)
        .chain([fixed, introduced, last_affected, module, published].into_iter().flatten())
        .map(String::as_str)
}
