//! Names in archives → paths relative to the root of the tree.

/// Writes the path that `name` means into `path`, lexically, as Go's `filepath.Clean` does, and
/// tells whether it stayed within the root. What climbs out is clamped to the root.
pub(crate) fn clean(name: &[u8], path: &mut Vec<u8>) -> bool {
    path.clear();
    let absolute = name.first() == Some(&b'/');
    let mut within = true;
    for component in name.split(|&byte| byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => match path.iter().rposition(|&byte| byte == b'/') {
                Some(slash) => path.truncate(slash),
                None if path.is_empty() => within &= absolute,
                None => path.clear(),
            },
            _ => {
                if !path.is_empty() {
                    path.push(b'/');
                }
                path.extend_from_slice(component);
            }
        }
    }
    within
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleans_like_go() {
        for (name, path, within) in [
            ("./etc/passwd", "etc/passwd", true),
            ("/etc//passwd", "etc/passwd", true),
            ("etc/", "etc", true),
            (".", "", true),
            ("", "", true),
            ("/", "", true),
            ("a/../b", "b", true),
            ("a/b/../../c", "c", true),
            ("/../x", "x", true),
            ("../x", "x", false),
            ("a/../../x", "x", false),
            ("a/..", "", true),
            ("...", "...", true),
        ] {
            let mut out = b"left over".to_vec();
            assert_eq!(clean(name.as_bytes(), &mut out), within, "{name}");
            assert_eq!(String::from_utf8(out).unwrap(), path, "{name}");
        }
    }
}
