//! Names in archives → paths relative to the root of the tree.

/// Writes the path that `name` means into `path`, lexically, as Go's `filepath.Clean` does, and
/// tells whether it stayed within the root. What climbs out is clamped to the root.
pub(crate) fn clean(name: &[u8], path: &mut Vec<u8>) -> bool {
    path.clear();
    if let Some(clean) = already_clean(name) {
        path.extend_from_slice(clean);
        return true;
    }
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

/// The path where nothing but `./` before it and `/` behind it is to be cleaned: nearly always.
fn already_clean(name: &[u8]) -> Option<&[u8]> {
    let name = name.strip_prefix(b"./").unwrap_or(name);
    let name = name.strip_suffix(b"/").unwrap_or(name);
    let odd = |start: Option<&u8>| matches!(start, None | Some(b'/' | b'.'));
    let mut slashes = memchr::memchr_iter(b'/', name);
    (!odd(name.first()) && !slashes.any(|slash| odd(name.get(slash + 1)))).then_some(name)
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
            ("./a/b/", "a/b", true),
            ("./a//b", "a/b", true),
            ("a/.b/c", "a/.b/c", true),
            ("a//", "a", true),
            ("./", "", true),
            ("./../a", "a", false),
            (".//a", "a", true),
        ] {
            let mut out = b"left over".to_vec();
            assert_eq!(clean(name.as_bytes(), &mut out), within, "{name}");
            assert_eq!(String::from_utf8(out).unwrap(), path, "{name}");
        }
    }
}
