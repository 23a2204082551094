//! Files that are replaced whole or not at all.

use std::io::Write;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::failure::{Code, Failure, Outcome};

/// Writes beside the target, flushes to the disk, then renames: a full disk or a kill leaves what was there. Devices and
/// pipes are written to as they are.
pub(crate) fn replace(path: &Path, bytes: &[u8], mode: u32) -> Outcome {
    replace_with(path, mode, |file| file.write_all(bytes))
}

/// As [`replace`], for what is made while it is written.
pub(crate) fn replace_with(
    path: &Path,
    mode: u32,
    write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Outcome {
    let fail = |error: &std::io::Error| Failure::file("write", path, error);
    if is_stream(path) {
        let opened = std::fs::OpenOptions::new().append(true).open(path);
        return opened.and_then(|mut stream| write(&mut stream)).map_err(|error| fail(&error));
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(directory).map_err(|error| Failure::file("create", directory, &error))?;
    let mut builder = tempfile::Builder::new();
    let prefix = prefix(path);
    let file = builder.prefix(&prefix).suffix(SUFFIX).rand_bytes(RANDOM).tempfile_in(directory);
    let mut file = file.map_err(|error| fail(&error))?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(mode)).map_err(|error| fail(&error))?;
    write(&mut file).map_err(|error| fail(&error))?;
    file.as_file().sync_all().map_err(|error| fail(&error))?;
    file.persist(path).map_err(|error| fail(&error.error))?;
    Ok(())
}

/// Whether there is something that a file must not take the place of: a device, a pipe, or what a descriptor of this
/// process leads to (`/dev/stdout`). Links elsewhere are not followed: whoever may write there could lead anywhere.
fn is_stream(path: &Path) -> bool {
    if path.starts_with("/dev") || path.starts_with("/proc") {
        return std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_dir());
    }
    let kind = std::fs::symlink_metadata(path).map(|metadata| metadata.file_type());
    kind.is_ok_and(|kind| !(kind.is_file() || kind.is_dir() || kind.is_symlink()))
}

/// How the file beside the target is called: `.NAME.` and so many letters and `.new`.
const SUFFIX: &str = ".new";
const RANDOM: usize = 8;

fn prefix(path: &Path) -> String {
    format!(".{}.", path.file_name().unwrap_or_default().to_string_lossy())
}

/// Removes what killed writers left beside a file. For those who alone write it: they hold a lock.
pub(crate) fn remove_leftovers(path: &Path) {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let prefix = prefix(path);
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let random = name.to_str().and_then(|name| name.strip_prefix(&prefix)?.strip_suffix(SUFFIX));
        if random.is_some_and(|it| it.len() == RANDOM && it.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        {
            // What stays costs room, no more.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Reads a text file that a person wrote.
pub(crate) fn read_text(path: &Path, limit: u64) -> Result<String, Failure> {
    let fail = |error: &std::io::Error| Failure::file("read", path, error);
    let size = std::fs::metadata(path).map_err(|error| fail(&error))?.len();
    if size > limit {
        return Err(Failure::new(
            Code::Input,
            format!("{} has {size} bytes, more than the {limit} allowed", path.display()),
        ));
    }
    let bytes = std::fs::read(path).map_err(|error| fail(&error))?;
    String::from_utf8(bytes).map_err(|_| Failure::input(format!("{} is not UTF-8 text", path.display())))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::fd::AsRawFd as _;

    use super::*;

    #[test]
    fn only_the_files_own_leftovers_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str| std::fs::write(directory.path().join(name), name).unwrap();
        let stay = [
            ".other.lzdb.abcdefgh.new",
            ".a.lzdb.sig.abcdefgh.new",
            ".a.lzdb.abc.new",
            "a.lzdb",
            ".tmpabcdef",
        ];
        stay.iter().for_each(|name| write(name));
        write(".a.lzdb.abcdefgh.new");
        remove_leftovers(&directory.path().join("a.lzdb"));
        let mut left: Vec<_> =
            std::fs::read_dir(directory.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
        left.sort();
        let mut stay = stay.map(std::ffi::OsString::from);
        stay.sort();
        assert_eq!(left, stay);
    }

    #[test]
    fn devices_and_pipes_are_written_to_and_never_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let fifo = directory.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let reader = std::thread::spawn({
            let fifo = fifo.clone();
            move || std::fs::read_to_string(fifo).unwrap()
        });
        replace(&fifo, b"through a fifo", 0o644).unwrap();
        assert_eq!(reader.join().unwrap(), "through a fifo");
        assert!(is_stream(&fifo));

        let (mut output, input) = std::io::pipe().unwrap();
        let descriptor = format!("/proc/self/fd/{}", input.as_raw_fd());
        replace(Path::new(&descriptor), b"through a descriptor", 0o644).unwrap();
        drop(input);
        let mut text = String::new();
        output.read_to_string(&mut text).unwrap();
        assert_eq!(text, "through a descriptor");

        assert!(is_stream(Path::new("/dev/null")) && !is_stream(Path::new("/dev")));
        let link = directory.path().join("link");
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        replace(&link, b"a file", 0o644).unwrap();
        assert_eq!(read_text(&link, 10).unwrap(), "a file", "others' links are not followed");
    }

    #[test]
    fn replaces_whole_files_with_their_mode() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new/file");
        replace(&path, b"one", 0o600).unwrap();
        replace(&path, b"two", 0o600).unwrap();
        assert_eq!(read_text(&path, 10).unwrap(), "two");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        assert_eq!(read_text(&path, 2).unwrap_err().code, Code::Input);
    }
}
