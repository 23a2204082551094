use std::fs;
use std::path::{Path, PathBuf};

use crate::{Context, Failure, Result};

/// Where the product's programs are: beside the one that runs now (`target/release`, or `deps` in it).
pub fn program(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe().context(|| "cannot find this program's own file".to_owned())?;
    let found = own.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.ok_or_else(|| Failure::new(format!("`{name}` is not built: run `make build`")))
}

/// A program of the system: Debian keeps daemons in folders that are not on every user's path.
pub fn tool(name: &str) -> Result<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = path.split(':').chain(["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin"]);
    let found = folders.map(|folder| Path::new(folder).join(name)).find(|path| path.is_file());
    found.ok_or_else(|| Failure::new(format!("`{name}` is not installed: run `make setup`")))
}

/// What is dear to make and the same for every laboratory is kept in the build folder: `target/lab`.
pub fn cache_folder() -> Result<PathBuf> {
    let own = std::env::current_exe().context(|| "cannot find this program's own file".to_owned())?;
    let target = own
        .ancestors()
        .find(|folder| folder.file_name().is_some_and(|name| name == "release" || name == "debug"));
    let target =
        target.and_then(Path::parent).ok_or_else(|| Failure::new("this program is not in a build folder"))?;
    let cache = target.join("lab");
    fs::create_dir_all(&cache).context(|| format!("cannot create {}", cache.display()))?;
    Ok(cache)
}

/// Engines, control groups and kernel sensors need root.
pub fn privileges() -> Result<()> {
    if nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    Err(Failure::new("this needs root: it starts a Docker engine and the agent that guards it"))
}
