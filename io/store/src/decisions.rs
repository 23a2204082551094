use lazaret_model::Digest;
use sqlx::{query, query_as};

use crate::batch::{blob, int, unsigned};
use crate::connection::{View, Write};
use crate::error::Result;

/// An admission decision that an agent reported, beside its event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionRow {
    /// Position of the event.
    pub position: u64,
    pub agent: i64,
    pub decision: String,
    pub container: Option<String>,
    pub image_config: Option<Digest>,
    pub audit: Option<u64>,
}

/// A decision that was stored while the audit log was closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnloggedDecision {
    pub position: u64,
    pub host: String,
    pub body: String,
}

type Columns = (i64, i64, String, Option<String>, Option<Vec<u8>>, Option<i64>, String);

macro_rules! select {
    ($tail:literal) => {
        concat!(
            "SELECT d.position, d.agent, d.decision, d.container, d.image_config, d.audit, e.body ",
            "FROM decisions d JOIN events e ON e.position = d.position ",
            $tail
        )
    };
}

impl View<'_> {
    /// Decisions about one container, oldest first, each with the body of its event: those that name it
    /// and the one that let it in.
    pub async fn decisions_of_container(
        &mut self,
        agent: i64,
        container: &str,
        admitted_by: Option<&str>,
    ) -> Result<Vec<(DecisionRow, String)>> {
        let sql = select!(
            "WHERE d.agent = ?1 AND d.position IN (
                SELECT position FROM decisions WHERE container = ?2
                UNION SELECT position FROM decisions WHERE decision = ?3) ORDER BY d.position LIMIT 1000"
        );
        let query = query_as(sql).bind(agent).bind(container).bind(admitted_by);
        let rows = self.all(query).await?;
        self.decision_rows(rows)
    }

    /// The newest decisions about one image, oldest first.
    pub async fn decisions_of_image(
        &mut self,
        config: &Digest,
        limit: u32,
    ) -> Result<Vec<(DecisionRow, String)>> {
        let sql = select!("WHERE d.image_config = ? ORDER BY d.position DESC LIMIT ?");
        let mut rows = self.all(query_as(sql).bind(blob(config)).bind(limit)).await?;
        rows.reverse();
        self.decision_rows(rows)
    }

    pub async fn unlogged_decisions(&mut self, limit: u32) -> Result<Vec<UnloggedDecision>> {
        let sql = "SELECT d.position, a.host, e.body FROM decisions d
            JOIN events e ON e.position = d.position JOIN agents a ON a.id = d.agent
            WHERE d.audit IS NULL ORDER BY d.position LIMIT ?";
        let rows: Vec<(i64, String, String)> = self.all(query_as(sql).bind(limit)).await?;
        let row = |(position, host, body)| UnloggedDecision { position: unsigned(position), host, body };
        Ok(rows.into_iter().map(row).collect())
    }

    fn decision_rows(&self, rows: Vec<Columns>) -> Result<Vec<(DecisionRow, String)>> {
        let mut decisions = Vec::with_capacity(rows.len());
        for (position, agent, decision, container, image_config, audit, body) in rows {
            let position = unsigned(position);
            let image_config = self.optional_digest(image_config.as_deref())?;
            let audit = audit.map(unsigned);
            decisions.push((DecisionRow { position, agent, decision, container, image_config, audit }, body));
        }
        Ok(decisions)
    }
}

impl Write<'_> {
    pub async fn add_decisions(&mut self, decisions: &[DecisionRow]) -> Result<()> {
        let head = "INSERT INTO decisions (position, agent, decision, container, image_config, audit) ";
        self.batches(head, "", decisions, |row, decision| {
            row.push_bind(int(decision.position))
                .push_bind(decision.agent)
                .push_bind(decision.decision.clone())
                .push_bind(decision.container.clone())
                .push_bind(decision.image_config.as_ref().map(blob))
                .push_bind(decision.audit.map(int));
        })
        .await?;
        Ok(())
    }

    pub async fn set_decision_logged(&mut self, position: u64, audit: u64) -> Result<()> {
        let query = query("UPDATE decisions SET audit = ? WHERE position = ?");
        self.run(query.bind(int(audit)).bind(int(position))).await?;
        Ok(())
    }
}
