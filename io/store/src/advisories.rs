use std::collections::BTreeSet;

use lazaret_model::{Advisory, AdvisoryStatus, Ecosystem, NamedPackage, Severity};
use sqlx::query_as;

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
    String,
    Option<String>,
    String,
    Option<String>,
);

impl View<'_> {
    /// All imported advisories in the order of their import.
    pub async fn advisories(&mut self) -> Result<Vec<Advisory>> {
        let sql =
            "SELECT feed, vulnerability, aliases, ecosystem, release, package, fixed, introduced, severity,
            summary, published, names, last_affected, status, module FROM advisories ORDER BY id";
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
            names,
            last_affected,
            status,
            module,
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
                last_affected,
                names: NamedPackage::from_name(&names)
                    .ok_or_else(|| self.bad_row("an advisory names no known kind of package"))?,
                status: AdvisoryStatus::from_name(&status)
                    .ok_or_else(|| self.bad_row("an advisory has no known status"))?,
                module,
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
    /// Forgets what the same feeds said of the same vulnerabilities in the same packages before; answers
    /// how many rows that were.
    pub async fn remove_advisories_like(&mut self, new: &[Advisory]) -> Result<u64> {
        let keys: BTreeSet<_> =
            new.iter().map(|a| (&a.id, &a.release, &a.package, &a.feed, a.ecosystem.name())).collect();
        let keys: Vec<_> = keys.into_iter().collect();
        let head = "DELETE FROM advisories WHERE (vulnerability, release, package, feed, ecosystem) IN (";
        self.batches(head, ")", &keys, |row, (id, release, package, feed, ecosystem)| {
            row.push_bind((*id).clone())
                .push_bind((*release).clone())
                .push_bind((*package).clone())
                .push_bind((*feed).clone())
                .push_bind(*ecosystem);
        })
        .await
    }

    pub async fn add_advisories(&mut self, advisories: &[Advisory], at: &str) -> Result<()> {
        let head = "INSERT INTO advisories (feed, vulnerability, aliases, ecosystem, release, package, fixed,
            introduced, severity, summary, published, names, last_affected, status, module, imported) ";
        self.batches(head, "", advisories, |row, advisory| {
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
                .push_bind(advisory.names.name())
                .push_bind(advisory.last_affected.clone())
                .push_bind(advisory.status.name())
                .push_bind(advisory.module.clone())
                .push_bind(at.to_owned());
        })
        .await?;
        Ok(())
    }
}
