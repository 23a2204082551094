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
    /// Whoever told something; one that told something again after long may count twice.
    pub agents: u64,
    /// When an agent sent something last.
    pub at: String,
}

/// What one agent told and is kept apart no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledRow {
    pub id: i64,
    pub at: String,
    pub image_config: Digest,
    pub variant: String,
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
        let sql = "SELECT image_config, variant, subject, sum(agents), max(at) FROM (
                SELECT image_config, variant, subject, 1 AS agents, at FROM learned
                UNION ALL SELECT image_config, variant, subject, agents, at FROM learned_together)
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

    /// What was brought together of an image, run in one way; the first to be merged with what agents have told since.
    pub async fn learned_together(
        &mut self,
        image_config: &Digest,
        variant: &str,
    ) -> Result<Option<Vec<u8>>> {
        let sql = "SELECT body FROM learned_together WHERE image_config = ? AND variant = ?";
        let row = self.optional(query_as(sql).bind(blob(image_config)).bind(variant)).await?;
        Ok(row.map(|(body,)| body))
    }

    /// Ways to run an image of which something was brought together.
    pub async fn variants_together(&mut self, image_config: &Digest) -> Result<u64> {
        let sql = "SELECT count(*) FROM learned_together WHERE image_config = ?";
        let (count,): (i64,) = self.one(query_as(sql).bind(blob(image_config))).await?;
        Ok(unsigned(count))
    }

    /// What agents told before `before`, what more than `of_image` agents told of one image and way to run it, and what
    /// an agent told beside `of_agent` others: the oldest of it, by image and variant, at most `most`.
    pub async fn learned_settled(
        &mut self,
        before: &str,
        of_image: u32,
        of_agent: u32,
        most: u32,
    ) -> Result<Vec<SettledRow>> {
        let sql = "SELECT id, at, image_config, variant FROM (
                SELECT id, at, image_config, variant,
                    row_number() OVER (PARTITION BY image_config, variant ORDER BY at DESC, id DESC) AS of_image,
                    row_number() OVER (PARTITION BY agent ORDER BY at DESC, id DESC) AS of_agent
                FROM learned)
            WHERE at < ? OR of_image > ? OR of_agent > ? ORDER BY image_config, variant, at, id LIMIT ?";
        let query = query_as(sql).bind(before).bind(of_image).bind(of_agent).bind(most);
        let rows: Vec<(i64, String, Vec<u8>, String)> = self.all(query).await?;
        let mut settled = Vec::with_capacity(rows.len());
        for (id, at, image_config, variant) in rows {
            settled.push(SettledRow { id, at, image_config: self.digest(&image_config)?, variant });
        }
        Ok(settled)
    }

    /// How the image is run, and what was learned, of one row.
    pub async fn learned_row(&mut self, id: i64) -> Result<Option<(String, Vec<u8>)>> {
        self.optional(query_as("SELECT subject, body FROM learned WHERE id = ?").bind(id)).await
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

    /// Keeps what was brought together of one image and way to run it, of `agents` more rows than before.
    pub async fn put_learned_together(&mut self, row: &LearnedRow, body: &[u8]) -> Result<()> {
        let sql = "INSERT INTO learned_together (image_config, variant, subject, agents, at, body)
            VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (image_config, variant) DO UPDATE SET
            subject = excluded.subject, agents = agents + excluded.agents, at = max(at, excluded.at),
            body = excluded.body";
        let query = query(sql)
            .bind(blob(&row.image_config))
            .bind(&row.variant)
            .bind(&row.subject)
            .bind(i64::try_from(row.agents).unwrap_or(i64::MAX))
            .bind(&row.at)
            .bind(body);
        self.run(query).await?;
        Ok(())
    }

    /// Drops what an agent told, unless it has told it anew since.
    pub async fn drop_learned(&mut self, row: &SettledRow) -> Result<bool> {
        let sql = "DELETE FROM learned WHERE id = ? AND at = ?";
        Ok(self.run(query(sql).bind(row.id).bind(&row.at)).await?.rows_affected() == 1)
    }
}
