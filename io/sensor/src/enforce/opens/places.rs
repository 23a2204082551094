use crate::held::SecretPlace;

/// Names of files that are secret, for whoever decides in user space. Files of processes are not among them: procfs
/// takes no permission marks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretPlaces {
    files: Vec<Vec<u8>>,
    /// With a slash at the end.
    directories: Vec<Vec<u8>>,
    names: Vec<Vec<u8>>,
    /// With slashes around.
    anywhere: Vec<Vec<u8>>,
}

impl<'a> FromIterator<SecretPlace<'a>> for SecretPlaces {
    fn from_iter<I: IntoIterator<Item = SecretPlace<'a>>>(places: I) -> Self {
        let mut all = Self::default();
        for place in places {
            let (list, text) = match place {
                SecretPlace::Whole(path) if path.ends_with('/') => (&mut all.directories, path),
                SecretPlace::Whole(path) => (&mut all.files, path),
                SecretPlace::Anywhere(names) if names.ends_with('/') => (&mut all.anywhere, names),
                SecretPlace::Anywhere(names) => (&mut all.names, names),
                SecretPlace::OfProcess(_) => continue,
            };
            list.push(text.as_bytes().to_vec());
        }
        all
    }
}

impl SecretPlaces {
    /// Whether a file of this name is secret.
    pub(super) fn is_secret(&self, path: &[u8]) -> bool {
        self.files.iter().any(|file| file == path)
            || self.names.iter().any(|name| path.ends_with(name))
            || self.directories.iter().any(|directory| path.starts_with(directory))
            || self.anywhere.iter().any(|names| holds(path, names))
    }

    /// Whether all files below this directory are.
    pub(super) fn is_secret_directory(&self, path: &[u8]) -> bool {
        let below = [path.strip_suffix(b"/").unwrap_or(path), b"/"].concat();
        self.directories.iter().any(|directory| below.starts_with(directory))
            || self.anywhere.iter().any(|names| holds(&below, names))
    }
}

fn holds(path: &[u8], part: &[u8]) -> bool {
    path.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_secret_by_where_it_is() {
        let places: SecretPlaces = [
            SecretPlace::Whole("/run/secrets/"),
            SecretPlace::Whole("/etc/shadow"),
            SecretPlace::Anywhere("/.ssh/"),
            SecretPlace::Anywhere("/.docker/config.json"),
            SecretPlace::OfProcess("/environ"),
        ]
        .into_iter()
        .collect();
        for path in
            ["/run/secrets/a", "/run/secrets/a/b", "/etc/shadow", "/root/.ssh/x", "/a/.docker/config.json"]
        {
            assert!(places.is_secret(path.as_bytes()), "{path}");
        }
        for path in [
            "/run/secrets",
            "/run/secretsx/a",
            "/etc/shadow-",
            "/a.ssh/x",
            "/x.docker/config.json",
            "/proc/1/environ",
        ] {
            assert!(!places.is_secret(path.as_bytes()), "{path}");
        }
        for (path, expected) in [
            ("/run/secrets", true),
            ("/run/secrets/x", true),
            ("/home/a/.ssh", true),
            ("/run", false),
            ("/etc/shadow", false),
        ] {
            assert_eq!(places.is_secret_directory(path.as_bytes()), expected, "{path}");
        }
    }
}
