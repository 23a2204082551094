//! Files that are replaced whole or not at all.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::failure::{Code, Failure, Outcome};

/// Writes beside the target, flushes to the disk, then renames: a full disk or a kill leaves what was there.
pub(crate) fn replace(path: &Path, bytes: &[u8], mode: u32) -> Outcome {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(directory).map_err(|error| Failure::file("create", directory, &error))?;
    let fail = |error: &std::io::Error| Failure::file("write", path, error);
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(|error| fail(&error))?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(mode)).map_err(|error| fail(&error))?;
    file.write_all(bytes).map_err(|error| fail(&error))?;
    file.as_file().sync_all().map_err(|error| fail(&error))?;
    file.persist(path).map_err(|error| fail(&error.error))?;
    Ok(())
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
    use super::*;

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
