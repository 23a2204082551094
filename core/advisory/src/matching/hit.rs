//! The rows of a package that speak of its version.

use std::collections::BTreeSet;
use std::ops::Range;

use lazaret_model::{AdvisoryStatus, Ecosystem, FixState};

use super::range::Stretch;
use crate::database::{Database, DatabaseError, Note, Row};

/// A row that speaks of the version that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) row: Row,
    pub(super) note: Note,
}

/// What rows are held against.
pub(super) struct Asked<'p> {
    pub(super) ecosystem: Ecosystem,
    pub(super) version: &'p str,
    pub(super) module: Option<&'p str>,
}

impl Hit {
    pub(super) fn is_vulnerable(&self) -> bool {
        self.row.status != AdvisoryStatus::NotAffected
    }
}

/// Adds the rows among these that speak of a version, those included which say that it is not vulnerable.
///
/// A row of a distribution does not count where another feed knows the same stretch of the same vulnerability to
/// end at or below the version: a release's own rebuild has the fix under a lower version than the upload that
/// it comes from.
pub(super) fn find(
    database: &Database,
    rows: Range<usize>,
    asked: &Asked<'_>,
    hits: &mut Vec<Hit>,
) -> Result<(), DatabaseError> {
    let scheme = asked.ecosystem.scheme();
    let is_distribution = asked.ecosystem.is_of_distribution();
    // Where hits stand, for those of distributions.
    let (first, mut places) = (hits.len(), Vec::new());
    // Rows have few stretches, again and again: each is held against the version once, or hardly more often.
    let mut known = [None; 64];
    for (at, row) in rows.clone().zip(database.rows(rows.clone())?) {
        let row = row?;
        let key = (row.introduced, row.end, row.inclusive);
        let place = &mut known[row.end.map_or(0, place)];
        let is_within = match place {
            Some((known, is_within)) if *known == key => *is_within,
            _ => {
                let is_within = stretch(database, &row)?.contains(scheme, asked.version);
                *place = Some((key, is_within));
                is_within
            }
        };
        if !is_within {
            continue;
        }
        let note = database.note(row.note)?;
        if database.optional_text(note.module)? == asked.module {
            hits.push(Hit { row, note });
            if is_distribution {
                places.push(at);
            }
        }
    }
    if is_distribution && hits.len() > first {
        let found = hits.split_off(first);
        for (hit, at) in found.iter().zip(places) {
            if !hit.is_vulnerable() || !is_refuted(database, rows.clone(), at, hit, &found, asked)? {
                hits.push(*hit);
            }
        }
    }
    Ok(())
}

/// Which of 64 places a number has. The factor, 2^32 by the golden ratio, spreads those that are near each other.
fn place(number: u32) -> usize {
    usize::from((number.wrapping_mul(0x9e37_79b9) >> 26).to_le_bytes()[0])
}

pub(super) fn stretch<'d>(database: &'d Database, row: &Row) -> Result<Stretch<'d>, DatabaseError> {
    Ok(Stretch {
        introduced: database.optional_text(row.introduced)?,
        end: database.optional_text(row.end)?,
        inclusive: row.inclusive,
    })
}

/// Whether a feed that has no hit of the same vulnerability knows that the stretch of the hit, which stands at `at`,
/// ended before.
fn is_refuted(
    database: &Database,
    rows: Range<usize>,
    at: usize,
    hit: &Hit,
    found: &[Hit],
    asked: &Asked<'_>,
) -> Result<bool, DatabaseError> {
    let scheme = asked.ecosystem.scheme();
    // Rows of a package stand in the order of their ids, and equal texts are one text.
    let id_at = |at: usize| database.note(database.row(at)?.note).map(|note| note.id);
    let mut low = at;
    while low > rows.start && id_at(low - 1)? == hit.note.id {
        low -= 1;
    }
    for at in low..rows.end {
        let row = database.row(at)?;
        let note = database.note(row.note)?;
        if note.id != hit.note.id {
            break;
        }
        if note.feed == hit.note.feed {
            continue;
        }
        let (own, other) = (stretch(database, &hit.row)?, stretch(database, &row)?);
        let speaks = note.module == hit.note.module
            && row.status != AdvisoryStatus::NotAffected
            && !row.inclusive
            && other.ends_before(scheme, asked.version)
            && own.overlaps(scheme, other);
        let agrees = |known: &Hit| known.note.id == note.id && known.note.feed == note.feed;
        if speaks && !found.iter().any(agrees) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Leaves out the hits that say that a package is not vulnerable, and those that they deny.
pub(super) fn without_denied(database: &Database, hits: Vec<Hit>) -> Result<Vec<Hit>, DatabaseError> {
    let mut denied = BTreeSet::new();
    for hit in hits.iter().filter(|hit| !hit.is_vulnerable()) {
        denied.insert(database.text(hit.note.id)?);
    }
    let mut kept = Vec::with_capacity(hits.len());
    for hit in hits.into_iter().filter(Hit::is_vulnerable) {
        let id = database.text(hit.note.id)?;
        // An advisory under an id of its own may be about several CVEs: it is denied by its own id, or with the
        // only one that it is about.
        let mut about = database
            .aliases(&hit.note)
            .filter(|alias| alias.as_ref().map_or(true, |alias| alias.starts_with("CVE-")));
        let only = match (id.starts_with("CVE-"), about.next().transpose()?, about.next().transpose()?) {
            (false, Some(only), None) => denied.contains(only),
            _ => false,
        };
        if !only && !denied.contains(id) {
            kept.push(hit);
        }
    }
    Ok(kept)
}

/// What several hits of one vulnerability come to.
pub(super) struct Decisive<'h> {
    /// The hit that says it.
    pub(super) hit: &'h Hit,
    pub(super) fix: FixState,
    pub(super) disputed: bool,
}

/// The fix that removes the finding, where somebody knows one. Of a distribution it is the lowest: a feed that
/// knows a lower one knows more. Of a language's package it is the highest: each document counts on its own.
pub(super) fn decisive<'h>(
    database: &Database,
    ecosystem: Ecosystem,
    hits: &'h [Hit],
) -> Result<Decisive<'h>, DatabaseError> {
    let mut best: Option<(&Hit, &str)> = None;
    for hit in hits {
        let Some(end) = hit.row.end.filter(|_| !hit.row.inclusive) else { continue };
        let end = database.text(end)?;
        let is_better = best.is_none_or(|(_, known)| {
            let order = ecosystem.compare(end, known);
            if ecosystem.is_of_distribution() { order.is_lt() } else { order.is_gt() }
        });
        if is_better {
            best = Some((hit, end));
        }
    }
    let disputed = hits.iter().all(|hit| hit.row.status == AdvisoryStatus::Disputed);
    if let Some((hit, version)) = best {
        return Ok(Decisive { hit, fix: FixState::Fixed { version: version.to_owned() }, disputed });
    }
    let with = |status| hits.iter().find(|hit| hit.row.status == status);
    let (hit, fix) = if let Some(hit) = with(AdvisoryStatus::WillNotFix) {
        (Some(hit), FixState::WillNotFix)
    } else if let Some(hit) = with(AdvisoryStatus::EndOfLife) {
        (Some(hit), FixState::EndOfLife)
    } else {
        (hits.first(), FixState::NotFixed)
    };
    let hit = hit.ok_or(DatabaseError::Header("a group has no rows"))?;
    Ok(Decisive { hit, fix, disputed })
}
