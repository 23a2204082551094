use sqlx::query;
use sqlx::query_as;

use crate::batch::unsigned;
use crate::connection::{View, Write};
use crate::error::Result;

const REVISION: &str = "revision";

impl View<'_> {
    pub async fn meta(&mut self, key: &str) -> Result<Option<String>> {
        let row: Option<(String,)> =
            self.optional(query_as("SELECT value FROM meta WHERE key = ?").bind(key.to_owned())).await?;
        Ok(row.map(|(value,)| value))
    }

    /// Counts the changes of what agents admit by.
    pub async fn revision(&mut self) -> Result<u64> {
        match self.meta(REVISION).await? {
            None => Ok(0),
            Some(text) => text.parse().map_err(|_| self.bad_row("the revision is not a number")),
        }
    }

    /// Size of the whole file with everything not yet moved into it, for people.
    pub async fn bytes(&mut self) -> Result<u64> {
        let (pages,): (i64,) = self
            .one(query_as("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"))
            .await?;
        Ok(unsigned(pages))
    }
}

impl Write<'_> {
    pub async fn set_meta(&mut self, key: &str, value: &str) -> Result<()> {
        let sql = "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        self.run(query(sql).bind(key.to_owned()).bind(value.to_owned())).await?;
        Ok(())
    }

    pub async fn next_revision(&mut self) -> Result<u64> {
        let revision = self.view().revision().await? + 1;
        self.set_meta(REVISION, &revision.to_string()).await?;
        Ok(revision)
    }
}
