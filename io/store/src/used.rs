use std::collections::HashSet;

use lazaret_model::Digest;
use sqlx::{query, query_as};

use crate::batch::{blob, unsigned};
use crate::connection::{View, Write};
use crate::error::Result;
use crate::learned::LearnedTotal;

/// What one agent saw containers of one image run.
#[derive(Debug, Clone)]
pub struct NewUsed<'a> {
    pub agent: i64,
    pub image_config: Digest,
    pub body: &'a [u8],
    pub at: &'a str,
}

impl View<'_> {
    /// Images of which an agent watched containers.
    pub async fn used_images(&mut self) -> Result<HashSet<Digest>> {
        let rows: Vec<(Vec<u8>,)> = self.all(query_as("SELECT DISTINCT image_config FROM used")).await?;
        rows.into_iter().map(|(config,)| self.digest(&config)).collect()
    }

    /// What the first agent behind `after` saw, with what to ask for the next.
    pub async fn next_used(&mut self, image_config: &Digest, after: i64) -> Result<Option<(i64, Vec<u8>)>> {
        let sql = "SELECT id, body FROM used WHERE image_config = ? AND id > ? ORDER BY id LIMIT 1";
        let rows = self.all(query_as(sql).bind(blob(image_config)).bind(after)).await?;
        Ok(rows.into_iter().next())
    }

    /// What an agent has here beside one image.
    pub async fn used_total(&mut self, agent: i64, image_config: &Digest) -> Result<LearnedTotal> {
        let sql =
            "SELECT count(*), coalesce(sum(length(body)), 0) FROM used WHERE agent = ? AND image_config <> ?";
        let (entries, bytes): (i64, i64) =
            self.one(query_as(sql).bind(agent).bind(blob(image_config))).await?;
        Ok(LearnedTotal { entries: unsigned(entries), bytes: unsigned(bytes) })
    }
}

impl Write<'_> {
    /// Keeps what an agent saw, instead of what it said of the same image before.
    pub async fn put_used(&mut self, new: &NewUsed<'_>) -> Result<()> {
        let sql = "INSERT INTO used (agent, image_config, body, at) VALUES (?, ?, ?, ?)
            ON CONFLICT (agent, image_config) DO UPDATE SET body = excluded.body, at = excluded.at";
        let query = query(sql).bind(new.agent).bind(blob(&new.image_config)).bind(new.body).bind(new.at);
        self.run(query).await?;
        Ok(())
    }
}
