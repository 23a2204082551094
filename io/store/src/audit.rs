use sqlx::{query, query_as};

use crate::batch::{int, unsigned};
use crate::connection::{View, Write};
use crate::error::Result;

/// One entry of the append-only log, exactly as it was hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLeaf {
    pub index: u64,
    pub leaf: String,
}

impl View<'_> {
    pub async fn audit_leaves(&mut self, from: u64, limit: u32) -> Result<Vec<AuditLeaf>> {
        let sql = "SELECT position, leaf FROM audit_leaves WHERE position >= ? ORDER BY position LIMIT ?";
        let rows: Vec<(i64, String)> = self.all(query_as(sql).bind(int(from)).bind(limit)).await?;
        Ok(rows.into_iter().map(|(index, leaf)| AuditLeaf { index: unsigned(index), leaf }).collect())
    }

    /// Entries of the log: one more than the highest index.
    pub async fn audit_size(&mut self) -> Result<u64> {
        let (size,): (i64,) =
            self.one(query_as("SELECT coalesce(max(position) + 1, 0) FROM audit_leaves")).await?;
        Ok(unsigned(size))
    }

    /// The newest signed checkpoint with the size that it is filed under.
    pub async fn newest_checkpoint(&mut self) -> Result<Option<(u64, String)>> {
        let sql = "SELECT size, note FROM audit_checkpoints ORDER BY size DESC LIMIT 1";
        let row: Option<(i64, String)> = self.optional(query_as(sql)).await?;
        Ok(row.map(|(size, note)| (unsigned(size), note)))
    }

    /// Checkpoints over at least `from` entries, smallest first.
    pub async fn checkpoints(&mut self, from: u64, limit: u32) -> Result<Vec<(u64, String)>> {
        let sql = "SELECT size, note FROM audit_checkpoints WHERE size >= ? ORDER BY size LIMIT ?";
        let rows: Vec<(i64, String)> = self.all(query_as(sql).bind(int(from)).bind(limit)).await?;
        Ok(rows.into_iter().map(|(size, note)| (unsigned(size), note)).collect())
    }
}

impl Write<'_> {
    pub async fn add_audit_leaves(&mut self, leaves: &[AuditLeaf]) -> Result<()> {
        let head = "INSERT INTO audit_leaves (position, leaf) ";
        self.batches(head, "", leaves, |row, leaf| {
            row.push_bind(int(leaf.index)).push_bind(leaf.leaf.clone());
        })
        .await?;
        Ok(())
    }

    pub async fn add_checkpoint(&mut self, size: u64, note: &str) -> Result<()> {
        let sql = "INSERT INTO audit_checkpoints (size, note) VALUES (?, ?)";
        self.run(query(sql).bind(int(size)).bind(note)).await?;
        Ok(())
    }
}
