use sqlx::{query, query_as};

use crate::connection::{View, Write};
use crate::error::Result;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplacementRow {
    pub id: i64,
    pub replacement: String,
    pub agent: i64,
    pub host: String,
    pub container: String,
    pub image: String,
    pub health_seconds: u32,
    pub state: String,
    pub ended: bool,
    pub successor: Option<String>,
    pub requested: String,
    pub steps: Vec<StepRow>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRow {
    pub at: String,
    pub text: String,
}

#[derive(Debug, Clone)]
pub struct NewReplacement<'a> {
    pub replacement: &'a str,
    pub agent: i64,
    pub container: &'a str,
    pub image: &'a str,
    pub health_seconds: u32,
    pub state: &'a str,
    pub requested: &'a str,
}

type Columns = (i64, String, i64, String, String, String, u32, String, bool, Option<String>, String);

macro_rules! select {
    ($tail:literal) => {
        concat!(
            "SELECT r.id, r.replacement, r.agent, a.host, r.container, r.image, r.health_seconds, r.state, r.ended, ",
            "r.successor, r.requested FROM replacements r JOIN agents a ON a.id = r.agent ",
            $tail
        )
    };
}

impl View<'_> {
    pub async fn replacement(&mut self, replacement: &str) -> Result<Option<ReplacementRow>> {
        let rows = self.all(query_as(select!("WHERE r.replacement = ?")).bind(replacement)).await?;
        Ok(self.replacement_rows(rows).await?.pop())
    }

    /// What an agent has not ended yet, oldest first.
    pub async fn open_replacements(&mut self, agent: i64) -> Result<Vec<ReplacementRow>> {
        let rows = self
            .all(query_as(select!("WHERE r.agent = ? AND r.ended = 0 ORDER BY r.id")).bind(agent))
            .await?;
        self.replacement_rows(rows).await
    }

    async fn replacement_rows(&mut self, rows: Vec<Columns>) -> Result<Vec<ReplacementRow>> {
        let mut replacements = Vec::with_capacity(rows.len());
        for row in rows {
            let (
                id,
                replacement,
                agent,
                host,
                container,
                image,
                health_seconds,
                state,
                ended,
                successor,
                requested,
            ) = row;
            let sql = "SELECT at, text FROM replacement_steps WHERE replacement = ? ORDER BY position";
            let steps: Vec<(String, String)> = self.all(query_as(sql).bind(id)).await?;
            let steps = steps.into_iter().map(|(at, text)| StepRow { at, text }).collect();
            replacements.push(ReplacementRow {
                id,
                replacement,
                agent,
                host,
                container,
                image,
                health_seconds,
                state,
                ended,
                successor,
                requested,
                steps,
            });
        }
        Ok(replacements)
    }
}

impl Write<'_> {
    pub async fn add_replacement(&mut self, new: &NewReplacement<'_>) -> Result<()> {
        let sql = "INSERT INTO replacements (replacement, agent, container, image, health_seconds, state, requested)
            VALUES (?, ?, ?, ?, ?, ?, ?)";
        let query = query(sql)
            .bind(new.replacement)
            .bind(new.agent)
            .bind(new.container)
            .bind(new.image)
            .bind(new.health_seconds)
            .bind(new.state)
            .bind(new.requested);
        self.run(query).await?;
        Ok(())
    }

    /// Adds the next step and sets the state; `ended` takes it from the agent's list.
    pub async fn add_replacement_step(
        &mut self,
        replacement: i64,
        position: u32,
        step: &StepRow,
        state: &str,
        ended: bool,
        successor: Option<&str>,
    ) -> Result<()> {
        let sql = "INSERT INTO replacement_steps (replacement, position, at, text) VALUES (?, ?, ?, ?)";
        self.run(query(sql).bind(replacement).bind(position).bind(&step.at).bind(&step.text)).await?;
        let sql =
            "UPDATE replacements SET state = ?, ended = ?, successor = coalesce(?, successor) WHERE id = ?";
        self.run(query(sql).bind(state).bind(ended).bind(successor).bind(replacement)).await?;
        Ok(())
    }
}
