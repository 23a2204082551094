//! What a database knows of vulnerabilities themselves.

use lazaret_model::Vulnerability;

use super::layout::{DatabaseError, VECTORS, VULNERABILITIES};
use super::read::{Database, to_index};
use super::record::VulnerabilityRecord;

impl Database {
    /// What all feeds together know of a vulnerability: every vector with who gave it, the highest rating, and
    /// of the rest what the first feed by name says.
    pub fn vulnerability(&self, id: &str) -> Result<Option<Vulnerability>, DatabaseError> {
        let Some(first) = self.first_vulnerability(id)? else { return Ok(None) };
        let mut known = Vulnerability::new(id);
        for record in self.vulnerability_records(first) {
            self.add(&record?, &mut known)?;
        }
        known.cvss.sort_unstable();
        known.cvss.dedup();
        Ok(Some(known))
    }

    /// The first record of a vulnerability.
    pub(crate) fn first_vulnerability(&self, id: &str) -> Result<Option<usize>, DatabaseError> {
        let first = self.partition(0..self.count(VULNERABILITIES), |at| {
            Ok(self.text(self.vulnerability_record(at)?.id)?.as_bytes() < id.as_bytes())
        })?;
        if first == self.count(VULNERABILITIES) || self.text(self.vulnerability_record(first)?.id)? != id {
            return Ok(None);
        }
        Ok(Some(first))
    }

    /// The records of the vulnerability whose first one this is.
    pub(crate) fn vulnerability_records(
        &self,
        first: usize,
    ) -> impl Iterator<Item = Result<VulnerabilityRecord, DatabaseError>> {
        let mut id = None;
        // The first one is asked for even outside the table, where it is an error.
        (first..self.count(VULNERABILITIES).max(first.saturating_add(1)))
            .map(|at| self.vulnerability_record(at))
            .take_while(move |record| {
                record.as_ref().map_or(true, |record| *id.get_or_insert(record.id) == record.id)
            })
    }

    fn add(&self, record: &VulnerabilityRecord, known: &mut Vulnerability) -> Result<(), DatabaseError> {
        let owned = |at: Option<u32>| self.optional_text(at).map(|text| text.map(str::to_owned));
        known.severity = known.severity.max(record.severity);
        if known.summary.is_empty() {
            known.summary = self.text(record.summary)?.to_owned();
        }
        if known.published.is_none() {
            known.published = owned(record.published)?;
        }
        if known.exploited.is_none() {
            known.exploited = owned(record.exploited)?;
        }
        known.epss = known.epss.or(record.epss);
        known.ssvc = known.ssvc.or(record.ssvc);
        known.withdrawn |= record.withdrawn;
        for vector in self.vectors(record) {
            let (who, vector) = vector?;
            known.cvss.push((who.to_owned(), vector.to_owned()));
        }
        Ok(())
    }

    /// The vectors of a record: who gave them, and themselves.
    pub(crate) fn vectors(
        &self,
        record: &VulnerabilityRecord,
    ) -> impl Iterator<Item = Result<(&str, &str), DatabaseError>> {
        let first = to_index(record.first_vector);
        (first..first.saturating_add(record.vectors.into())).map(|at| {
            let text = |offset| self.text(self.number(VECTORS, at, offset)?);
            Ok((text(0)?, text(4)?))
        })
    }

    pub(crate) fn vulnerability_record(&self, at: usize) -> Result<VulnerabilityRecord, DatabaseError> {
        VulnerabilityRecord::read(self.element(VULNERABILITIES, at)?)
    }
}
