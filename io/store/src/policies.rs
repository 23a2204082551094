use sqlx::{query, query_as};

use crate::connection::{View, Write};
use crate::error::Result;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRow {
    pub digest: String,
    pub text: String,
    pub at: String,
    /// Who set it.
    pub by: String,
}

impl View<'_> {
    /// The policy in force; every earlier one is kept too.
    pub async fn policy(&mut self) -> Result<Option<PolicyRow>> {
        let sql = "SELECT digest, text, at, by FROM policies ORDER BY id DESC LIMIT 1";
        let row: Option<(String, String, String, String)> = self.optional(query_as(sql)).await?;
        Ok(row.map(|(digest, text, at, by)| PolicyRow { digest, text, at, by }))
    }
}

impl Write<'_> {
    pub async fn add_policy(&mut self, policy: &PolicyRow) -> Result<()> {
        let sql = "INSERT INTO policies (digest, text, at, by) VALUES (?, ?, ?, ?)";
        self.run(query(sql).bind(&policy.digest).bind(&policy.text).bind(&policy.at).bind(&policy.by))
            .await?;
        Ok(())
    }
}
