use lazaret_model::Digest;
use sqlx::query_as;

use crate::batch::{blob, int, unsigned};
use crate::connection::{View, Write};
use crate::error::Result;

/// A signed statement about an image whose signature was verified before it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvelopeRow {
    pub digest: Digest,
    pub predicate_type: String,
    /// One line for people.
    pub title: String,
    /// Key id of the signer.
    pub key: String,
    pub at: String,
    /// Index of its leaf in the audit log.
    pub audit: u64,
    /// The envelope, canonical JSON.
    pub body: String,
}

#[derive(Debug, Clone)]
pub struct NewEnvelope<'a> {
    pub digest: Digest,
    pub image: i64,
    pub predicate_type: &'a str,
    pub title: &'a str,
    pub key: &'a str,
    pub at: &'a str,
    pub audit: u64,
    pub body: &'a str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromotionRow {
    pub image: i64,
    pub envelope: Digest,
    pub stage: String,
    pub from: Option<String>,
    pub key: String,
    pub at: String,
}

#[derive(Debug, Clone)]
pub struct NewPromotion<'a> {
    pub image: i64,
    pub envelope: Digest,
    pub stage: &'a str,
    pub from: Option<&'a str>,
    pub key: &'a str,
    pub at: &'a str,
}

type EnvelopeColumns = (Vec<u8>, String, String, String, String, i64, String);
type PromotionColumns = (i64, Vec<u8>, String, Option<String>, String, String);

impl View<'_> {
    pub async fn has_envelope(&mut self, digest: &Digest) -> Result<bool> {
        let query = query_as("SELECT EXISTS (SELECT 1 FROM envelopes WHERE digest = ?)").bind(blob(digest));
        let (exists,): (bool,) = self.one(query).await?;
        Ok(exists)
    }

    /// Statements about an image in the order of their arrival, without those of types in `except`.
    pub async fn envelopes_of(&mut self, image: i64, except: &[&str]) -> Result<Vec<EnvelopeRow>> {
        let sql = "SELECT digest, predicate_type, title, key, at, audit, body FROM envelopes
            WHERE image = ? AND predicate_type NOT IN (SELECT value FROM json_each(?)) ORDER BY id";
        let except = serde_json::Value::from(except.to_vec()).to_string();
        let rows = self.all(query_as(sql).bind(image).bind(except)).await?;
        self.envelope_rows(rows)
    }

    /// Those of one type.
    pub async fn envelopes_of_type(&mut self, image: i64, predicate_type: &str) -> Result<Vec<EnvelopeRow>> {
        let sql = "SELECT digest, predicate_type, title, key, at, audit, body FROM envelopes
            WHERE image = ? AND predicate_type = ? ORDER BY id";
        let rows = self.all(query_as(sql).bind(image).bind(predicate_type)).await?;
        self.envelope_rows(rows)
    }

    fn envelope_rows(&self, rows: Vec<EnvelopeColumns>) -> Result<Vec<EnvelopeRow>> {
        let mut envelopes = Vec::with_capacity(rows.len());
        for (digest, predicate_type, title, key, at, audit, body) in rows {
            let (digest, audit) = (self.digest(&digest)?, unsigned(audit));
            envelopes.push(EnvelopeRow { digest, predicate_type, title, key, at, audit, body });
        }
        Ok(envelopes)
    }

    /// Image, type and signer of the statements of all images, or of one; for lists.
    pub async fn statement_types(&mut self, image: Option<i64>) -> Result<Vec<(i64, String, String)>> {
        let sql = "SELECT DISTINCT image, predicate_type, key FROM envelopes WHERE ?1 IS NULL OR image = ?1";
        self.all(query_as(sql).bind(image)).await
    }

    /// All promotions, oldest first.
    pub async fn promotions(&mut self) -> Result<Vec<PromotionRow>> {
        let sql = "SELECT image, envelope, stage, from_stage, key, at FROM promotions ORDER BY id";
        let rows = self.all(query_as(sql)).await?;
        self.promotion_rows(rows)
    }

    pub async fn promotions_of(&mut self, image: i64) -> Result<Vec<PromotionRow>> {
        let sql =
            "SELECT image, envelope, stage, from_stage, key, at FROM promotions WHERE image = ? ORDER BY id";
        let rows = self.all(query_as(sql).bind(image)).await?;
        self.promotion_rows(rows)
    }

    fn promotion_rows(&self, rows: Vec<PromotionColumns>) -> Result<Vec<PromotionRow>> {
        let mut promotions = Vec::with_capacity(rows.len());
        for (image, envelope, stage, from, key, at) in rows {
            promotions.push(PromotionRow { image, envelope: self.digest(&envelope)?, stage, from, key, at });
        }
        Ok(promotions)
    }
}

impl Write<'_> {
    pub async fn add_envelope(&mut self, new: &NewEnvelope<'_>) -> Result<()> {
        let sql = "INSERT INTO envelopes (digest, image, predicate_type, title, key, at, audit, body)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        let query = sqlx::query(sql)
            .bind(blob(&new.digest))
            .bind(new.image)
            .bind(new.predicate_type)
            .bind(new.title)
            .bind(new.key)
            .bind(new.at)
            .bind(int(new.audit))
            .bind(new.body);
        self.run(query).await?;
        Ok(())
    }

    pub async fn add_promotion(&mut self, new: &NewPromotion<'_>) -> Result<()> {
        let sql =
            "INSERT INTO promotions (image, envelope, stage, from_stage, key, at) VALUES (?, ?, ?, ?, ?, ?)";
        let query = sqlx::query(sql)
            .bind(new.image)
            .bind(blob(&new.envelope))
            .bind(new.stage)
            .bind(new.from)
            .bind(new.key)
            .bind(new.at);
        self.run(query).await?;
        Ok(())
    }
}
