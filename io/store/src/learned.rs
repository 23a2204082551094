use lazaret_model::Digest;
use sqlx::{query, query_as};

use crate::batch::{blob, unsigned};
use crate::connection::{View, Write};
use crate::error::Result;

/// What one agent learned of one image, run in one way.
#[derive(Debug, Clone)]
pub struct NewLearned<'a> {
    pub agent: i64,
    pub image_config: Digest,
    pub variant: &'a str,
    /// How the image is run, as JSON.
    pub subject: &'a str,
    pub body: &'a [u8],
    pub at: &'a str,
}

/// What is known of one image, run in one way: how much, from whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LearnedRow {
    pub image_config: Digest,
    pub variant: String,
    pub subject: String,
    pub agents: u64,
    /// When an agent sent something last.
    pub at: String,
}

/// What one agent has here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LearnedTotal {
    pub entries: u64,
    pub bytes: u64,
}

impl View<'_> {
    /// Everything that was learned, or what was learned of one image; in the order of images and variants.
    pub async fn learned(&mut self, image_config: Option<&Digest>) -> Result<Vec<LearnedRow>> {
        // SQLite takes the other columns from the row that max() is in.
        let sql = "SELECT image_config, variant, subject, count(*), max(at) FROM learned
            WHERE ?1 IS NULL OR image_config = ?1 GROUP BY image_config, variant ORDER BY image_config, variant";
        let rows = self.all(query_as(sql).bind(image_config.map(blob))).await?;
        let mut learned = Vec::with_capacity(rows.len());
        for (image_config, variant, subject, agents, at) in
            rows as Vec<(Vec<u8>, String, String, i64, String)>
        {
            let (image_config, agents) = (self.digest(&image_config)?, unsigned(agents));
            learned.push(LearnedRow { image_config, variant, subject, agents, at });
        }
        Ok(learned)
    }

    /// What the first agent behind `after` learned, with what to ask for the next: bodies may be large, so they are
    /// read one by one.
    pub async fn next_learned(
        &mut self,
        image_config: &Digest,
        variant: &str,
        after: i64,
    ) -> Result<Option<(i64, Vec<u8>)>> {
        let sql = "SELECT id, body FROM learned WHERE image_config = ? AND variant = ? AND id > ? ORDER BY id LIMIT 1";
        let rows = self.all(query_as(sql).bind(blob(image_config)).bind(variant).bind(after)).await?;
        Ok(rows.into_iter().next())
    }

    /// What an agent has here beside one entry.
    pub async fn learned_total(
        &mut self,
        agent: i64,
        image_config: &Digest,
        variant: &str,
    ) -> Result<LearnedTotal> {
        let sql = "SELECT count(*), coalesce(sum(length(body)), 0) FROM learned
            WHERE agent = ? AND NOT (image_config = ? AND variant = ?)";
        let query = query_as(sql).bind(agent).bind(blob(image_config)).bind(variant);
        let (entries, bytes): (i64, i64) = self.one(query).await?;
        Ok(LearnedTotal { entries: unsigned(entries), bytes: unsigned(bytes) })
    }
}

impl Write<'_> {
    /// Keeps what an agent learned, instead of what it said of the same before.
    pub async fn put_learned(&mut self, new: &NewLearned<'_>) -> Result<()> {
        let sql =
            "INSERT INTO learned (agent, image_config, variant, subject, body, at) VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (agent, image_config, variant)
            DO UPDATE SET subject = excluded.subject, body = excluded.body, at = excluded.at";
        let query = query(sql)
            .bind(new.agent)
            .bind(blob(&new.image_config))
            .bind(new.variant)
            .bind(new.subject)
            .bind(new.body)
            .bind(new.at);
        self.run(query).await?;
        Ok(())
    }
}
