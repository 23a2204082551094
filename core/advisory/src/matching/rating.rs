//! What is known of a vulnerability itself, as far as a finding shows it.

use std::collections::HashMap;

use lazaret_model::{Severity, Ssvc};

use super::group::Group;
use crate::cvss::{self, Score};
use crate::database::{Database, DatabaseError};

/// Of all feeds together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rating<'d> {
    pub(super) withdrawn: bool,
    /// Rated by a body that is no vendor.
    pub(super) severity: Severity,
    /// The vector of the newest version of CVSS, and of those the one with the highest score.
    pub(super) vector: Option<(&'d str, Score)>,
    pub(super) epss: Option<u32>,
    pub(super) exploited: Option<&'d str>,
    pub(super) ssvc: Option<Ssvc>,
    pub(super) summary: &'d str,
}

impl Rating<'_> {
    const NOTHING: Self = Self {
        withdrawn: false,
        severity: Severity::Unknown,
        vector: None,
        epss: None,
        exploited: None,
        ssvc: None,
        summary: "",
    };

    /// The vendor's rating if there is one, else that of the vector, else that of another body.
    pub(super) fn severity_after(&self, stated: Severity) -> Severity {
        if stated != Severity::Unknown {
            return stated;
        }
        self.vector.map_or(self.severity, |(_, score)| score.severity())
    }
}

/// Ratings, each computed once.
pub(super) struct Ratings<'d> {
    database: &'d Database,
    /// By the first record of a vulnerability.
    known: HashMap<usize, Rating<'d>>,
}

impl<'d> Ratings<'d> {
    pub(super) fn new(database: &'d Database) -> Self {
        Self { database, known: HashMap::new() }
    }

    pub(super) fn of(&mut self, group: &Group<'d>) -> Result<Rating<'d>, DatabaseError> {
        let mut own = None;
        let mut rating = Rating::NOTHING;
        for hit in &group.hits {
            let Some(first) = hit.note.vulnerability.and_then(|first| usize::try_from(first).ok()) else {
                continue;
            };
            let known = self.at(first)?;
            if self.database.text(hit.note.id)? == group.id {
                own = Some(known);
            } else {
                rating = merged(rating, known);
            }
        }
        if own.is_none()
            && group.hits.iter().all(|hit| self.database.text(hit.note.id).ok() != Some(group.id))
            && let Some(first) = self.database.first_vulnerability(group.id)?
        {
            own = Some(self.at(first)?);
        }
        // That another name was taken back says nothing of this one.
        Ok(match own {
            Some(own) => Rating { withdrawn: own.withdrawn, ..merged(own, rating) },
            None => rating,
        })
    }

    fn at(&mut self, first: usize) -> Result<Rating<'d>, DatabaseError> {
        if let Some(known) = self.known.get(&first) {
            return Ok(*known);
        }
        let mut rating = Rating::NOTHING;
        for record in self.database.vulnerability_records(first) {
            let record = record?;
            let mut vector = None;
            for given in self.database.vectors(&record) {
                let (_, text) = given?;
                vector = better(vector, cvss::score(text).ok().map(|score| (text, score)));
            }
            let next = Rating {
                withdrawn: record.withdrawn,
                severity: record.severity,
                vector,
                epss: record.epss,
                exploited: self.database.optional_text(record.exploited)?,
                ssvc: record.ssvc,
                summary: self.database.text(record.summary)?,
            };
            rating = Rating { withdrawn: rating.withdrawn || next.withdrawn, ..merged(rating, next) };
        }
        self.known.insert(first, rating);
        Ok(rating)
    }
}

/// What two know together; of what both say, the first counts.
fn merged<'d>(a: Rating<'d>, b: Rating<'d>) -> Rating<'d> {
    Rating {
        withdrawn: false,
        severity: a.severity.max(b.severity),
        vector: better(a.vector, b.vector),
        epss: a.epss.or(b.epss),
        exploited: a.exploited.or(b.exploited),
        ssvc: a.ssvc.or(b.ssvc),
        summary: if a.summary.is_empty() { b.summary } else { a.summary },
    }
}

type Scored<'d> = Option<(&'d str, Score)>;

fn better<'d>(a: Scored<'d>, b: Scored<'d>) -> Scored<'d> {
    let key = |scored: Scored<'d>| scored.map(|(text, score)| (score, std::cmp::Reverse(text)));
    if key(b) > key(a) { b } else { a }
}
