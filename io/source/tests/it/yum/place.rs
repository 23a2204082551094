//! A root with repositories, and the repositories.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use lazaret_source::yum::{YumError, YumFeed, YumRequest, YumRoot, fetch};
use sha2::{Digest as _, Sha256};

use super::server::Server;

pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) server: Server,
}

/// How updateinfo is compressed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Xz,
    Zstd,
    Bzip2,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::on("127.0.0.1")
    }

    pub(crate) fn on(host: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(host, &folder.path().join("web"));
        let place = Self { folder, server };
        place.write("root/etc/os-release", "ID=rocky\nVERSION_ID=\"9.3\"\n");
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Configures repositories: sections as they stand in a file.
    pub(crate) fn configure(&self, text: &str) {
        self.write("root/etc/yum.repos.d/test.repo", text);
    }

    /// Publishes a repository with updates, each an id of a CVE, a package and its version.
    pub(crate) fn publish(&self, name: &str, updates: &[(&str, &str, &str)], packing: Packing) {
        self.publish_of(name, "Rocky Linux 9", updates, packing);
    }

    pub(crate) fn publish_of(
        &self,
        name: &str,
        product: &str,
        updates: &[(&str, &str, &str)],
        packing: Packing,
    ) {
        let mut text = String::from("<?xml version=\"1.0\"?>\n<updates>");
        for (number, (cve, package, version)) in updates.iter().enumerate() {
            let _ = write!(
                text,
                "<update type=\"security\" from=\"x\"><id>RLSA-2024:{number}</id><title>{package}</title><severity>Important</severity>\
                 <references><reference id=\"{cve}\" type=\"cve\"/></references><pkglist><collection><name>{product}</name>\
                 <package name=\"{package}\" version=\"{version}\" release=\"1.el9\" arch=\"x86_64\"/></collection></pkglist></update>"
            );
        }
        text.push_str("</updates>");
        let (ending, bytes) = packed(text.as_bytes(), packing);
        let sum = sha256(&bytes);
        self.write(&format!("web/{name}/repodata/{sum}-updateinfo.xml{ending}"), &bytes);
        let index = format!(
            "<repomd xmlns=\"http://linux.duke.edu/metadata/repo\"><data type=\"primary\"><checksum type=\"sha256\">00</checksum>\
             <location href=\"repodata/primary.xml.gz\"/></data><data type=\"updateinfo\"><checksum type=\"sha256\">{sum}</checksum>\
             <location href=\"repodata/{sum}-updateinfo.xml{ending}\"/><size>{}</size></data></repomd>",
            bytes.len()
        );
        self.write(&format!("web/{name}/repodata/repomd.xml"), index);
    }

    pub(crate) fn root(&self) -> YumRoot {
        YumRoot::directory(&self.path("root"), "amd64")
    }

    pub(crate) fn request(&self, roots: Vec<YumRoot>) -> YumRequest {
        let now = "2026-01-01T00:00:00Z".to_owned();
        YumRequest { roots, trusts_images: false, allows_older: false, cache: self.path("cache"), now }
    }

    pub(crate) async fn run(&self) -> YumFeed {
        self.try_run(&self.request(vec![self.root()])).await.unwrap()
    }

    pub(crate) async fn try_run(&self, request: &YumRequest) -> Result<YumFeed, YumError> {
        fetch(request, &mut |_| {}).await
    }

    /// The index of a repository, altered.
    pub(crate) fn alter_index(&self, name: &str, alter: impl Fn(String) -> String) {
        let path = self.path(&format!("web/{name}/repodata/repomd.xml"));
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, alter(text)).unwrap();
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn packed(bytes: &[u8], packing: Packing) -> (&'static str, Vec<u8>) {
    match packing {
        Packing::Plain => ("", bytes.to_vec()),
        Packing::Gzip => {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            writer.write_all(bytes).unwrap();
            (".gz", writer.finish().unwrap())
        }
        Packing::Xz => {
            let mut writer = liblzma::write::XzEncoder::new(Vec::new(), 6);
            writer.write_all(bytes).unwrap();
            (".xz", writer.finish().unwrap())
        }
        Packing::Zstd => (".zst", zstd::encode_all(bytes, 3).unwrap()),
        Packing::Bzip2 => {
            let mut writer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
            writer.write_all(bytes).unwrap();
            (".bz2", writer.finish().unwrap())
        }
    }
}

#[expect(clippy::print_stderr, reason = "a test that did not run must be seen")]
pub(crate) fn skipped(what: &str) {
    eprintln!("SKIPPED: {what}");
}

/// A key ring of its own, for signing.
pub(crate) struct Signer(tempfile::TempDir);

impl Signer {
    /// Nothing where GnuPG is not installed.
    pub(crate) fn new() -> Option<Self> {
        let signer = Self(tempfile::tempdir().unwrap());
        let made = signer.gpg(&["--quick-generate-key", "Test <t@example.org>", "ed25519", "sign", "never"]);
        if made.is_none() || std::process::Command::new("gpgv").arg("--version").output().is_err() {
            skipped("gpg and gpgv are not installed");
            return None;
        }
        Some(signer)
    }

    fn gpg(&self, arguments: &[&str]) -> Option<Vec<u8>> {
        let mut command = std::process::Command::new("gpg");
        command.args(["--batch", "--quiet", "--passphrase", "", "--pinentry-mode", "loopback", "--homedir"]);
        let output = command.arg(self.0.path()).args(arguments).output().ok()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(output.stdout)
    }

    pub(crate) fn public(&self) -> Vec<u8> {
        self.gpg(&["--armor", "--export"]).unwrap()
    }

    pub(crate) fn sign(&self, path: &Path) {
        let out = path.with_added_extension("asc");
        let (out, path) = (out.to_str().unwrap(), path.to_str().unwrap());
        self.gpg(&["--yes", "--armor", "--output", out, "--detach-sign", path]);
    }
}

impl Drop for Signer {
    fn drop(&mut self) {
        let _ = std::process::Command::new("gpgconf")
            .env("GNUPGHOME", self.0.path())
            .args(["--kill", "all"])
            .output();
    }
}
