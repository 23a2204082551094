use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Made, Recipe};
use crate::peers::Tools;
use crate::{Context as _, Result, Run, image};

/// How a step runs: see the file.
const LAYER: &str = include_str!("layer.sh");
/// What is done with what a step left: see the file.
const MARKS: &str = include_str!("marks.py");
/// Large images on a busy machine.
const LONGEST: Duration = Duration::from_secs(3600);

/// Makes the layers of an image on top of each other, and the tar archive of each.
pub(super) fn make(recipe: &Recipe, cache: &Path, made: &Made) -> Result<()> {
    // Short, for all of them are listed in one mount's options; on the disk of the cache.
    let work = PathBuf::from(format!("/var/tmp/lzi-{}", std::process::id()));
    fs::create_dir_all(&work).context(|| format!("cannot create {}", work.display()))?;
    let result = layers(recipe, cache, &work, made);
    remove(&work)?;
    result
}

fn layers(recipe: &Recipe, cache: &Path, work: &Path, made: &Made) -> Result<()> {
    let base = image::release_base()?;
    let folders: Vec<PathBuf> =
        (0..made.layers.len()).map(|number| work.join(format!("{number:02}"))).collect();
    unpack(&base.archive, &folders[0])?;
    let (pip, script) = (Tools::pip()?, work.join("layer.sh"));
    fs::write(&script, LAYER).context(|| format!("cannot write {}", script.display()))?;
    for (number, step) in recipe.layers.iter().enumerate() {
        announce(recipe, number, step);
        let lower: Vec<String> = folders[..=number].iter().rev().map(|folder| text(folder)).collect();
        let step_work = work.join("work");
        fs::create_dir_all(&step_work).context(|| format!("cannot create {}", step_work.display()))?;
        Run::new("unshare")
            .args(["--mount", "--propagation=private", "sh", &text(&script)])
            .env("LOWER", lower.join(":"))
            .env("UPPER", &folders[number + 1])
            .env("WORK", &step_work)
            .env("DEBS", cache.join("debs"))
            .env("FILES", cache.join("files"))
            .env("SUITE", &base.codename)
            .env("PIP", &pip)
            .env("STEP", step)
            .limit(LONGEST)
            .ok()?;
        remove(&step_work)?;
    }
    let python = Tools::python()?;
    if recipe.keeps_tree {
        keep_tree(&folders, &made.tree)?;
    }
    for (folder, layer) in folders.iter().zip(&made.layers) {
        Run::new(&python).args(["-c", MARKS, &text(folder)]).limit(LONGEST).ok()?;
        let parent = layer.parent().unwrap_or(layer);
        fs::create_dir_all(parent).context(|| format!("cannot create {}", parent.display()))?;
        let tar = Run::new("tar").args(["--create", "--numeric-owner", "--sort=name", "--format=gnu"]);
        tar.args(["--file", &text(layer), "--directory", &text(folder), "."]).limit(LONGEST).ok()?;
    }
    Ok(())
}

#[expect(clippy::print_stderr, reason = "making images takes minutes: whoever waits sees what is made")]
fn announce(recipe: &Recipe, number: usize, step: &str) {
    let shown: String = step.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(90).collect();
    eprintln!("{}: layer {} of {}: {shown}", recipe.name, number + 1, recipe.layers.len());
}

fn unpack(archive: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).context(|| format!("cannot create {}", folder.display()))?;
    let tar = Run::new("tar").args(["--extract", "--numeric-owner", "--same-permissions"]);
    // Devices cannot be told from overlayfs's marks of removal by everyone, and no image needs them.
    tar.args(["--exclude=./dev/*", "--file", &text(archive), "--directory", &text(folder)])
        .limit(LONGEST)
        .ok()
        .map(drop)
}

/// A tree of Node has 150,000 files, which takes minutes on a busy disk.
fn remove(tree: &Path) -> Result<()> {
    Run::new("rm").args(["-rf", "--one-file-system", &text(tree)]).limit(LONGEST).ok().map(drop)
}

/// Copies what a container would see.
fn keep_tree(folders: &[PathBuf], tree: &Path) -> Result<()> {
    remove(tree)?;
    fs::create_dir_all(tree).context(|| format!("cannot create {}", tree.display()))?;
    let lower: Vec<String> = folders.iter().rev().map(|folder| text(folder)).collect();
    let root = folders[0].with_file_name("root");
    fs::create_dir_all(&root).context(|| format!("cannot create {}", root.display()))?;
    let (lower, root, tree) = (lower.join(":"), text(&root), text(tree));
    let script = format!(
        "mount -t overlay overlay {root} -o lowerdir={lower} && cp --archive --one-file-system {root}/. {tree}"
    );
    Run::new("unshare")
        .args(["--mount", "--propagation=private", "sh", "-c", &script])
        .limit(LONGEST)
        .ok()?;
    Ok(())
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
