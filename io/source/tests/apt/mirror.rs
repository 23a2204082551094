//! A package mirror made for a test, signed with a key made for the test.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lazaret_source::apt::AptRoot;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

/// Says so past the capture of the test harness: a skipped test must be seen.
pub(crate) fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

pub(crate) struct Mirror {
    folder: TempDir,
    gnupg: TempDir,
}

/// A binary package to publish.
#[derive(Clone)]
pub(crate) struct Package {
    name: String,
    source: String,
    version: String,
    filler: usize,
    link: Option<String>,
    changelog: Option<(String, String)>,
}

impl Package {
    pub(crate) fn new(name: &str, source: &str, version: &str) -> Self {
        let (name, source, version) = (name.to_owned(), source.to_owned(), version.to_owned());
        Self { name, source, version, filler: 0, link: None, changelog: None }
    }

    pub(crate) fn changelog(mut self, file: &str, text: &str) -> Self {
        self.changelog = Some((file.to_owned(), text.to_owned()));
        self
    }

    /// The documentation folder is a link to that of another package.
    pub(crate) fn linked(mut self, to: &str) -> Self {
        self.link = Some(to.to_owned());
        self
    }

    /// Bytes that make the package larger than others.
    pub(crate) fn filler(mut self, bytes: usize) -> Self {
        self.filler = bytes;
        self
    }

    fn file(&self) -> String {
        format!("pool/{}_{}_all.deb", self.name, self.version)
    }
}

impl Mirror {
    /// `None`, said loudly, where a program is missing.
    pub(crate) fn new() -> Option<Self> {
        for program in ["apt-get", "dpkg-deb", "gpg", "gpgconf"] {
            let status =
                Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
            if !status.is_ok_and(|status| status.success()) {
                skipped(&format!("there is no `{program}` on this machine"));
                return None;
            }
        }
        let mirror = Self { folder: tempfile::tempdir().unwrap(), gnupg: tempfile::tempdir().unwrap() };
        std::fs::create_dir_all(mirror.path("pool")).unwrap();
        std::fs::create_dir_all(mirror.path("root/keys")).unwrap();
        mirror.gpg(&["--quick-generate-key", "test@example.org", "ed25519", "sign", "never"]);
        mirror.gpg(&["--armor", "--output", &mirror.key().display().to_string(), "--export"]);
        Some(mirror)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.path("root/keys/mirror.asc")
    }

    /// A root that names all suites of the mirror, reached through the file system.
    pub(crate) fn root(&self) -> AptRoot {
        self.root_with(&format!("file:{}", self.folder().display()))
    }

    pub(crate) fn root_with(&self, uri: &str) -> AptRoot {
        let suites: Vec<String> = std::fs::read_dir(self.path("dists"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let text = format!(
            "Types: deb\nURIs: {uri}\nSuites: {}\nComponents: main\nSigned-By: /keys/mirror.asc\n",
            suites.join(" ")
        );
        let apt = self.path("root/etc/apt/sources.list.d");
        std::fs::create_dir_all(&apt).unwrap();
        std::fs::write(apt.join("mirror.sources"), text).unwrap();
        AptRoot::directory(&self.path("root"))
    }

    /// Builds packages and makes them the whole content of a suite.
    pub(crate) fn publish(&self, suite: &str, label: &str, version: &str, packages: &[Package]) {
        let lists = self.path(&format!("dists/{suite}/main/binary-amd64"));
        std::fs::create_dir_all(&lists).unwrap();
        let list: String = packages.iter().map(|package| self.build(package)).collect();
        std::fs::write(lists.join("Packages"), &list).unwrap();
        let origin = if label.starts_with("Debian") { "Debian" } else { label };
        let release = format!(
            "Origin: {origin}\nLabel: {label}\nSuite: {suite}\nCodename: {suite}\nVersion: {version}\n\
             Date: {}\nArchitectures: amd64\nComponents: main\nSHA256:\n {} {} main/binary-amd64/Packages\n",
            now(),
            hex(list.as_bytes()),
            list.len()
        );
        let folder = self.path(&format!("dists/{suite}"));
        std::fs::write(folder.join("Release"), release).unwrap();
        let _ = std::fs::remove_file(folder.join("InRelease"));
        let file = |name: &str| folder.join(name).display().to_string();
        self.gpg(&["--output", &file("InRelease"), "--clearsign", &file("Release")]);
        std::fs::remove_file(folder.join("Release")).unwrap();
    }

    /// Cuts a published package short.
    pub(crate) fn damage(&self, package: &Package) {
        std::fs::write(self.path(&package.file()), b"!<arch>\n").unwrap();
    }

    /// Changes a suite's signed text without signing it again.
    pub(crate) fn forge(&self, suite: &str) {
        let path = self.path(&format!("dists/{suite}/InRelease"));
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, text.replace("Version: 12", "Version: 12.99")).unwrap();
    }

    fn build(&self, package: &Package) -> String {
        let Package { name, source, version, .. } = package;
        let tree = tempfile::tempdir().unwrap();
        let doc = tree.path().join("usr/share/doc");
        std::fs::create_dir_all(&doc).unwrap();
        match &package.link {
            Some(other) => std::os::unix::fs::symlink(other, doc.join(name)).unwrap(),
            None => std::fs::create_dir(doc.join(name)).unwrap(),
        }
        if let Some((file, text)) = &package.changelog {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
            gzip.write_all(text.as_bytes()).unwrap();
            std::fs::write(doc.join(name).join(file), gzip.finish().unwrap()).unwrap();
        }
        // Bytes that do not compress.
        let filler: Vec<u8> =
            (0..package.filler / 32).flat_map(|at| Sha256::digest(at.to_le_bytes())).collect();
        std::fs::write(tree.path().join("usr/share/filler"), filler).unwrap();
        let fields = format!(
            "Package: {name}\nSource: {source}\nVersion: {version}\nArchitecture: all\nMaintainer: A <a@b>\nDescription: test\n"
        );
        std::fs::create_dir(tree.path().join("DEBIAN")).unwrap();
        std::fs::write(tree.path().join("DEBIAN/control"), &fields).unwrap();
        let file = package.file();
        done(
            Command::new("dpkg-deb")
                .args(["--root-owner-group", "--build"])
                .arg(tree.path())
                .arg(self.path(&file)),
        );
        let deb = std::fs::read(self.path(&file)).unwrap();
        format!("{fields}Filename: {file}\nSize: {}\nSHA256: {}\n\n", deb.len(), hex(&deb))
    }

    fn gpg(&self, arguments: &[&str]) {
        let mut gpg = Command::new("gpg");
        gpg.arg("--homedir").arg(self.gnupg.path());
        done(
            gpg.args(["--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""])
                .args(arguments),
        );
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        let _ =
            Command::new("gpgconf").arg("--homedir").arg(self.gnupg.path()).args(["--kill", "all"]).status();
    }
}

fn done(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A signature's date, which apt wants to lie in the past.
fn now() -> String {
    let output = Command::new("date").args(["-u", "-R"]).env("LC_ALL", "C").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().replace("+0000", "UTC")
}
