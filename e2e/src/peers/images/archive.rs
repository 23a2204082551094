use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Made, Recipe};
use crate::{Context as _, Failure, Result, Run};

const LONGEST: Duration = Duration::from_secs(3600);

/// How the layers of an OCI archive are compressed.
#[derive(Debug, Clone, Copy)]
enum Compression {
    Gzip,
    Zstd,
}

/// Writes the archives of an image whose layers are there.
pub(super) fn write(recipe: &Recipe, own: &Path, made: &Made) -> Result<()> {
    let digests = made.layers.iter().map(|layer| sha256(layer)).collect::<Result<Vec<_>>>()?;
    let config = configuration(recipe, &digests);
    saved(recipe, own, made, &config)?;
    if recipe.compressed {
        oci(own, made, &config, Compression::Gzip)?;
        oci(own, made, &config, Compression::Zstd)?;
    }
    Ok(())
}

/// OCI image-spec, config.md: the digests of the uncompressed layers and how each came to be.
fn configuration(recipe: &Recipe, digests: &[String]) -> String {
    let by = |step: &str| json!({ "created": "2023-06-10T00:00:00Z", "created_by": step });
    let history: Vec<Value> =
        std::iter::once("mmdebstrap").chain(recipe.layers.iter().map(String::as_str)).map(by).collect();
    let digests: Vec<String> = digests.iter().map(|digest| format!("sha256:{digest}")).collect();
    json!({
        "architecture": "amd64",
        "os": "linux",
        "created": "2023-06-10T00:00:00Z",
        "config": { "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"], "Cmd": ["/bin/sh"] },
        "rootfs": { "type": "layers", "diff_ids": digests },
        "history": history,
    })
    .to_string()
}

/// The form of Docker's image-spec v1.2, which `docker save` wrote until version 24 and every reader knows.
fn saved(recipe: &Recipe, own: &Path, made: &Made, config: &str) -> Result<()> {
    let folder = own.join("layers");
    let names: Vec<String> = (0..made.layers.len()).map(|number| format!("{number:02}/layer.tar")).collect();
    let file = format!("{}.json", digest_of(&folder, config)?);
    let manifest =
        json!([{ "Config": file, "RepoTags": [format!("bench/{}:1", recipe.name)], "Layers": names }]);
    put(&folder.join(&file), config)?;
    put(&folder.join("manifest.json"), &manifest.to_string())?;
    let tar = Run::new("tar").args([
        "--create",
        "--format=gnu",
        "--file",
        &text(&made.saved),
        "--directory",
        &text(&folder),
    ]);
    tar.args(["manifest.json", &file]).args(&names).limit(LONGEST).ok().map(drop)
}

/// OCI image-spec, image-layout.md, in a tar archive.
fn oci(own: &Path, made: &Made, config: &str, compression: Compression) -> Result<()> {
    let (archive, media_type, script) = match compression {
        Compression::Gzip => {
            (&made.gzip, "application/vnd.oci.image.layer.v1.tar+gzip", "gzip -6 --no-name --stdout")
        }
        Compression::Zstd => {
            (&made.zstd, "application/vnd.oci.image.layer.v1.tar+zstd", "zstd -3 --quiet --stdout")
        }
    };
    let layout = own.join("layout");
    let blobs = layout.join("blobs/sha256");
    fs::create_dir_all(&blobs).context(|| format!("cannot create {}", blobs.display()))?;
    let blob = |media_type: &str, file: &Path| -> Result<Value> {
        let digest = sha256(file)?;
        let size = fs::metadata(file).context(|| format!("cannot look at {}", file.display()))?.len();
        fs::rename(file, blobs.join(&digest)).context(|| format!("cannot move {}", file.display()))?;
        Ok(json!({ "mediaType": media_type, "digest": format!("sha256:{digest}"), "size": size }))
    };
    let new = layout.join("new");
    let text_blob = |media_type: &str, content: &str| {
        put(&new, content)?;
        blob(media_type, &new)
    };
    let mut layers = Vec::new();
    for layer in &made.layers {
        let script = format!("{script} < {} > {}", text(layer), text(&new));
        Run::new("sh").args(["-c", &script]).limit(LONGEST).ok()?;
        layers.push(blob(media_type, &new)?);
    }
    let config = text_blob("application/vnd.oci.image.config.v1+json", config)?;
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({ "schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers });
    let manifest = text_blob(kind, &manifest.to_string())?;
    put(&layout.join("index.json"), &json!({ "schemaVersion": 2, "manifests": [manifest] }).to_string())?;
    put(&layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    let tar = Run::new("tar").args([
        "--create",
        "--format=gnu",
        "--file",
        &text(archive),
        "--directory",
        &text(&layout),
    ]);
    tar.args(["oci-layout", "index.json", "blobs"]).limit(LONGEST).ok()?;
    fs::remove_dir_all(&layout).context(|| format!("cannot remove {}", layout.display()))
}

fn digest_of(folder: &Path, content: &str) -> Result<String> {
    let file = folder.join("new");
    put(&file, content)?;
    let digest = sha256(&file);
    fs::remove_file(&file).context(|| format!("cannot remove {}", file.display()))?;
    digest
}

fn sha256(file: &Path) -> Result<String> {
    let said = Run::new("sha256sum").args([text(file)]).limit(LONGEST).ok()?.stdout;
    let digest = said.split_whitespace().next().map(str::to_owned);
    digest.ok_or_else(|| Failure::new(format!("sha256sum said nothing of {}", file.display())))
}

fn put(path: &Path, content: &str) -> Result<()> {
    fs::write(path, content).context(|| format!("cannot write {}", path.display()))
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
