use std::collections::HashSet;

use lazaret_model::Digest;
use sqlx::{query, query_as};

use crate::batch::{blob, int, unsigned};
use crate::connection::{View, Write};
use crate::error::Result;

/// How far one spool of an agent is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolState {
    pub id: i64,
    /// Highest number stored; 0 before the first.
    pub through: u64,
    /// What the agent itself says it lost.
    pub lost: u64,
    /// How many are stored.
    pub events: u64,
}

#[derive(Debug, Clone)]
pub struct NewEvent<'a> {
    /// The agent's number; none for what the server says about the spool.
    pub seq: Option<u64>,
    pub container: Option<&'a str>,
    pub image_config: Option<Digest>,
    /// The event as it is shown again.
    pub body: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    pub position: u64,
    pub host: String,
    /// `repository@digest` of the image, or what the user called it.
    pub image: Option<String>,
    pub body: String,
}

type Columns = (i64, String, String, Option<String>, Option<String>);

macro_rules! select {
    ($tail:literal) => {
        concat!(
            "SELECT e.position, a.host, e.body,
            (SELECT i.repository || '@sha256:' || lower(hex(i.manifest)) FROM images i
             WHERE i.config = coalesce(e.image_config, c.image_config) ORDER BY i.id DESC LIMIT 1),
            c.image_name
            FROM events e JOIN spools s ON s.id = e.spool JOIN agents a ON a.id = s.agent
            LEFT JOIN containers c ON c.agent = s.agent AND c.container = e.container ",
            $tail
        )
    };
}

fn event_row((position, host, body, image, name): Columns) -> EventRow {
    let image = image.or_else(|| name.filter(|name| !name.is_empty()));
    EventRow { position: unsigned(position), host, image, body }
}

impl View<'_> {
    /// Position of the newest event; 0 before the first.
    pub async fn last_position(&mut self) -> Result<u64> {
        let sql = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'events'";
        let (position,): (i64,) = self.one(query_as(sql)).await?;
        Ok(unsigned(position))
    }

    /// Which numbers from `first` to `last` the spool has stored.
    pub async fn stored_numbers(&mut self, spool: i64, first: u64, last: u64) -> Result<HashSet<u64>> {
        let sql = "SELECT seq FROM events WHERE spool = ? AND seq BETWEEN ? AND ?";
        let rows: Vec<(i64,)> = self.all(query_as(sql).bind(spool).bind(int(first)).bind(int(last))).await?;
        Ok(rows.into_iter().map(|(seq,)| unsigned(seq)).collect())
    }

    pub async fn events_after(&mut self, position: u64, limit: u32) -> Result<Vec<EventRow>> {
        let sql = select!("WHERE e.position > ? ORDER BY e.position LIMIT ?");
        let rows: Vec<Columns> = self.all(query_as(sql).bind(int(position)).bind(limit)).await?;
        Ok(rows.into_iter().map(event_row).collect())
    }

    /// The events at these positions, in their order.
    pub async fn events_at(&mut self, positions: &[u64]) -> Result<Vec<EventRow>> {
        let sql = select!("WHERE e.position IN (SELECT value FROM json_each(?)) ORDER BY e.position");
        let positions = serde_json::Value::from(positions).to_string();
        let rows: Vec<Columns> = self.all(query_as(sql).bind(positions)).await?;
        Ok(rows.into_iter().map(event_row).collect())
    }
}

impl Write<'_> {
    /// The spool with this identity, new where it was never heard of.
    pub async fn spool(&mut self, agent: i64, spool: &str) -> Result<SpoolState> {
        let sql = "INSERT INTO spools (agent, spool) VALUES (?, ?)
            ON CONFLICT (agent, spool) DO UPDATE SET spool = excluded.spool RETURNING id, through, lost, events";
        let row: (i64, i64, i64, i64) = self.view().one(query_as(sql).bind(agent).bind(spool)).await?;
        let (id, through, lost, events) = row;
        Ok(SpoolState { id, through: unsigned(through), lost: unsigned(lost), events: unsigned(events) })
    }

    pub async fn set_spool(&mut self, state: &SpoolState) -> Result<()> {
        let query = query("UPDATE spools SET through = ?, lost = ?, events = ? WHERE id = ?")
            .bind(int(state.through))
            .bind(int(state.lost))
            .bind(int(state.events))
            .bind(state.id);
        self.run(query).await?;
        Ok(())
    }

    /// Stores events in their order, the first at position `first`, the others after it.
    pub async fn add_events(&mut self, spool: i64, first: u64, events: &[NewEvent<'_>]) -> Result<()> {
        let rows: Vec<(i64, &NewEvent<'_>)> = (int(first)..).zip(events).collect();
        let head = "INSERT INTO events (position, spool, seq, container, image_config, body) ";
        self.batches(head, "", &rows, |row, (position, event)| {
            row.push_bind(*position)
                .push_bind(spool)
                .push_bind(event.seq.map(int))
                .push_bind(event.container.map(str::to_owned))
                .push_bind(event.image_config.as_ref().map(blob))
                .push_bind(event.body.clone());
        })
        .await?;
        Ok(())
    }
}
