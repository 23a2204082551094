use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _, query, query_as};

use crate::batch::{int, unsigned};
use crate::connection::{View, Write};
use crate::error::Result;

const REVISION: &str = "break-glass-revision";

/// A way into a container that a person opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakGlassRow {
    pub id: i64,
    pub name: String,
    pub agent: i64,
    pub host: String,
    pub container: String,
    pub container_name: String,
    pub reason: String,
    pub by: String,
    pub opened: String,
    pub until: String,
    /// `open`, `closed`, `expired`.
    pub state: String,
    pub in_force: Option<String>,
    pub closed: Option<String>,
    pub closed_by: Option<String>,
}

#[derive(Debug, Clone)]
pub struct NewBreakGlass<'a> {
    pub name: &'a str,
    pub agent: i64,
    pub container: &'a str,
    pub container_name: &'a str,
    pub reason: &'a str,
    pub by: &'a str,
    pub opened: &'a str,
    pub until: &'a str,
}

impl FromRow<'_, SqliteRow> for BreakGlassRow {
    fn from_row(row: &SqliteRow) -> std::result::Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get(0)?,
            name: row.try_get(1)?,
            agent: row.try_get(2)?,
            host: row.try_get(3)?,
            container: row.try_get(4)?,
            container_name: row.try_get(5)?,
            reason: row.try_get(6)?,
            by: row.try_get(7)?,
            opened: row.try_get(8)?,
            until: row.try_get(9)?,
            state: row.try_get(10)?,
            in_force: row.try_get(11)?,
            closed: row.try_get(12)?,
            closed_by: row.try_get(13)?,
        })
    }
}

macro_rules! select {
    ($tail:literal) => {
        concat!(
            "SELECT b.id, b.name, b.agent, a.host, b.container, b.container_name, b.reason, b.by, b.opened, b.until, ",
            "b.state, b.in_force, b.closed, b.closed_by FROM break_glass b JOIN agents a ON a.id = b.agent ",
            $tail
        )
    };
}

impl View<'_> {
    /// Counts the openings, closings and ends.
    pub async fn break_glass_revision(&mut self) -> Result<u64> {
        match self.meta(REVISION).await? {
            None => Ok(0),
            Some(text) => {
                text.parse().map_err(|_| self.bad_row("the revision of break-glass is not a number"))
            }
        }
    }

    pub async fn break_glass(&mut self, name: &str) -> Result<Option<BreakGlassRow>> {
        self.optional(query_as(select!("WHERE b.name = ?")).bind(name.to_owned())).await
    }

    /// The newest first.
    pub async fn break_glasses(&mut self, limit: u32) -> Result<Vec<BreakGlassRow>> {
        self.all(query_as(select!("ORDER BY b.id DESC LIMIT ?")).bind(limit)).await
    }

    /// What is open on one host, or with `None` on all, oldest first.
    pub async fn open_break_glasses(&mut self, agent: Option<i64>) -> Result<Vec<BreakGlassRow>> {
        let sql = select!("WHERE b.state = 'open' AND (?1 IS NULL OR b.agent = ?1) ORDER BY b.id");
        self.all(query_as(sql).bind(agent)).await
    }

    /// Positions of what happened in one, in their order.
    pub async fn break_glass_events(&mut self, id: i64, after: u64, limit: u32) -> Result<Vec<u64>> {
        let sql = "SELECT position FROM break_glass_events WHERE break_glass = ? AND position > ?
            ORDER BY position LIMIT ?";
        let rows: Vec<(i64,)> = self.all(query_as(sql).bind(id).bind(int(after)).bind(limit)).await?;
        Ok(rows.into_iter().map(|(position,)| unsigned(position)).collect())
    }
}

impl Write<'_> {
    pub async fn add_break_glass(&mut self, new: &NewBreakGlass<'_>) -> Result<()> {
        let sql =
            "INSERT INTO break_glass (name, agent, container, container_name, reason, by, opened, until)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        let query = query(sql)
            .bind(new.name)
            .bind(new.agent)
            .bind(new.container)
            .bind(new.container_name)
            .bind(new.reason)
            .bind(new.by)
            .bind(new.opened)
            .bind(new.until);
        self.run(query).await?;
        self.next_break_glass_revision().await
    }

    /// Ends one: `state` is `closed`, with who did it, or `expired`.
    pub async fn end_break_glass(&mut self, id: i64, state: &str, at: &str, by: Option<&str>) -> Result<()> {
        let sql =
            "UPDATE break_glass SET state = ?, closed = ?, closed_by = ? WHERE id = ? AND state = 'open'";
        self.run(query(sql).bind(state).bind(at).bind(by).bind(id)).await?;
        self.next_break_glass_revision().await
    }

    /// The agent said that it lets people in. The first time counts.
    pub async fn set_break_glass_in_force(&mut self, id: i64, at: &str) -> Result<()> {
        let sql = "UPDATE break_glass SET in_force = coalesce(in_force, ?) WHERE id = ?";
        self.run(query(sql).bind(at).bind(id)).await?;
        Ok(())
    }

    pub async fn add_break_glass_event(&mut self, id: i64, position: u64) -> Result<()> {
        let sql = "INSERT OR IGNORE INTO break_glass_events (break_glass, position) VALUES (?, ?)";
        self.run(query(sql).bind(id).bind(int(position))).await?;
        Ok(())
    }

    async fn next_break_glass_revision(&mut self) -> Result<()> {
        let revision = self.view().break_glass_revision().await?.saturating_add(1);
        self.set_meta(REVISION, &revision.to_string()).await
    }
}
