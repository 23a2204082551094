//! A real registry.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::place::skipped;

/// Debian's registry on a port of its own; ends with the test.
pub(crate) struct DebianRegistry {
    process: Child,
    pub(crate) address: String,
    directory: tempfile::TempDir,
}

impl DebianRegistry {
    pub(crate) fn start() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let config = directory.path().join("config.yml");
        let storage = directory.path().join("storage");
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: '{address}'}}\n",
            storage.display()
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(process) = command.spawn() else {
            skipped("docker-registry is not installed");
            return None;
        };
        let registry = Self { process, address, directory };
        for _ in 0..200 {
            if TcpStream::connect(&registry.address).is_ok() {
                return Some(registry);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("docker-registry did not start at {}", registry.address);
    }

    /// The contents that it keeps, the largest first.
    pub(crate) fn contents(&self) -> Vec<PathBuf> {
        let (mut files, mut directories) = (Vec::new(), vec![self.directory.path().join("storage")]);
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
                match entry.file_type().unwrap().is_dir() {
                    true => directories.push(entry.path()),
                    false => files.push(entry.path()),
                }
            }
        }
        files.retain(|path| path.ends_with("data"));
        files.sort_by_key(|path| std::cmp::Reverse(std::fs::metadata(path).unwrap().len()));
        files
    }
}

impl Drop for DebianRegistry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
