use std::collections::HashMap;

use lazaret_model::{Ecosystem, Package, PackageEvidence, SourcePackage};
use sqlx::{query, query_as};

use crate::batch::unsigned;
use crate::connection::{View, Write};
use crate::error::Result;

/// A layer of an image, lowest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerRow {
    pub diff_id: String,
    pub created_by: String,
    pub packages: u64,
}

/// Distinct packages stored and how often images have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackageCount {
    pub distinct: u64,
    pub in_images: u64,
}

/// Ecosystem, name, version, architecture, source name, source version.
type Identity = (String, String, String, String, String, String);

/// The same, then location, layer, evidence, licences, owner and module stream in one image.
type Columns = (
    String,
    String,
    String,
    String,
    String,
    String,
    String,
    u32,
    String,
    String,
    Option<String>,
    Option<String>,
);

fn package(row: Columns) -> std::result::Result<Package, &'static str> {
    let (
        ecosystem,
        name,
        version,
        architecture,
        source,
        source_version,
        location,
        layer,
        evidence,
        licences,
        owner,
        module,
    ) = row;
    let ecosystem = Ecosystem::from_name(&ecosystem).ok_or("a package is of no known ecosystem")?;
    let evidence = PackageEvidence::from_name(&evidence).ok_or("a package rests on no known evidence")?;
    Ok(Package {
        architecture: Some(architecture).filter(|architecture| !architecture.is_empty()),
        source: SourcePackage { name: source, version: source_version },
        location,
        layer,
        evidence,
        licences: serde_json::from_str(&licences).map_err(|_| "licences are not a JSON list")?,
        owner,
        module,
        ..Package::new(ecosystem, name, version)
    })
}

fn identity(package: &Package) -> Identity {
    (
        package.ecosystem.name().to_owned(),
        package.name.clone(),
        package.version.clone(),
        package.architecture.clone().unwrap_or_default(),
        package.source.name.clone(),
        package.source.version.clone(),
    )
}

impl View<'_> {
    pub async fn packages_of(&mut self, image: i64) -> Result<Vec<Package>> {
        let sql = "SELECT p.ecosystem, p.name, p.version, p.architecture, p.source_name, p.source_version,
            ip.location, ip.layer, ip.evidence, ip.licences, ip.owner, ip.module
            FROM image_packages ip JOIN packages p ON p.id = ip.package WHERE ip.image = ?
            ORDER BY p.name, p.version, p.architecture, ip.location";
        let rows: Vec<Columns> = self.all(query_as(sql).bind(image)).await?;
        rows.into_iter().map(|row| package(row).map_err(|why| self.bad_row(why))).collect()
    }

    pub async fn layers_of(&mut self, image: i64) -> Result<Vec<LayerRow>> {
        let sql = "SELECT l.diff_id, l.created_by,
            (SELECT count(DISTINCT package) FROM image_packages WHERE image = l.image AND layer = l.position)
            FROM layers l WHERE l.image = ? ORDER BY l.position";
        let rows: Vec<(String, String, i64)> = self.all(query_as(sql).bind(image)).await?;
        let row =
            |(diff_id, created_by, packages)| LayerRow { diff_id, created_by, packages: unsigned(packages) };
        Ok(rows.into_iter().map(row).collect())
    }

    pub async fn package_count(&mut self) -> Result<PackageCount> {
        let sql = "SELECT (SELECT count(*) FROM packages), (SELECT count(*) FROM image_packages)";
        let (distinct, in_images): (i64, i64) = self.one(query_as(sql)).await?;
        Ok(PackageCount { distinct: unsigned(distinct), in_images: unsigned(in_images) })
    }
}

impl Write<'_> {
    /// Sets what is in an image; what was known before is replaced.
    pub async fn set_packages(&mut self, image: i64, packages: &[Package]) -> Result<()> {
        self.run(query("DELETE FROM image_packages WHERE image = ?").bind(image)).await?;
        let ids = self.package_ids(packages).await?;
        let rows: Vec<(i64, &Package)> = ids.into_iter().zip(packages).collect();
        let head = "INSERT INTO image_packages (image, package, layer, location, evidence, licences, owner, module) ";
        self.batches(head, " ON CONFLICT DO NOTHING", &rows, |row, (id, package)| {
            row.push_bind(image).push_bind(*id).push_bind(package.layer).push_bind(package.location.clone());
            row.push_bind(package.evidence.name());
            row.push_bind(serde_json::Value::from(package.licences.clone()).to_string());
            row.push_bind(package.owner.clone()).push_bind(package.module.clone());
        })
        .await?;
        Ok(())
    }

    pub async fn set_layers(&mut self, image: i64, layers: &[(String, String)]) -> Result<()> {
        self.run(query("DELETE FROM layers WHERE image = ?").bind(image)).await?;
        let rows: Vec<(i64, &(String, String))> = (0..).zip(layers).collect();
        let head = "INSERT INTO layers (image, position, diff_id, created_by) ";
        self.batches(head, "", &rows, |row, (position, (diff_id, created_by))| {
            row.push_bind(image)
                .push_bind(*position)
                .push_bind(diff_id.clone())
                .push_bind(created_by.clone());
        })
        .await?;
        Ok(())
    }

    /// Row of each package, equal packages sharing one.
    async fn package_ids(&mut self, packages: &[Package]) -> Result<Vec<i64>> {
        let head =
            "INSERT INTO packages (ecosystem, name, version, architecture, source_name, source_version) ";
        self.batches(head, " ON CONFLICT DO NOTHING", packages, |row, package| {
            let (ecosystem, name, version, architecture, source, source_version) = identity(package);
            row.push_bind(ecosystem).push_bind(name).push_bind(version);
            row.push_bind(architecture).push_bind(source).push_bind(source_version);
        })
        .await?;
        let sql =
            "SELECT id FROM packages WHERE ecosystem = ? AND name = ? AND version = ? AND architecture = ?
            AND source_name = ? AND source_version = ?";
        let mut known: HashMap<Identity, i64> = HashMap::with_capacity(packages.len());
        let mut ids = Vec::with_capacity(packages.len());
        for package in packages {
            let identity = identity(package);
            let id = match known.get(&identity) {
                Some(id) => *id,
                None => {
                    let (ecosystem, name, version, architecture, source, source_version) = &identity;
                    let query = query_as(sql).bind(ecosystem).bind(name).bind(version);
                    let query = query.bind(architecture).bind(source).bind(source_version);
                    let (id,): (i64,) = self.view().one(query).await?;
                    known.insert(identity, id);
                    id
                }
            };
            ids.push(id);
        }
        Ok(ids)
    }
}
