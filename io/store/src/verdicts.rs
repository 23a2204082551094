use lazaret_model::Digest;
use sqlx::{query, query_as};

use crate::batch::{blob, unsigned};
use crate::connection::{View, Write};
use crate::error::Result;

/// The newest attested scan of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerdictRow {
    pub image: i64,
    pub envelope: Digest,
    /// `pass` or `refuse`.
    pub outcome: String,
    pub policy: String,
    pub database: String,
    pub database_built: String,
    /// JSON.
    pub reasons: String,
    pub at: String,
}

/// A finding that an attested scan states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingRow {
    pub vulnerability: String,
    pub package: String,
    pub version: String,
    /// Name of the source package.
    pub source: String,
    pub fixed: Option<String>,
    pub severity: String,
}

type VerdictColumns = (i64, Vec<u8>, String, String, String, String, String, String);
type FindingColumns = (i64, String, String, String, String, Option<String>, String);

macro_rules! select_findings {
    ($tail:literal) => {
        concat!(
            "SELECT image, vulnerability, package, version, source, fixed, severity FROM verdict_findings ",
            $tail
        )
    };
}

impl View<'_> {
    pub async fn verdicts(&mut self) -> Result<Vec<VerdictRow>> {
        let sql =
            "SELECT image, envelope, outcome, policy, database, database_built, reasons, at FROM verdicts";
        let rows = self.all(query_as(sql)).await?;
        self.verdict_rows(rows)
    }

    pub async fn verdict_of(&mut self, image: i64) -> Result<Option<VerdictRow>> {
        let sql =
            "SELECT image, envelope, outcome, policy, database, database_built, reasons, at FROM verdicts
            WHERE image = ?";
        let rows = self.all(query_as(sql).bind(image)).await?;
        Ok(self.verdict_rows(rows)?.pop())
    }

    pub async fn findings_of(&mut self, image: i64) -> Result<Vec<FindingRow>> {
        let rows = self.all(query_as(select_findings!("WHERE image = ? ORDER BY rowid")).bind(image)).await?;
        Ok(rows.into_iter().map(|row| finding_row(row).1).collect())
    }

    /// Findings of all images with the vulnerability, each with its image.
    pub async fn findings_named(&mut self, vulnerability: &str) -> Result<Vec<(i64, FindingRow)>> {
        let sql = select_findings!("WHERE vulnerability = ? ORDER BY image, rowid");
        Ok(self.all(query_as(sql).bind(vulnerability)).await?.into_iter().map(finding_row).collect())
    }

    /// Image and number of findings, each vulnerability of a source package counted once; of all images or
    /// of one.
    pub async fn finding_counts(&mut self, image: Option<i64>) -> Result<Vec<(i64, u64)>> {
        let sql =
            "SELECT image, count(*) FROM (SELECT DISTINCT image, vulnerability, source FROM verdict_findings
                WHERE ?1 IS NULL OR image = ?1) GROUP BY image";
        let rows: Vec<(i64, i64)> = self.all(query_as(sql).bind(image)).await?;
        Ok(rows.into_iter().map(|(image, count)| (image, unsigned(count))).collect())
    }

    fn verdict_rows(&self, rows: Vec<VerdictColumns>) -> Result<Vec<VerdictRow>> {
        let mut verdicts = Vec::with_capacity(rows.len());
        for (image, envelope, outcome, policy, database, database_built, reasons, at) in rows {
            let envelope = self.digest(&envelope)?;
            verdicts.push(VerdictRow {
                image,
                envelope,
                outcome,
                policy,
                database,
                database_built,
                reasons,
                at,
            });
        }
        Ok(verdicts)
    }
}

fn finding_row(
    (image, vulnerability, package, version, source, fixed, severity): FindingColumns,
) -> (i64, FindingRow) {
    (image, FindingRow { vulnerability, package, version, source, fixed, severity })
}

impl Write<'_> {
    /// Sets the newest scan of an image and what it found.
    pub async fn set_verdict(&mut self, verdict: &VerdictRow, findings: &[FindingRow]) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO verdicts
            (image, envelope, outcome, policy, database, database_built, reasons, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        let insert = query(sql)
            .bind(verdict.image)
            .bind(blob(&verdict.envelope))
            .bind(&verdict.outcome)
            .bind(&verdict.policy)
            .bind(&verdict.database)
            .bind(&verdict.database_built)
            .bind(&verdict.reasons)
            .bind(&verdict.at);
        self.run(insert).await?;
        self.run(query("DELETE FROM verdict_findings WHERE image = ?").bind(verdict.image)).await?;
        let head =
            "INSERT INTO verdict_findings (image, vulnerability, package, version, source, fixed, severity) ";
        self.batches(head, "", findings, |row, finding| {
            row.push_bind(verdict.image)
                .push_bind(finding.vulnerability.clone())
                .push_bind(finding.package.clone())
                .push_bind(finding.version.clone())
                .push_bind(finding.source.clone())
                .push_bind(finding.fixed.clone())
                .push_bind(finding.severity.clone());
        })
        .await?;
        Ok(())
    }
}
