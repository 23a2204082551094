//! apt's settings for one run, in a folder of our own.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::error::AptError;
use super::root::AptRoot;
use super::run::{Invocation, run};
use super::sources::{Keys, Source};

/// The folders below the cache.
#[derive(Debug, Clone)]
pub(super) struct Folders {
    pub(super) settings: PathBuf,
    pub(super) lists: PathBuf,
    pub(super) download: PathBuf,
    pub(super) parsed: PathBuf,
    root: PathBuf,
}

/// Where Debian's packages put the keys of Debian's archive.
const ARCHIVE_KEYS: [&str; 2] =
    ["/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp"];

/// The machine's settings that are kept: how the network is reached. Everything else of apt's
/// configuration stays out, above all the commands that it runs before and after.
const KEPT: [&str; 10] = [
    "Acquire::http::",
    "Acquire::https::",
    "Acquire::ftp::",
    "Acquire::tor::",
    "Acquire::ForceIPv",
    "Acquire::Retries",
    "Acquire::Check-Valid-Until",
    "Acquire::Check-Date",
    "Acquire::Max-ValidTime",
    "Acquire::Min-ValidTime",
];

impl Folders {
    pub(super) fn create(cache: &Path) -> Result<Self, AptError> {
        let root = std::path::absolute(cache).map_err(AptError::file(cache))?;
        for folder in ["etc/keys", "lists/partial", "apt/archives/partial", "log", "parsed"] {
            let path = root.join(folder);
            std::fs::create_dir_all(&path).map_err(AptError::file(&path))?;
        }
        let download = root.join("download");
        // What an interrupted run left behind.
        if download.exists() {
            std::fs::remove_dir_all(&download).map_err(AptError::file(&download))?;
        }
        std::fs::create_dir(&download).map_err(AptError::file(&download))?;
        Ok(Self {
            settings: root.join("etc/apt.conf"),
            lists: root.join("lists"),
            download,
            parsed: root.join("parsed"),
            root,
        })
    }

    /// Writes everything that apt reads.
    pub(super) fn write_settings(
        &self,
        roots: &[AptRoot],
        sources: &[Source],
        architecture: &str,
        cancel: &AtomicBool,
    ) -> Result<(), AptError> {
        let list = self.root.join("etc/lazaret.sources");
        self.write(&list, &self.list(roots, sources)?)?;
        let status = self.root.join("status");
        self.write(&status, "")?;
        let machine = roots.iter().find_map(|root| root.directory.as_deref()).unwrap_or(Path::new("/"));
        let settings = self.settings_text(machine, &list, &status, architecture, &machine_settings(cancel)?);
        self.write(&self.settings, &settings)
    }

    fn settings_text(
        &self,
        machine: &Path,
        list: &Path,
        status: &Path,
        architecture: &str,
        kept: &str,
    ) -> String {
        let etc = machine.join("etc/apt");
        let quoted = |path: PathBuf| path.display().to_string();
        let mut text = kept.to_owned();
        for (name, value) in [
            ("Dir", "/".to_owned()),
            ("Dir::Etc::main", "/dev/null".to_owned()),
            ("Dir::Etc::parts", "/dev/null".to_owned()),
            ("Dir::Etc::sourcelist", quoted(list.to_owned())),
            ("Dir::Etc::sourceparts", "/dev/null".to_owned()),
            ("Dir::Etc::preferences", "/dev/null".to_owned()),
            ("Dir::Etc::preferencesparts", "/dev/null".to_owned()),
            ("Dir::Etc::trusted", quoted(etc.join("trusted.gpg"))),
            ("Dir::Etc::trustedparts", quoted(etc.join("trusted.gpg.d")) + "/"),
            ("Dir::Etc::netrc", quoted(etc.join("auth.conf"))),
            ("Dir::Etc::netrcparts", quoted(etc.join("auth.conf.d")) + "/"),
            ("Dir::State", quoted(self.root.clone()) + "/"),
            ("Dir::State::lists", quoted(self.lists.clone()) + "/"),
            ("Dir::State::status", quoted(status.to_owned())),
            ("Dir::State::extended_states", quoted(self.root.join("extended_states"))),
            ("Dir::Cache", quoted(self.root.join("apt")) + "/"),
            ("Dir::Log", quoted(self.root.join("log")) + "/"),
            ("APT::Architecture", architecture.to_owned()),
            ("APT::Update::Error-Mode", "any".to_owned()),
            ("APT::Get::AllowUnauthenticated", "false".to_owned()),
            ("Acquire::AllowInsecureRepositories", "false".to_owned()),
            ("Acquire::AllowWeakRepositories", "false".to_owned()),
            ("Acquire::AllowDowngradeToInsecureRepositories", "false".to_owned()),
            ("Acquire::Languages", "none".to_owned()),
            ("Acquire::GzipIndexes", "false".to_owned()),
            ("Acquire::PDiffs", "false".to_owned()),
        ] {
            let _ = writeln!(text, "{name} \"{value}\";");
        }
        let _ = writeln!(text, "APT::Architectures {{ \"{architecture}\"; }};");
        // Downloads run as the user `_apt` where that user can reach the cache.
        if !is_open_to_all(&self.root) {
            text += "APT::Sandbox::User \"root\";\n";
        }
        text
    }

    /// The sources as apt's paragraphs.
    fn list(&self, roots: &[AptRoot], sources: &[Source]) -> Result<String, AptError> {
        let mut text = String::new();
        for (number, source) in sources.iter().enumerate() {
            let Source { uri, suite, components, check_valid_until, check_date, keys } = source;
            let _ = writeln!(
                text,
                "Types: deb\nURIs: {uri}\nSuites: {suite}\nComponents: {}",
                components.join(" ")
            );
            for (name, value) in [("Check-Valid-Until", check_valid_until), ("Check-Date", check_date)] {
                if let Some(value) = value {
                    let _ = writeln!(text, "{name}: {}", if *value { "yes" } else { "no" });
                }
            }
            let signed_by = match keys {
                Keys::Trusted => Vec::new(),
                Keys::Archive => ARCHIVE_KEYS
                    .iter()
                    .filter(|path| Path::new(path).exists())
                    .take(1)
                    .map(|path| (*path).to_owned())
                    .collect(),
                Keys::Named(names) => names.iter().map(|name| reachable(roots, name)).collect(),
                Keys::Inline(key) => {
                    let path = self.root.join(format!("etc/keys/{number}.asc"));
                    self.write(&path, key)?;
                    vec![path.display().to_string()]
                }
            };
            if !signed_by.is_empty() {
                let _ = writeln!(text, "Signed-By: {}", signed_by.join(" "));
            }
            text.push('\n');
        }
        Ok(text)
    }

    fn write(&self, path: &Path, text: &str) -> Result<(), AptError> {
        std::fs::write(path, text).map_err(AptError::file(path))
    }
}

/// A key file of a root that is not `/` lies below that root, unless it is only there under its own name.
fn reachable(roots: &[AptRoot], name: &str) -> String {
    let below = roots.iter().filter_map(|root| Some(root.directory.as_ref()?.join(name.strip_prefix('/')?)));
    let mut existing = below.filter(|path| path.exists());
    existing.next().map_or_else(|| name.to_owned(), |path| path.display().to_string())
}

/// Whether every user can reach a folder.
fn is_open_to_all(folder: &Path) -> bool {
    folder
        .ancestors()
        .all(|path| std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o001 != 0))
}

/// The lines of the machine's own configuration that are kept.
fn machine_settings(cancel: &AtomicBool) -> Result<String, AptError> {
    let dump = Invocation { program: "apt-config", arguments: vec!["dump".into()], ..Invocation::default() };
    let finished = run(&dump, cancel, &mut |_| {})?;
    Ok(kept(&finished.lines))
}

fn kept(lines: &[String]) -> String {
    lines
        .iter()
        .filter(|line| {
            KEPT.iter()
                .any(|name| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)))
        })
        .filter(|line| line.ends_with("\";") && !line.contains(" \"\";"))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_way_to_the_network_is_kept() {
        let lines = [
            "APT::Update::Post-Invoke:: \"rm -f /var/cache/apt/*.bin\";",
            "Acquire::http::Proxy \"http://p.example:3128\";",
            "acquire::http::Proxy::m.example \"DIRECT\";",
            "Acquire::Check-Valid-Until \"false\";",
            "Acquire::Languages:: \"none\";",
            "Acquire::AllowInsecureRepositories \"1\";",
            "Acquire::https::Verify-Peer \"\";",
            "DPkg::Pre-Install-Pkgs:: \"x\";",
            "Acquire::http::Broken \"",
        ]
        .map(str::to_owned);
        let kept = kept(&lines);
        assert_eq!(kept.lines().collect::<Vec<_>>(), [&lines[1][..], &lines[2], &lines[3]]);
    }

    #[test]
    fn settings_name_only_own_folders() {
        let cache = tempfile::tempdir().unwrap();
        let folders = Folders::create(cache.path()).unwrap();
        let text = folders.settings_text(Path::new("/"), Path::new("/c/l"), Path::new("/c/s"), "arm64", "");
        assert!(text.contains("Dir::Etc::parts \"/dev/null\";"));
        assert!(text.contains("Dir::Etc::trustedparts \"/etc/apt/trusted.gpg.d/\";"));
        assert!(text.contains("APT::Architecture \"arm64\";"));
        assert!(text.contains(&format!("Dir::State::lists \"{}/lists/\";", cache.path().display())));
        std::fs::write(folders.download.join("left.deb"), b"").unwrap();
        Folders::create(cache.path()).unwrap();
        assert_eq!(std::fs::read_dir(&folders.download).unwrap().count(), 0);
    }

    #[test]
    fn keys_are_those_of_this_machine() {
        let cache = tempfile::tempdir().unwrap();
        let folders = Folders::create(cache.path()).unwrap();
        let source = |keys| Source {
            uri: "http://m.example".into(),
            suite: "x".into(),
            components: vec!["main".into()],
            check_valid_until: Some(false),
            check_date: None,
            keys,
        };
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("keys")).unwrap();
        std::fs::write(root.path().join("keys/a.gpg"), b"").unwrap();
        let roots = [AptRoot::directory(root.path())];
        let named = source(Keys::Named(vec!["/keys/a.gpg".into(), "/no/such.gpg".into()]));
        let text = folders
            .list(&roots, &[named, source(Keys::Trusted), source(Keys::Inline("key\n".into()))])
            .unwrap();
        let signed: Vec<&str> = text.lines().filter(|line| line.starts_with("Signed-By")).collect();
        let expected = format!("Signed-By: {}/keys/a.gpg /no/such.gpg", root.path().display());
        assert_eq!(signed[0], expected);
        assert!(signed[1].ends_with("etc/keys/2.asc"), "{signed:?}");
        assert_eq!(signed.len(), 2);
        assert!(text.contains("Check-Valid-Until: no\n"));
    }
}
