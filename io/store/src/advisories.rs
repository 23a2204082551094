use lazaret_model::{Advisory, Ecosystem, Severity};
use sqlx::{query, query_as};

use crate::connection::{View, Write};
use crate::error::Result;

type Columns = (
    String,
    String,
    String,
    String,
    String,
    String,
    Option<String>,
    Option<String>,
    String,
    String,
    Option<String>,
);

impl View<'_> {
    /// All imported advisories in the order of their import.
    pub async fn advisories(&mut self) -> Result<Vec<Advisory>> {
        let sql =
            "SELECT feed, vulnerability, aliases, ecosystem, release, package, fixed, introduced, severity,
            summary, published FROM advisories ORDER BY id";
        let rows: Vec<Columns> = self.all(query_as(sql)).await?;
        let mut advisories = Vec::with_capacity(rows.len());
        for (
            feed,
            id,
            aliases,
            ecosystem,
            release,
            package,
            fixed,
            introduced,
            severity,
            summary,
            published,
        ) in rows
        {
            advisories.push(Advisory {
                id,
                aliases: serde_json::from_str(&aliases)
                    .map_err(|_| self.bad_row("aliases are not a JSON list"))?,
                ecosystem: Ecosystem::from_name(&ecosystem)
                    .ok_or_else(|| self.bad_row("an advisory is of no known ecosystem"))?,
                release,
                package,
                fixed,
                introduced,
                severity: Severity::from_name(&severity)
                    .ok_or_else(|| self.bad_row("an advisory has no known severity"))?,
                summary,
                published,
                feed,
            });
        }
        Ok(advisories)
    }
}

impl Write<'_> {
    /// Forgets what the same feed said of the same vulnerability in the same package before; answers how
    /// many rows that were.
    pub async fn remove_advisories_like(&mut self, new: &Advisory) -> Result<u64> {
        let sql =
            "DELETE FROM advisories WHERE vulnerability = ? AND release = ? AND package = ? AND feed = ?
            AND ecosystem = ?";
        let query = query(sql)
            .bind(&new.id)
            .bind(&new.release)
            .bind(&new.package)
            .bind(&new.feed)
            .bind(new.ecosystem.name());
        Ok(self.run(query).await?.rows_affected())
    }

    pub async fn add_advisories(&mut self, advisories: &[Advisory], at: &str) -> Result<()> {
        let head = "INSERT INTO advisories (feed, vulnerability, aliases, ecosystem, release, package, fixed,
            introduced, severity, summary, published, imported) ";
        self.insert(head, "", advisories, |row, advisory| {
            row.push_bind(advisory.feed.clone())
                .push_bind(advisory.id.clone())
                .push_bind(serde_json::Value::from(advisory.aliases.clone()).to_string())
                .push_bind(advisory.ecosystem.name())
                .push_bind(advisory.release.clone())
                .push_bind(advisory.package.clone())
                .push_bind(advisory.fixed.clone())
                .push_bind(advisory.introduced.clone())
                .push_bind(advisory.severity.name())
                .push_bind(advisory.summary.clone())
                .push_bind(advisory.published.clone())
                .push_bind(at.to_owned());
        })
        .await?;
        Ok(())
    }
}
