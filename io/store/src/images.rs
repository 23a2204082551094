use lazaret_model::Digest;
use sqlx::{query, query_as};

use crate::batch::{blob, unsigned};
use crate::connection::{View, Write};
use crate::error::Result;

/// An image and where it was named last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRow {
    pub id: i64,
    pub repository: String,
    pub manifest: Digest,
    pub config: Digest,
    /// Key of the distribution release; empty while no bill of material is known.
    pub release: String,
    pub packages: u64,
    pub first_seen: String,
}

#[derive(Debug, Clone)]
pub struct NewImage<'a> {
    pub repository: &'a str,
    pub manifest: Digest,
    pub config: Digest,
    pub manifest_bytes: &'a [u8],
    pub first_seen: &'a str,
}

type Columns = (i64, String, Vec<u8>, Vec<u8>, String, i64, String);

macro_rules! select {
    ($tail:literal) => {
        concat!(
            "SELECT i.id, i.repository, i.manifest, i.config, i.release, ",
            "(SELECT count(DISTINCT package) FROM image_packages WHERE image = i.id), i.first_seen FROM images i ",
            $tail
        )
    };
}

impl View<'_> {
    /// All images, oldest first.
    pub async fn images(&mut self) -> Result<Vec<ImageRow>> {
        let rows = self.all(query_as(select!("ORDER BY i.id"))).await?;
        self.image_rows(rows)
    }

    /// Images with this manifest or this configuration, oldest first.
    pub async fn images_with(&mut self, digest: &Digest) -> Result<Vec<ImageRow>> {
        let sql = select!("WHERE i.manifest = ?1 OR i.config = ?1 ORDER BY i.id");
        let rows = self.all(query_as(sql).bind(blob(digest))).await?;
        self.image_rows(rows)
    }

    pub async fn image(&mut self, manifest: &Digest) -> Result<Option<ImageRow>> {
        let rows = self.all(query_as(select!("WHERE i.manifest = ?")).bind(blob(manifest))).await?;
        Ok(self.image_rows(rows)?.pop())
    }

    pub async fn image_numbered(&mut self, image: i64) -> Result<Option<ImageRow>> {
        let rows = self.all(query_as(select!("WHERE i.id = ?")).bind(image)).await?;
        Ok(self.image_rows(rows)?.pop())
    }

    pub async fn manifest_bytes(&mut self, image: i64) -> Result<Vec<u8>> {
        let row = self.one(query_as("SELECT manifest_bytes FROM images WHERE id = ?").bind(image));
        let (bytes,): (Vec<u8>,) = row.await?;
        Ok(bytes)
    }

    fn image_rows(&self, rows: Vec<Columns>) -> Result<Vec<ImageRow>> {
        let mut images = Vec::with_capacity(rows.len());
        for (id, repository, manifest, config, release, packages, first_seen) in rows {
            let manifest = self.digest(&manifest)?;
            let config = self.digest(&config)?;
            let packages = unsigned(packages);
            images.push(ImageRow { id, repository, manifest, config, release, packages, first_seen });
        }
        Ok(images)
    }
}

impl Write<'_> {
    /// The row of the image, new where it was never seen.
    pub async fn put_image(&mut self, new: &NewImage<'_>) -> Result<i64> {
        let sql = "INSERT INTO images (repository, manifest, config, manifest_bytes, first_seen)
            VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (manifest) DO UPDATE SET repository = excluded.repository RETURNING id";
        let query = query_as(sql)
            .bind(new.repository)
            .bind(blob(&new.manifest))
            .bind(blob(&new.config))
            .bind(new.manifest_bytes)
            .bind(new.first_seen);
        let (id,): (i64,) = self.view().one(query).await?;
        Ok(id)
    }

    pub async fn set_release(&mut self, image: i64, release: &str) -> Result<()> {
        self.run(query("UPDATE images SET release = ? WHERE id = ?").bind(release).bind(image)).await?;
        Ok(())
    }
}
