use std::io::Read;
use std::path::{Path, PathBuf};

use lazaret_model::{Distribution, Problem, ProblemKind};

/// A tree that is configured for repositories of yum, dnf or zypper.
#[derive(Debug, Clone)]
pub struct YumRoot {
    pub(super) name: String,
    /// Where the tree lies, if it is one of this machine that its administrator stands for.
    pub(super) directory: Option<PathBuf>,
    pub(super) distribution: Option<Distribution>,
    /// As in Go: `amd64`.
    pub(super) architecture: String,
    /// Paths from the root on, and contents.
    pub(super) files: Vec<(String, Vec<u8>)>,
    pub(super) problems: Vec<Problem>,
}

/// Longest file of settings that is read, and most of them in a folder.
const MOST_BYTES: u64 = 1 << 20;
const MOST_FILES: usize = 1_000;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Repositories,
    /// Its name is that of a variable, its first line the value.
    Variable,
    /// Settings for all repositories.
    Main,
}

const REPOSITORIES: [&str; 3] = ["etc/yum.repos.d", "etc/yum/repos.d", "etc/zypp/repos.d"];
const VARIABLES: [&str; 4] = ["etc/dnf/vars", "etc/yum/vars", "etc/zypp/vars.d", "usr/share/dnf5/vars.d"];
const MAIN: [&str; 2] = ["etc/yum.conf", "etc/dnf/dnf.conf"];

/// Whether a file says something of repositories.
pub(super) fn kind(path: &str) -> Option<Kind> {
    let path = path.trim_start_matches("./").trim_start_matches('/');
    if MAIN.contains(&path) {
        return Some(Kind::Main);
    }
    let (folder, name) = path.rsplit_once('/')?;
    if REPOSITORIES.contains(&folder) && name.ends_with(".repo") {
        return Some(Kind::Repositories);
    }
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (VARIABLES.contains(&folder) && is_name).then_some(Kind::Variable)
}

impl YumRoot {
    /// A directory of this machine, usually `/`. Its keys are believed and its settings for the network kept.
    pub fn directory(root: &Path, architecture: &str) -> Self {
        let mut this = Self {
            name: root.display().to_string(),
            directory: Some(root.to_owned()),
            distribution: None,
            architecture: architecture.to_owned(),
            files: Vec::new(),
            problems: Vec::new(),
        };
        MAIN.iter().for_each(|path| this.read(path));
        for folder in REPOSITORIES.iter().chain(&VARIABLES) {
            for name in this.list(folder) {
                this.read(&format!("{folder}/{name}"));
            }
        }
        let releases = ["etc/os-release", "usr/lib/os-release"];
        this.distribution = releases.iter().find_map(|path| os_release(&this.content(path).ok()?));
        this
    }

    /// Files that were found in an image, paths from its root on.
    pub fn image(
        name: impl Into<String>,
        distribution: Option<Distribution>,
        architecture: &str,
        files: Vec<(String, Vec<u8>)>,
    ) -> Self {
        let (name, architecture) = (name.into(), architecture.to_owned());
        Self { name, directory: None, distribution, architecture, files, problems: Vec::new() }
    }

    /// Whether it is configured for no repository at all.
    pub fn is_empty(&self) -> bool {
        !self.files.iter().any(|(path, _)| kind(path) == Some(Kind::Repositories))
    }

    /// A path below the directory; none of an image.
    pub(super) fn below(&self, path: &str) -> Option<PathBuf> {
        Some(self.directory.as_ref()?.join(path.trim_start_matches('/')))
    }

    pub(super) fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        let files = self.files.iter().filter(|(path, _)| kind(path) == Some(Kind::Variable));
        files.filter_map(|(path, content)| {
            let value = std::str::from_utf8(content).ok()?.lines().next().unwrap_or_default().trim();
            Some((path.rsplit('/').next()?, value))
        })
    }

    fn list(&mut self, folder: &str) -> Vec<String> {
        let Some(full) = self.below(folder) else { return Vec::new() };
        match std::fs::read_dir(&full) {
            Ok(entries) => {
                let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
                let mut names: Vec<String> = names.take(MOST_FILES).collect();
                names.sort();
                names
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                self.complain(&full, &error);
                Vec::new()
            }
        }
    }

    fn content(&self, path: &str) -> std::io::Result<Vec<u8>> {
        let full = self.below(path).ok_or(std::io::ErrorKind::NotFound)?;
        let mut bytes = Vec::new();
        std::fs::File::open(full)?.take(MOST_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn read(&mut self, path: &str) {
        if kind(path).is_none() {
            return;
        }
        match self.content(path) {
            Ok(bytes) => self.files.push((path.to_owned(), bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                let full = self.below(path).unwrap_or_default();
                self.complain(&full, &error);
            }
        }
    }

    fn complain(&mut self, path: &Path, error: &std::io::Error) {
        let problem = Problem::new(ProblemKind::Unreadable, path.display().to_string(), error.to_string());
        self.problems.push(problem);
    }
}

/// The two assignments of os-release(5) that name a release.
fn os_release(bytes: &[u8]) -> Option<Distribution> {
    let text = String::from_utf8_lossy(bytes);
    let get = |name: &str| {
        let value = text.lines().rev().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='))?;
        Some(value.trim().trim_matches(['"', '\'']).to_owned()).filter(|value| !value.is_empty())
    };
    Some(Distribution {
        id: get("ID")?,
        version: get("VERSION_ID"),
        codename: get("VERSION_CODENAME"),
        title: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_yum_dnf_and_zypper_would_read() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("etc/yum.repos.d/a.repo", "[a]");
        write("etc/yum.repos.d/a.repo.rpmsave", "[b]");
        write("etc/zypp/repos.d/z.repo", "[z]");
        write("etc/dnf/vars/rltype", "-beta\nmore");
        write("usr/lib/os-release", "NAME=x\nID=\"rocky\"\nVERSION_ID='9.3'\n");
        let root = YumRoot::directory(folder.path(), "amd64");
        let paths: Vec<_> = root.files.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["etc/yum.repos.d/a.repo", "etc/zypp/repos.d/z.repo", "etc/dnf/vars/rltype"]);
        assert_eq!(root.variables().collect::<Vec<_>>(), [("rltype", "-beta")]);
        assert_eq!(root.distribution.unwrap().key(), "rocky:9");
        assert_eq!(root.problems, []);
        assert!(YumRoot::directory(Path::new("/nonexistent"), "amd64").is_empty());
        assert_eq!(kind("etc/dnf/vars/../../passwd"), None);
    }
}
