//! A directory with a database of its own, and the program in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

#[expect(clippy::print_stderr, reason = "a test that did not run, and a figure, must be seen")]
pub(crate) fn say(what: &str) {
    eprintln!("{what}");
}

pub(crate) fn skipped(what: &str) {
    say(&format!("SKIPPED: {what}"));
}

/// A real feed, where the corpora are.
pub(crate) fn corpus(name: &str) -> Option<PathBuf> {
    let corpora = std::env::var_os("LAZARET_CORPORA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora"), PathBuf::from);
    let path = corpora.join("feeds").join(name);
    if !path.exists() {
        skipped(&format!("{} is not there; set LAZARET_CORPORA", path.display()));
        return None;
    }
    Some(path)
}

pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The program, with nothing but its surroundings.
    pub(crate) fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lazaret"));
        command.env("LAZARET_DB", self.path("db.lzdb")).env("HOME", self.0.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.program();
        command.args(arguments).args(["--format", "json"]);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub(crate) fn ok(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Exit code and standard error.
    pub(crate) fn fails(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments);
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    pub(crate) fn feed(&self, name: &str) -> Value {
        let status = self.ok(&["db", "status"]);
        let feeds = status["feeds"].as_array().unwrap();
        feeds.iter().find(|feed| feed["name"] == name).cloned().unwrap_or(Value::Null)
    }

    /// Names of all files in the folder of the database.
    pub(crate) fn names(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.0.path()).unwrap();
        names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }

    /// Private and public.
    pub(crate) fn key(&self, name: &str) -> (PathBuf, PathBuf) {
        let out = self.path(name);
        self.ok(&["key", "generate", "--out", text(&out)]);
        (out.join("lazaret.key"), out.join("lazaret.pub"))
    }
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
