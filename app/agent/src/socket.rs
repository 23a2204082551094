//! Unix sockets that only root may talk to.

use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use tokio::net::{UnixListener, UnixStream};

use crate::failure::Failure;

/// Listens on `path` with mode 0600. A socket that nobody answers on any more is replaced; one that somebody
/// does answer on is not taken from him.
pub async fn listen(path: &Path) -> Result<UnixListener, Failure> {
    match UnixStream::connect(path).await {
        Ok(_) => {
            return Err(Failure::Local(format!(
                "somebody already answers on {}: another lazaret-agent runs; stop it first, or give this one \
                 another `state` directory and `engine.plugin`",
                path.display()
            )));
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {}
        Err(source) => return Err(Failure::write(path, source)),
    }
    bind(path).map_err(|source| Failure::write(path, source))
}

/// Binds inside a directory that nobody else may enter, then moves the socket to its place: at no moment can
/// anybody connect who may not.
fn bind(path: &Path) -> io::Result<UnixListener> {
    let parent = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(parent)?;
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_stem().unwrap_or_default());
    name.push(".new");
    let hidden = parent.join(name);
    if hidden.exists() {
        std::fs::remove_dir_all(&hidden)?;
    }
    std::fs::DirBuilder::new().mode(0o700).create(&hidden)?;
    let bound = bind_in(&hidden, path);
    let removed = std::fs::remove_dir_all(&hidden);
    let listener = bound?;
    removed?;
    Ok(listener)
}

fn bind_in(hidden: &Path, path: &Path) -> io::Result<UnixListener> {
    let inside = hidden.join("s");
    let listener = UnixListener::bind(&inside)?;
    std::fs::set_permissions(&inside, std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(&inside, path)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn replaces_a_stale_socket_but_not_a_live_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("plugins/lazaret.sock");
        let first = listen(&path).await.unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let refusal = listen(&path).await.unwrap_err();
        assert_eq!(refusal.exit_code(), 7);
        assert!(refusal.to_string().contains("already answers"), "{refusal}");
        drop(first);
        assert!(path.exists(), "a dead agent leaves its socket behind");
        let second = listen(&path).await.unwrap();
        let (connected, accepted) = tokio::join!(UnixStream::connect(&path), second.accept());
        assert!(connected.is_ok() && accepted.is_ok());
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
