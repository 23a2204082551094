use std::fs;
use std::path::{Path, PathBuf};

use crate::{Context, Result};

/// Everything the laboratory makes lies under one folder; this is its map. Names that cannot lie there (bridges,
/// control groups, the plugin's socket) are derived from the folder's path, so that what an earlier run left can
/// be found with nothing else known.
#[derive(Debug, Clone)]
pub struct Folders {
    state: PathBuf,
}

/// Unix sockets have at most 107 bytes of path, and the deepest of ours adds some forty.
const LONGEST_STATE_PATH: usize = 60;

impl Folders {
    pub fn new(state: &Path) -> Result<Self> {
        let state = std::path::absolute(state).context(|| format!("cannot use {}", state.display()))?;
        let text = state.to_string_lossy().into_owned();
        crate::check!(
            text.len() <= LONGEST_STATE_PATH,
            "the state folder {text} has a path that is too long for sockets: use one of at most {LONGEST_STATE_PATH} bytes"
        );
        crate::check!(
            state.components().count() > 2,
            "the state folder {text} would be removed as a whole at the end: use a folder of its own, such as /var/lib/lazaret"
        );
        Ok(Self { state })
    }

    pub fn create(&self) -> Result<()> {
        use std::os::unix::fs::DirBuilderExt as _;

        for folder in [
            self.state.clone(),
            self.keys(),
            self.db(),
            self.images(),
            self.logs(),
            self.run(),
            self.docker_config(),
        ] {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create(&folder)
                .context(|| format!("cannot create {}", folder.display()))?;
        }
        // What an empty folder is taken for must not be removed by `make stop`.
        fs::write(self.mark(), "made by Lazaret's laboratory; `make stop` removes this folder\n")
            .context(|| format!("cannot write into {}", self.state.display()))
    }

    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The file that says that this folder is ours.
    pub fn mark(&self) -> PathBuf {
        self.state.join("LABORATORY")
    }

    pub fn keys(&self) -> PathBuf {
        self.state.join("keys")
    }

    pub fn private_key(&self) -> PathBuf {
        self.keys().join("lazaret.key")
    }

    pub fn public_key(&self) -> PathBuf {
        self.keys().join("lazaret.pub")
    }

    pub fn db(&self) -> PathBuf {
        self.state.join("db")
    }

    pub fn database(&self) -> PathBuf {
        self.db().join("advisories.lzdb")
    }

    pub fn server(&self) -> PathBuf {
        self.state.join("server")
    }

    pub fn admin_token(&self) -> PathBuf {
        self.server().join("admin.token")
    }

    pub fn agent(&self) -> PathBuf {
        self.state.join("agent")
    }

    pub fn agent_config(&self) -> PathBuf {
        self.state.join("agent.yaml")
    }

    /// The engine that Lazaret guards.
    pub fn docker(&self) -> PathBuf {
        self.state.join("docker")
    }

    /// The engine that builds images, as a build machine would have it.
    pub fn build(&self) -> PathBuf {
        self.state.join("build")
    }

    pub fn registry(&self) -> PathBuf {
        self.state.join("registry")
    }

    pub fn images(&self) -> PathBuf {
        self.state.join("images")
    }

    pub fn policy(&self) -> PathBuf {
        self.state.join("policy.yaml")
    }

    pub fn logs(&self) -> PathBuf {
        self.state.join("logs")
    }

    pub fn run(&self) -> PathBuf {
        self.state.join("run")
    }

    pub fn docker_config(&self) -> PathBuf {
        self.state.join("docker-config")
    }

    /// Six digits that stand for this folder in names outside it.
    pub fn tag(&self) -> String {
        // FNV-1a: stable between builds, unlike the hashes of the standard library.
        let mut hash: u32 = 0x811c_9dc5;
        for byte in self.state.to_string_lossy().bytes() {
            hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
        format!("{:06x}", hash >> 8)
    }

    /// Interface names have at most 15 bytes.
    pub fn bridge(&self, engine: &str) -> String {
        format!("lz{}-{}", &engine[..1], self.tag())
    }

    pub fn cgroup(&self) -> String {
        format!("lazaret-{}", self.tag())
    }

    pub fn plugin(&self) -> String {
        format!("lazaret-{}", self.tag())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_outside_are_short_stable_and_differ() {
        let one = Folders::new(Path::new("/var/lib/lazaret")).unwrap();
        let two = Folders::new(Path::new("/var/tmp/lz-1")).unwrap();
        assert_eq!(
            one.bridge("docker"),
            Folders::new(Path::new("/var/lib/lazaret")).unwrap().bridge("docker")
        );
        assert_ne!(one.bridge("docker"), two.bridge("docker"));
        assert_ne!(one.bridge("docker"), one.bridge("build"));
        assert!(one.bridge("docker").len() <= 15);
    }

    #[test]
    fn refuses_folders_that_must_not_be_removed() {
        for bad in ["/", "/var", &format!("/var/{}", "x".repeat(80))] {
            assert!(Folders::new(Path::new(bad)).is_err(), "{bad}");
        }
    }
}
