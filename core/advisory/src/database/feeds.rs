//! What a database knows of the feeds that it was made from.

use lazaret_model::Digest;

use super::layout::{DatabaseError, FEEDS};
use super::read::Database;
use super::record::NONE;

/// One source of advisories, as it was when the database was built.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Feed {
    /// As in [`Advisory::feed`](lazaret_model::Advisory).
    pub name: String,
    /// Digest of what was read, so that an unchanged source need not be read again.
    pub source: Option<Digest>,
    /// When it was read last with success; RFC 3339.
    pub read: Option<String>,
    /// Why what is here is not the newest: the last good data of a feed that failed since.
    pub problem: Option<String>,
    /// Rows about packages.
    pub rows: u64,
    /// Records about vulnerabilities themselves.
    pub vulnerabilities: u64,
}

impl Feed {
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

impl Database {
    /// The feeds that this database was made from, by name.
    pub fn feeds(&self) -> Result<Vec<Feed>, DatabaseError> {
        (0..self.count(FEEDS)).map(|at| self.feed(at)).collect()
    }

    fn feed(&self, at: usize) -> Result<Feed, DatabaseError> {
        let field = |offset| self.number(FEEDS, at, offset);
        let text = |offset| match field(offset)? {
            NONE => Ok(None),
            text => self.text(text).map(|text| Some(text.to_owned())),
        };
        let source = text(4)?.map(|digest| digest.parse());
        Ok(Feed {
            name: self.text(field(0)?)?.to_owned(),
            source: source
                .transpose()
                .map_err(|_| DatabaseError::section(FEEDS, "a source's digest is not one"))?,
            read: text(8)?,
            problem: text(12)?,
            rows: u64::from(field(16)?),
            vulnerabilities: u64::from(field(20)?),
        })
    }

    pub(crate) fn feed_name(&self, feed: u32) -> Result<&str, DatabaseError> {
        let at = usize::try_from(feed).unwrap_or(usize::MAX);
        self.text(self.number(FEEDS, at, 0)?)
    }
}
