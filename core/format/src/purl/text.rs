//! The text of package URLs ("Rules for each purl component", "How to build", "How to parse").

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use super::{Purl, PurlError, types};

impl fmt::Display for Purl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pkg:{}", self.kind)?;
        for segment in self.namespace.iter().flat_map(|path| path.split('/')).filter(is_segment) {
            f.write_char('/')?;
            encode(f, segment)?;
        }
        f.write_char('/')?;
        encode(f, &self.name)?;
        if let Some(version) = self.version.as_ref().filter(|version| !version.is_empty()) {
            f.write_char('@')?;
            encode(f, version)?;
        }
        // A map is sorted by key, as the canonical form demands; empty values are the same as none.
        let mut separator = '?';
        for (key, value) in self.qualifiers.iter().filter(|(_, value)| !value.is_empty()) {
            write!(f, "{separator}{key}=")?;
            encode(f, value)?;
            separator = '&';
        }
        let mut separator = '#';
        for segment in self.subpath.iter().flat_map(|path| path.split('/')).filter(is_subpath_segment) {
            f.write_char(separator)?;
            encode(f, segment)?;
            separator = '/';
        }
        Ok(())
    }
}

/// Percent-encodes all but letters, digits, `.-_~` and the colon ("Character encoding").
fn encode(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    // Hardly anything needs an escape: what needs none is written at once.
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' | b':') {
            continue;
        }
        f.write_str(text.get(plain..at).unwrap_or_default())?;
        write!(f, "%{byte:02X}")?;
        plain = at + 1;
    }
    f.write_str(text.get(plain..).unwrap_or_default())
}

impl<'a> Purl<'a> {
    /// Reads a package URL, canonical or not; keys of qualifiers are lowered.
    pub fn parse(text: &'a str) -> Result<Self, PurlError> {
        let scheme = text.get(..4).filter(|scheme| scheme.eq_ignore_ascii_case("pkg:"));
        let rest = scheme.and_then(|_| text.get(4..)).ok_or(PurlError::Scheme)?;
        // From the right: a subpath cannot hold a raw `#`, qualifiers no raw `?`.
        let (rest, subpath) = match rest.rsplit_once('#') {
            Some((rest, subpath)) => (rest, Some(subpath)),
            None => (rest, None),
        };
        let (rest, qualifiers) = match rest.rsplit_once('?') {
            Some((rest, qualifiers)) => (rest, Some(qualifiers)),
            None => (rest, None),
        };
        let (kind, rest) = rest.trim_matches('/').split_once('/').ok_or(PurlError::Name)?;
        // A scope of npm may stand there raw: only what comes after the last slash is a version.
        let name_at = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (path, version) = match rest[name_at..].rfind('@') {
            Some(at) => (&rest[..name_at + at], Some(&rest[name_at + at + 1..])),
            None => (rest, None),
        };
        let (namespace, name) = match path.trim_end_matches('/').rsplit_once('/') {
            // `pkg:maven/@1.0` and `pkg:swift/a/b/@1.0` have no name, whatever stands before.
            _ if path.is_empty() || path.ends_with('/') && version.is_some() => return Err(PurlError::Name),
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, path),
        };
        let mut purl = Self {
            kind: kind.into(),
            namespace: namespace.and_then(|namespace| joined(namespace, is_segment)),
            name: decode(name),
            version: version.filter(|version| !version.is_empty()).map(decode),
            qualifiers: qualifiers.map_or_else(|| Ok(BTreeMap::new()), read_qualifiers)?,
            subpath: subpath.and_then(|subpath| joined(subpath, is_subpath_segment)),
        };
        types::normalize(&mut purl)?;
        types::complete(&purl)?;
        Ok(purl)
    }
}

fn read_qualifiers(text: &str) -> Result<BTreeMap<Cow<'_, str>, Cow<'_, str>>, PurlError> {
    let mut qualifiers = BTreeMap::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let key = types::lower(key.into());
        if !types::is_key(&key) {
            return Err(PurlError::Qualifier);
        }
        if !value.is_empty() {
            qualifiers.insert(key, decode(value));
        }
    }
    Ok(qualifiers)
}

const fn is_segment(segment: &&str) -> bool {
    !segment.is_empty()
}

fn is_subpath_segment(segment: &&str) -> bool {
    !matches!(*segment, "" | "." | "..")
}

/// The path without what is no segment of it. An escaped slash separates as a raw one does, and an escaped dot is one:
/// nobody may hide a `..` from those who read the path.
fn joined(path: &str, is_segment: fn(&&str) -> bool) -> Option<Cow<'_, str>> {
    let whole = decode(path);
    if whole.split('/').all(|segment| is_segment(&segment)) {
        return Some(whole);
    }
    let kept: Vec<&str> = whole.split('/').filter(is_segment).collect();
    (!kept.is_empty()).then(|| kept.join("/").into())
}

/// Undoes percent-encoding; what is no escape stays, and what is not UTF-8 is replaced.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return text.into();
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| after.split_at_checked(2)).flatten();
        let value = escaped.and_then(|(digits, after)| Some((hex(digits)?, after)));
        let (byte, after) = value.unwrap_or((*first, after));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
        .into()
}

fn hex(digits: &[u8]) -> Option<u8> {
    let [high, low] = digits else { return None };
    let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(nibble(*high)? << 4 | nibble(*low)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn encodes_whatever_a_hostile_name_holds() {
        let purl = Purl::new("deb", None, "a/b@c?d#é", None).unwrap();
        assert_eq!(purl.to_string(), "pkg:deb/a%2Fb%40c%3Fd%23%C3%A9");
        assert_eq!(Purl::parse(&purl.to_string()), Ok(purl.clone()));
    }

    #[test]
    fn reads_what_is_not_canonical() {
        let purl = Purl::parse("PKG://NPM/@babel/core@7%2e1?B=&Arch=x%zz#/a/./b/../").unwrap();
        assert_eq!((&*purl.full_name(), purl.version.as_deref()), ("@babel/core", Some("7.1")));
        assert_eq!((purl.qualifier("arch"), purl.qualifier("b")), (Some("x%zz"), None));
        assert_eq!(purl.to_string(), "pkg:npm/%40babel/core@7.1?arch=x%25zz#a/b");
        let hidden = Purl::parse("pkg:generic/x#url=https%3A%2F%2Fr.example/%2e%2e/a%2F..%2Fb").unwrap();
        assert_eq!(hidden.subpath.as_deref(), Some("url=https:/r.example/a/b"));
        assert_eq!(Purl::parse(&hidden.to_string()), Ok(hidden.clone()));
        for (text, error) in [
            ("npm/x", PurlError::Scheme),
            ("pkg:npm", PurlError::Name),
            ("pkg:npm/@1", PurlError::Name),
            ("pkg:npm/a/@1", PurlError::Name),
            ("pkg:1npm/a", PurlError::Kind),
            ("pkg:npm/a?b%20c=1", PurlError::Qualifier),
            ("é", PurlError::Scheme),
        ] {
            assert_eq!(Purl::parse(text), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_what_is_read_is_written_alike(text in "(pkg:[a-z]{0,6}/)?(?s)([/%#?@.]|%2[fFeE]|.){0,40}") {
            if let Ok(purl) = Purl::parse(&text) {
                let canonical = purl.to_string();
                let again = Purl::parse(&canonical).unwrap();
                prop_assert_eq!(&again, &purl);
                prop_assert_eq!(again.to_string(), canonical);
            }
        }
    }
}
