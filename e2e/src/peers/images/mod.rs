//! Images as people have them, made without an engine: layers are made on overlayfs as an engine does, and written as
//! archives.

mod archive;
mod recipes;
mod stack;

use std::fs;
use std::path::PathBuf;

pub use recipes::{RECIPES, Recipe, SMALL};

use crate::{Context as _, Result, cache_folder};

/// One image in every form in which it is measured.
#[derive(Debug, Clone)]
pub struct Made {
    /// As `docker save` writes it: uncompressed layers.
    pub saved: PathBuf,
    /// OCI archives, by the compression of their layers.
    pub gzip: PathBuf,
    pub zstd: PathBuf,
    /// The uncompressed layers, lowest first.
    pub layers: Vec<PathBuf>,
    /// Whole tree, as a container would have it, for those who ask the packages' own tools.
    pub tree: PathBuf,
}

/// Makes an image, or takes it from the cache: what was made by the same recipe is not made again.
pub fn make(recipe: &Recipe) -> Result<Made> {
    let folder = cache_folder()?.with_file_name("bench-images");
    let own = folder.join(recipe.name);
    let made = Made {
        saved: own.join("saved.tar"),
        gzip: own.join("gzip.tar"),
        zstd: own.join("zstd.tar"),
        layers: (0..=recipe.layers.len())
            .map(|number| own.join(format!("layers/{number:02}/layer.tar")))
            .collect(),
        tree: own.join("tree"),
    };
    let (note, key) = (own.join("recipe"), format!("{recipe:#?}"));
    if fs::read_to_string(&note).is_ok_and(|known| known == key) {
        return Ok(made);
    }
    for folder in [&folder, &own] {
        fs::create_dir_all(folder).context(|| format!("cannot create {}", folder.display()))?;
    }
    let _ = fs::remove_file(&note);
    stack::make(recipe, &folder, &made)?;
    archive::write(recipe, &own, &made)?;
    fs::write(&note, key).context(|| format!("cannot write {}", note.display()))?;
    Ok(made)
}
