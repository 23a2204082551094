//! Files that hold secrets: only what a profile names is allowed to touch them, and no wildcard ever names them.

use lazaret_model::{SECRET_PLACES, is_secret_place};

/// Files of the system.
const FILES: &[&str] = &[
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/krb5.keytab",
    "/etc/kubernetes/admin.conf",
];

/// Directories of the system.
const DIRECTORIES: &[&str] =
    &["/etc/ssl/private/", "/etc/letsencrypt/", "/etc/pki/tls/private/", "/etc/kubernetes/pki/"];

/// Directories wherever they are, mostly in home directories.
const KEPT_IN: &[&str] = &["/.ssh/", "/.aws/", "/.azure/", "/.gnupg/", "/.kube/", "/.config/gcloud/"];

/// Ends of paths wherever they are.
const NAMES: &[&str] = &[
    "/id_rsa",
    "/id_dsa",
    "/id_ecdsa",
    "/id_ed25519",
    "/.git-credentials",
    "/.netrc",
    "/.npmrc",
    "/.pgpass",
    "/.pypirc",
    "/.vault-token",
    "/.dockercfg",
    "/.docker/config.json",
];

/// Files in the directory of each process.
const OF_PROCESSES: &[&str] = &["/environ", "/mem"];

/// Where files hold secrets, for those who cannot ask about each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretPlace {
    /// A path; with a slash at its end all that is below.
    Whole(&'static str),
    /// One or two components of any path; with a slash at its end all that is below.
    Anywhere(&'static str),
    /// A file of each process in procfs, with a slash before it.
    OfProcess(&'static str),
}

/// All places that hold secrets.
pub fn secret_places() -> impl Iterator<Item = SecretPlace> {
    let whole =
        [SECRET_PLACES, FILES, DIRECTORIES].into_iter().flatten().map(|path| SecretPlace::Whole(path));
    let anywhere = [KEPT_IN, NAMES].into_iter().flatten().map(|names| SecretPlace::Anywhere(names));
    whole.chain(anywhere).chain(OF_PROCESSES.iter().map(|name| SecretPlace::OfProcess(name)))
}

/// Whether a file holds secrets, by where it is.
pub(crate) fn is_sensitive(path: &str) -> bool {
    is_secret_place(path)
        || FILES.contains(&path)
        || DIRECTORIES.iter().any(|directory| path.starts_with(directory))
        || KEPT_IN.iter().any(|directory| path.contains(directory))
        || NAMES.iter().any(|name| path.ends_with(name))
        || of_process(path).is_some()
}

/// As a profile names a file that holds secrets: without the number of a process, which is another one each time.
pub(crate) fn stable_name(path: &str) -> String {
    match of_process(path) {
        Some(what) => format!("/proc/*/{what}"),
        None => path.replace('*', r"\x2a"),
    }
}

/// What shows the memory or environment of a process.
fn of_process(path: &str) -> Option<&str> {
    let (process, what) = path.strip_prefix("/proc/")?.split_once('/')?;
    let is_number = !process.is_empty() && process.bytes().all(|byte| byte.is_ascii_digit());
    let what = match what.strip_prefix("task/") {
        Some(rest) => rest.split_once('/')?.1,
        None => what,
    };
    (is_number && OF_PROCESSES.iter().any(|name| name.strip_prefix('/') == Some(what))).then_some(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_by_their_places() {
        for path in [
            "/etc/shadow",
            "/root/.ssh/id_rsa",
            "/home/a/.ssh/config",
            "/run/secrets/db_password",
            "/srv/keys/id_ed25519",
            "/root/.aws/credentials",
            "/proc/1/environ",
            "/proc/17/task/18/mem",
            "/root/.docker/config.json",
        ] {
            assert!(is_sensitive(path), "{path}");
        }
        for path in [
            "/etc/passwd",
            "/etc/shadowed",
            "/proc/1/status",
            "/proc/self/environ",
            "/srv/id_rsa.pub",
            "/.sshd/x",
        ] {
            assert!(!is_sensitive(path), "{path}");
        }
        for place in secret_places() {
            let path = match place {
                SecretPlace::Whole(path) => format!("{path}x"),
                SecretPlace::Anywhere(names) => format!("/a{names}"),
                SecretPlace::OfProcess(name) => format!("/proc/1{name}"),
            };
            let is_file = matches!(place, SecretPlace::Whole(path) if !path.ends_with('/'));
            assert!(is_file || is_sensitive(&path), "{path}");
        }
        assert_eq!(stable_name("/proc/17/environ"), "/proc/*/environ");
        assert_eq!(stable_name("/run/secrets/*"), r"/run/secrets/\x2a");
    }
}
