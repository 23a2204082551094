//! The request line as the engine's router understands it.

use super::Undecided;

/// A request URI taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Uri {
    /// Decoded segments without the version: `["containers", "shop", "start"]`.
    pub(super) segments: Vec<String>,
    /// Decoded pairs in their order.
    pub(super) query: Vec<(String, String)>,
}

const LIMIT: usize = 16 << 10;
const OLDEST: u32 = 24;

/// Takes apart what stands in the request line: `/path`, `/vN/path` or `http://host/path`.
///
/// Whatever a router might clean, redirect or decode a second time is refused: then path and route are one.
pub(super) fn parse(uri: &str) -> Result<Uri, Undecided> {
    let refuse = |why| Err(Undecided::Uri { uri: super::shorten(uri), why });
    if uri.len() > LIMIT {
        return refuse("it is longer than 16 KiB");
    }
    let local = match uri.strip_prefix("http://").or_else(|| uri.strip_prefix("https://")) {
        // Absolute form (RFC 9112, 3.2.2): the host is none of the router's business.
        Some(rest) => match rest.find(['/', '?', '#']) {
            Some(slash) if rest.as_bytes()[slash] == b'/' => &rest[slash..],
            _ => return refuse("it has no path"),
        },
        None => uri,
    };
    if local.contains('#') {
        return refuse("it has a fragment");
    }
    let (path, query) = match local.split_once('?') {
        Some((path, query)) => (path, query),
        None => (local, ""),
    };
    let Some(path) = path.strip_prefix('/') else { return refuse("its path does not begin with a slash") };
    let mut segments = Vec::new();
    for segment in path.split('/') {
        let Some(decoded) = percent_decode(segment, false) else { return refuse("an escape is malformed") };
        match decoded.as_str() {
            "" => return refuse("it has an empty segment"),
            "." | ".." => return refuse("it has a dot segment"),
            _ if !decoded.chars().all(is_plain) => {
                return refuse("a segment has characters that no name has");
            }
            _ => segments.push(decoded),
        }
    }
    check_version(&mut segments)?;
    let Some(query) = pairs(query) else { return refuse("its query is malformed") };
    Ok(Uri { segments, query })
}

/// What names of containers, images, volumes, networks and plugins are made of.
fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric()
        || matches!(character, '.' | '_' | '-' | ':' | '@' | '+' | '=' | '~' | ',')
}

/// Takes the version off. Before 1.24 the same paths took other things: `start` took a whole host configuration.
fn check_version(segments: &mut Vec<String>) -> Result<(), Undecided> {
    let Some(first) = segments.first() else { return Ok(()) };
    let Some(version) = first.strip_prefix('v').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    else {
        return Ok(());
    };
    let minor = version.strip_prefix("1.").filter(|minor| {
        (1..=3).contains(&minor.len())
            && !minor.starts_with('0')
            && minor.bytes().all(|byte| byte.is_ascii_digit())
    });
    match minor.and_then(|minor| minor.parse::<u32>().ok()) {
        Some(minor) if minor >= OLDEST => {
            segments.remove(0);
            Ok(())
        }
        _ => Err(Undecided::Version(super::shorten(version))),
    }
}

/// Go's `url.ParseQuery`, less everything that is an error there.
fn pairs(query: &str) -> Option<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        // Old readers took `;` for `&`.
        if pair.contains(';') || pairs.len() == 100 {
            return None;
        }
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        pairs.push((percent_decode(key, true)?, percent_decode(value, true)?));
    }
    Some(pairs)
}

/// Decodes once. `None` for a malformed escape, for bytes that are not UTF-8, and for control characters.
fn percent_decode(text: &str, is_query: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| {
                    char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
                };
                digit(rest.next())? << 4 | digit(rest.next())?
            }
            b'+' if is_query => b' ',
            byte => byte,
        });
    }
    // Newlines occur in queries: `docker build` sends arguments as JSON.
    let is_control =
        |byte: &u8| *byte == 0x7F || (*byte < 0x20 && !(is_query && matches!(byte, b'\n' | b'\t' | b'\r')));
    if bytes.iter().any(is_control) {
        return None;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(uri: &str) -> Result<String, String> {
        parse(uri).map(|uri| uri.segments.join(" ")).map_err(|error| error.to_string())
    }

    #[test]
    fn one_path_for_every_spelling() {
        for uri in [
            "/containers/shop/start",
            "/v1.24/containers/shop/start",
            "/v1.51/containers/shop/start",
            "http://docker/v1.41/containers/shop/start",
            "https://u:p@[::1]:2375/containers/shop/start",
            "/%63ontainers/sh%6Fp/start?x=%2F",
            "/v1%2e41/containers/shop/start",
        ] {
            assert_eq!(path(uri), Ok("containers shop start".to_owned()), "{uri}");
        }
        assert_eq!(
            path("/images/r.example:5000/a/b@sha256:aa/push"),
            Ok("images r.example:5000 a b@sha256:aa push".to_owned())
        );
    }

    #[test]
    fn refuses_what_routers_tidy_up() {
        for uri in [
            "",
            "*",
            "containers/json",
            "//containers/json",
            "/containers//json",
            "/containers/json/",
            "/./containers/json",
            "/a/../containers/json",
            "/%2e%2e/containers/json",
            "/containers%2Fjson",
            "/containers/a%2fb/start",
            "/containers/%00/start",
            "/containers/a%25/start",
            "/containers/%zz/start",
            "/containers/%4",
            "/containers/é/start",
            "/containers/a b/start",
            "/containers/a\\b/start",
            "/containers/%0a/start",
            "/containers/json#x",
            "http://host",
            "http:containers/json",
            "http://host?x=/containers/json",
            "ftp://host/containers/json",
            "/containers/json?a=%zz",
            "/containers/json?a=1;b=2",
            "/containers/json?a=%00",
            "/v1.41",
            "/",
        ] {
            let is_refused = match parse(uri) {
                Err(Undecided::Uri { .. }) => true,
                Ok(uri) => uri.segments.is_empty(),
                Err(_) => false,
            };
            assert!(is_refused, "{uri}: {:?}", parse(uri));
        }
    }

    #[test]
    fn old_and_strange_versions_are_refused() {
        for version in
            ["1.18", "1.23", "1.0", "1", "0.9", "2.0", "1.024", "1.24.1", "1.", "1.9999", "1.24x", "1.2４"]
        {
            let refused = parse(&format!("/v{version}/containers/x/start"));
            assert!(
                matches!(refused, Err(Undecided::Version(_) | Undecided::Uri { .. })),
                "{version}: {refused:?}"
            );
        }
        // Not a version: a path that no engine has.
        assert_eq!(path("/version"), Ok("version".to_owned()));
    }

    #[test]
    fn queries_are_decoded_once() {
        let uri = parse("/containers/json?all=1&filters=%7B%22a%22%3A1%7D&x&y=a+b%2Bc").unwrap();
        let expected = [("all", "1"), ("filters", "{\"a\":1}"), ("x", ""), ("y", "a b+c")];
        assert_eq!(uri.query, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }

    proptest! {
        #[test]
        fn never_panics(uri in "\\PC{0,60}", escaped in "/(v1.41/)?([a-z%0-9A-F./?&=+;]){0,60}") {
            let _ = parse(&uri);
            if let Ok(uri) = parse(&escaped) {
                for segment in &uri.segments {
                    prop_assert!(!segment.is_empty() && segment != ".." && !segment.contains(['/', '%']));
                }
            }
        }
    }
}
