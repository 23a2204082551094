use lazaret_model::Digest;
use sqlx::{query, query_as};

use crate::batch::{blob, unsigned};
use crate::connection::{View, Write};
use crate::error::Result;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    User,
    Enrolment,
}

impl TokenKind {
    const ALL: [Self; 2] = [Self::User, Self::Enrolment];

    const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Enrolment => "enrolment",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// SHA-256 of the token.
    pub hash: Digest,
    pub kind: TokenKind,
    pub name: String,
    pub created: String,
    pub expires: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentRow {
    pub id: i64,
    /// The name that the outside knows it by.
    pub agent: String,
    pub host: String,
    pub version: String,
    pub enrolled: String,
    pub last_seen: Option<String>,
    pub events: u64,
    pub lost: u64,
}

/// Who a secret belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialRow {
    pub id: i64,
    pub agent: String,
    pub host: String,
    pub key_hash: Digest,
}

#[derive(Debug, Clone)]
pub struct NewAgent<'a> {
    pub agent: &'a str,
    pub host: &'a str,
    pub machine: &'a str,
    pub version: &'a str,
    pub key_hash: Digest,
    pub enrolled: &'a str,
}

type TokenColumns = (Vec<u8>, String, String, String, Option<String>);
type AgentColumns = (i64, String, String, String, String, Option<String>, i64, i64);

impl View<'_> {
    pub async fn tokens(&mut self) -> Result<Vec<TokenRow>> {
        let sql = "SELECT hash, kind, name, created, expires FROM tokens ORDER BY id";
        let rows: Vec<TokenColumns> = self.all(query_as(sql)).await?;
        let mut tokens = Vec::with_capacity(rows.len());
        for (hash, kind, name, created, expires) in rows {
            let hash = self.digest(&hash)?;
            let kind = TokenKind::ALL.into_iter().find(|known| known.name() == kind);
            let kind = kind.ok_or_else(|| self.bad_row("a token is of no known kind"))?;
            tokens.push(TokenRow { hash, kind, name, created, expires });
        }
        Ok(tokens)
    }

    pub async fn agents(&mut self) -> Result<Vec<AgentRow>> {
        let sql = "SELECT a.id, a.agent, a.host, a.version, a.enrolled, a.last_seen,
            coalesce(sum(s.events), 0), coalesce(sum(s.lost), 0)
            FROM agents a LEFT JOIN spools s ON s.agent = a.id GROUP BY a.id ORDER BY a.host";
        let rows: Vec<AgentColumns> = self.all(query_as(sql)).await?;
        Ok(rows.into_iter().map(agent_row).collect())
    }

    pub async fn agent_credentials(&mut self) -> Result<Vec<CredentialRow>> {
        let sql = "SELECT id, agent, host, key_hash FROM agents ORDER BY id";
        let rows: Vec<(i64, String, String, Vec<u8>)> = self.all(query_as(sql)).await?;
        let mut credentials = Vec::with_capacity(rows.len());
        for (id, agent, host, hash) in rows {
            credentials.push(CredentialRow { id, agent, host, key_hash: self.digest(&hash)? });
        }
        Ok(credentials)
    }

    /// Machine identity of the host with this name.
    pub async fn machine_of_host(&mut self, host: &str) -> Result<Option<String>> {
        let query = query_as("SELECT machine FROM agents WHERE host = ?").bind(host.to_owned());
        let row: Option<(String,)> = self.optional(query).await?;
        Ok(row.map(|(machine,)| machine))
    }
}

fn agent_row(columns: AgentColumns) -> AgentRow {
    let (id, agent, host, version, enrolled, last_seen, events, lost) = columns;
    AgentRow { id, agent, host, version, enrolled, last_seen, events: unsigned(events), lost: unsigned(lost) }
}

impl Write<'_> {
    pub async fn add_token(&mut self, token: &TokenRow) -> Result<()> {
        let sql = "INSERT INTO tokens (hash, kind, name, created, expires) VALUES (?, ?, ?, ?, ?)";
        let query = query(sql)
            .bind(blob(&token.hash))
            .bind(token.kind.name())
            .bind(token.name.clone())
            .bind(token.created.clone())
            .bind(token.expires.clone());
        self.run(query).await?;
        Ok(())
    }

    /// Takes in an agent. The same machine enrolled before keeps its identity and its history, and its
    /// old key ends.
    pub async fn enrol(&mut self, new: &NewAgent<'_>) -> Result<CredentialRow> {
        let sql =
            "INSERT INTO agents (agent, host, machine, version, key_hash, enrolled) VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (machine) DO UPDATE SET host = excluded.host, version = excluded.version,
                key_hash = excluded.key_hash, enrolled = excluded.enrolled
            RETURNING id, agent";
        let query = query_as(sql)
            .bind(new.agent.to_owned())
            .bind(new.host.to_owned())
            .bind(new.machine.to_owned())
            .bind(new.version.to_owned())
            .bind(blob(&new.key_hash))
            .bind(new.enrolled.to_owned());
        let (id, agent): (i64, String) = self.view().one(query).await?;
        Ok(CredentialRow { id, agent, host: new.host.to_owned(), key_hash: new.key_hash })
    }

    pub async fn set_agent_version(&mut self, agent: i64, version: &str) -> Result<()> {
        self.run(query("UPDATE agents SET version = ? WHERE id = ?").bind(version.to_owned()).bind(agent))
            .await?;
        Ok(())
    }

    pub async fn agent_seen(&mut self, agent: i64, at: &str) -> Result<()> {
        self.run(query("UPDATE agents SET last_seen = ? WHERE id = ?").bind(at).bind(agent)).await?;
        Ok(())
    }
}
