use lazaret_model::Digest;
use sqlx::{query, query_as};

use crate::batch::blob;
use crate::connection::{View, Write};
use crate::error::Result;

/// The newest run of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerRow {
    pub agent: i64,
    pub host: String,
    pub container: String,
    pub name: String,
    pub image_name: String,
    pub image_config: Option<Digest>,
    pub decision: Option<String>,
    pub command: String,
    pub pid: u32,
    pub running: bool,
    pub started: String,
    pub ended: Option<String>,
    pub exit_code: Option<i32>,
    /// Nobody saw it end: its agent started anew and has not named it yet.
    pub presumed: bool,
}

/// A run that gave way to a newer one of the same container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedRun {
    pub container: String,
    pub image_config: Option<Digest>,
    pub decision: Option<String>,
    pub started: String,
    pub ended: Option<String>,
    pub exit_code: Option<i32>,
}

/// What the fleet index needs of a running container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningContainer {
    pub host: String,
    pub container: String,
    pub name: String,
    pub image_config: Option<Digest>,
    pub started: String,
}

type Columns = (
    i64,
    String,
    String,
    String,
    String,
    Option<Vec<u8>>,
    Option<String>,
    String,
    u32,
    bool,
    String,
    Option<String>,
    Option<i32>,
    bool,
);

type RunColumns = (Option<Vec<u8>>, Option<String>, String, Option<String>, Option<i32>);
type RunningColumns = (String, String, String, Option<Vec<u8>>, String);

macro_rules! select {
    ($tail:literal) => {
        concat!(
            "SELECT c.agent, a.host, c.container, c.name, c.image_name, c.image_config, c.decision, ",
            "c.command, c.pid, c.running = 1, c.started, c.ended, c.exit_code, c.presumed ",
            "FROM containers c JOIN agents a ON a.id = c.agent ",
            $tail
        )
    };
}

impl View<'_> {
    /// Running containers, or with `all` ended ones too; newest first.
    pub async fn containers(&mut self, all: bool) -> Result<Vec<ContainerRow>> {
        let sql = if all {
            select!("ORDER BY c.running DESC, c.started DESC, c.id DESC")
        } else {
            select!("WHERE c.running = 1 ORDER BY c.started DESC, c.id DESC")
        };
        let rows = self.all(query_as(sql)).await?;
        self.container_rows(rows)
    }

    /// Containers of a host by their ids.
    pub async fn containers_with_ids(&mut self, agent: i64, ids: &[&str]) -> Result<Vec<ContainerRow>> {
        let sql = select!("WHERE c.agent = ? AND c.container IN (SELECT value FROM json_each(?))");
        let ids = serde_json::Value::from(ids).to_string();
        let rows = self.all(query_as(sql).bind(agent).bind(ids)).await?;
        self.container_rows(rows)
    }

    pub async fn running_on(&mut self, agent: i64) -> Result<Vec<ContainerRow>> {
        let rows = self.all(query_as(select!("WHERE c.agent = ? AND c.running = 1")).bind(agent)).await?;
        self.container_rows(rows)
    }

    /// Containers with this name, or an id that begins so; running ones first, then the newest.
    pub async fn find_containers(&mut self, text: &str, host: Option<&str>) -> Result<Vec<ContainerRow>> {
        let sql = select!(
            "WHERE c.id IN (SELECT id FROM containers WHERE name = ?1
                UNION SELECT id FROM containers WHERE length(?1) >= 4 AND container >= ?1 AND container < ?1 || '~')
             AND (?2 IS NULL OR a.host = ?2)
             ORDER BY c.running DESC, c.started DESC, c.id DESC LIMIT 100"
        );
        let rows = self.all(query_as(sql).bind(text).bind(host)).await?;
        self.container_rows(rows)
    }

    pub async fn running_containers(&mut self) -> Result<Vec<RunningContainer>> {
        let sql = "SELECT a.host, c.container, c.name, c.image_config, c.started
            FROM containers c JOIN agents a ON a.id = c.agent WHERE c.running = 1";
        let rows: Vec<RunningColumns> = self.all(query_as(sql)).await?;
        let mut running = Vec::with_capacity(rows.len());
        for (host, container, name, image_config, started) in rows {
            let image_config = self.optional_digest(image_config.as_deref())?;
            running.push(RunningContainer { host, container, name, image_config, started });
        }
        Ok(running)
    }

    fn container_rows(&self, rows: Vec<Columns>) -> Result<Vec<ContainerRow>> {
        let mut containers = Vec::with_capacity(rows.len());
        for row in rows {
            let (agent, host, container, name, image_name, image_config, decision, ..) = row;
            let (.., command, pid, running, started, ended, exit_code, presumed) = row;
            let image_config = self.optional_digest(image_config.as_deref())?;
            containers.push(ContainerRow {
                agent,
                host,
                container,
                name,
                image_name,
                image_config,
                decision,
                command,
                pid,
                running,
                started,
                ended,
                exit_code,
                presumed,
            });
        }
        Ok(containers)
    }
}

impl Write<'_> {
    /// Sets the newest runs of containers of a host.
    pub async fn put_containers(&mut self, agent: i64, rows: &[&ContainerRow]) -> Result<()> {
        let head = "INSERT INTO containers (agent, container, name, image_name, image_config, decision, command, pid,
            running, started, ended, exit_code, presumed) ";
        let tail = " ON CONFLICT (agent, container) DO UPDATE SET name = excluded.name,
            image_name = excluded.image_name, image_config = excluded.image_config, decision = excluded.decision,
            command = excluded.command, pid = excluded.pid, running = excluded.running, started = excluded.started,
            ended = excluded.ended, exit_code = excluded.exit_code, presumed = excluded.presumed";
        self.batches(head, tail, rows, |row, container| {
            row.push_bind(agent)
                .push_bind(container.container.clone())
                .push_bind(container.name.clone())
                .push_bind(container.image_name.clone())
                .push_bind(container.image_config.as_ref().map(blob))
                .push_bind(container.decision.clone())
                .push_bind(container.command.clone())
                .push_bind(container.pid)
                .push_bind(container.running)
                .push_bind(container.started.clone())
                .push_bind(container.ended.clone())
                .push_bind(container.exit_code)
                .push_bind(container.presumed);
        })
        .await?;
        Ok(())
    }

    /// Keeps an earlier run of a container that is stored.
    pub async fn add_run(&mut self, agent: i64, run: &EndedRun) -> Result<()> {
        let sql = "INSERT INTO runs (container, image_config, decision, started, ended, exit_code)
            SELECT id, ?, ?, ?, ?, ? FROM containers WHERE agent = ? AND container = ?";
        let query = query(sql)
            .bind(run.image_config.as_ref().map(blob))
            .bind(&run.decision)
            .bind(&run.started)
            .bind(&run.ended)
            .bind(run.exit_code)
            .bind(agent)
            .bind(&run.container);
        self.run(query).await?;
        Ok(())
    }
}

impl View<'_> {
    /// Earlier runs of a container, oldest first.
    pub async fn runs_of(&mut self, agent: i64, container: &str) -> Result<Vec<EndedRun>> {
        let sql = "SELECT r.image_config, r.decision, r.started, r.ended, r.exit_code
            FROM runs r JOIN containers c ON c.id = r.container WHERE c.agent = ? AND c.container = ? ORDER BY r.id";
        let rows: Vec<RunColumns> = self.all(query_as(sql).bind(agent).bind(container)).await?;
        let mut runs = Vec::with_capacity(rows.len());
        for (image_config, decision, started, ended, exit_code) in rows {
            let image_config = self.optional_digest(image_config.as_deref())?;
            let container = container.to_owned();
            runs.push(EndedRun { container, image_config, decision, started, ended, exit_code });
        }
        Ok(runs)
    }
}
