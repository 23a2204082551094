//! Which paths of a host give a container more than files.

/// What a path gives away. The longest prefix that fits is told.
const DANGERS: &[(&str, &str)] = &[
    ("/", "the whole host"),
    ("/bin", "the host's programs"),
    ("/boot", "the host's kernel"),
    ("/dev", "every device of the host"),
    ("/etc", "the host's configuration and passwords"),
    ("/home", "the files of the host's users"),
    ("/lib", "the host's programs"),
    ("/lib64", "the host's programs"),
    ("/proc", "every process of the host"),
    ("/root", "the files of the host's administrator"),
    ("/run", "the sockets of the host's services"),
    ("/sbin", "the host's programs"),
    ("/sys", "the host's kernel settings"),
    ("/usr", "the host's programs"),
    ("/var", "the data of the host's services"),
    ("/var/lib/containerd", "the files of every container"),
    ("/var/lib/docker", "the files of every container"),
    ("/var/lib/kubelet", "the secrets of every pod"),
    ("/var/log", "the host's logs"),
    ("/var/run", "the sockets of the host's services"),
];

const SOCKETS: &[&str] = &["docker.sock", "containerd.sock", "podman.sock", "crio.sock", "buildkitd.sock"];

/// The path without doubled and trailing slashes and `.`; `None` if it is not absolute or climbs with `..`,
/// because what that means depends on links that nobody sees here.
pub(crate) fn clean(path: &str) -> Option<String> {
    let rest = path.strip_prefix('/')?;
    let mut clean = String::with_capacity(path.len());
    for part in rest.split('/') {
        match part {
            "" | "." => {}
            ".." => return None,
            _ if part.contains('\0') => return None,
            part => {
                clean.push('/');
                clean.push_str(part);
            }
        }
    }
    if clean.is_empty() {
        clean.push('/');
    }
    Some(clean)
}

/// What a cleaned path gives away, if it is known for that.
pub(crate) fn danger(path: &str) -> Option<&'static str> {
    let name = path.rsplit('/').next().unwrap_or_default();
    if SOCKETS.contains(&name) {
        return Some("the engine's socket: who has it is root on the host");
    }
    DANGERS
        .iter()
        .filter(|(prefix, _)| path == *prefix || (*prefix != "/" && path.starts_with(&format!("{prefix}/"))))
        .max_by_key(|(prefix, _)| prefix.len())
        .map(|(_, danger)| *danger)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_for_one_path() {
        for (path, expected) in [
            ("/", "/"),
            ("//", "/"),
            ("/./etc//", "/etc"),
            ("/srv/shop/", "/srv/shop"),
            ("/srv/./a", "/srv/a"),
        ] {
            assert_eq!(clean(path).as_deref(), Some(expected), "{path}");
        }
        for path in ["", "srv", "/srv/..", "/../etc", "./x", "/a\0b"] {
            assert_eq!(clean(path), None, "{path}");
        }
    }

    #[test]
    fn dangers_are_named() {
        assert_eq!(danger("/"), Some("the whole host"));
        assert_eq!(
            danger("/var/run/docker.sock"),
            Some("the engine's socket: who has it is root on the host")
        );
        assert_eq!(
            danger("/srv/other/containerd.sock"),
            Some("the engine's socket: who has it is root on the host")
        );
        assert_eq!(danger("/var/lib/docker/volumes"), Some("the files of every container"));
        assert_eq!(danger("/etcetera"), None);
        assert_eq!(danger("/srv/shop"), None);
    }
}
