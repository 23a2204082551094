use lazaret_model::Digest;
use sqlx::query_builder::Separated;
use sqlx::{QueryBuilder, Sqlite};

use crate::connection::{View, Write};
use crate::error::Result;

/// Rows of the largest statement.
const LARGEST: usize = 256;

/// Up to here there is a statement for each number of rows.
const EXACT: usize = 32;

impl Write<'_> {
    /// Does something to many rows: `head` is the statement up to `VALUES`, `tail` what comes after them.
    ///
    /// Few different texts exist, so that each stays prepared: a number of rows is small, or a power of two.
    pub(crate) async fn batches<T>(
        &mut self,
        head: &'static str,
        tail: &'static str,
        rows: &[T],
        mut bind: impl FnMut(&mut Separated<'_, Sqlite, &'static str>, &T),
    ) -> Result<u64> {
        let mut rest = rows;
        let mut changed = 0;
        while !rest.is_empty() {
            let count = match rest.len() {
                few @ ..=EXACT => few,
                many => LARGEST.min(1 << many.ilog2()),
            };
            let (now, later) = rest.split_at(count);
            let mut query = QueryBuilder::<Sqlite>::new(head);
            query.push_values(now, |mut row, item| bind(&mut row, item));
            query.push(tail);
            changed += self.run(query.build()).await?.rows_affected();
            rest = later;
        }
        Ok(changed)
    }
}

impl View<'_> {
    pub(crate) fn digest(&self, bytes: &[u8]) -> Result<Digest> {
        let bytes = bytes.try_into().map_err(|_| self.bad_row("a digest is not 32 bytes long"))?;
        Ok(Digest::from_bytes(bytes))
    }

    pub(crate) fn optional_digest(&self, bytes: Option<&[u8]>) -> Result<Option<Digest>> {
        bytes.map(|bytes| self.digest(bytes)).transpose()
    }
}

/// SQLite's integers are signed; no count here comes near the end of them.
pub(crate) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

pub(crate) fn blob(digest: &Digest) -> Vec<u8> {
    digest.as_bytes().to_vec()
}
