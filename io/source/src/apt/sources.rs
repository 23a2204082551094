//! All roots' entries as one list that apt accepts: no repository twice, nothing that a root may not say.

use std::collections::BTreeMap;

use lazaret_model::{Problem, ProblemKind};

use super::entry::{SourceEntry, entries};
use super::root::{AptRoot, is_list};

/// One repository at one suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) uri: String,
    pub(super) suite: String,
    pub(super) components: Vec<String>,
    pub(super) check_valid_until: Option<bool>,
    pub(super) check_date: Option<bool>,
    pub(super) keys: Keys,
}

/// Which keys of this machine a repository must be signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Keys {
    /// Those that the machine believes for every repository.
    Trusted,
    /// Those of Debian's archive alone.
    Archive,
    /// Key files, which a root's administrator named, or fingerprints.
    Named(Vec<String>),
    /// A key that the administrator wrote into the entry.
    Inline(String),
}

/// The list, and what had to be left out. Roots of this machine come before images.
pub(super) fn merge(roots: &[AptRoot], architecture: &str) -> (Vec<Source>, Vec<Problem>) {
    let mut all: Vec<Source> = Vec::new();
    let mut known: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut problems = Vec::new();
    let (machine, images): (Vec<_>, Vec<_>) = roots.iter().partition(|root| root.directory.is_some());
    for root in machine.into_iter().chain(images) {
        problems.extend(root.problems.iter().cloned());
        for (path, bytes) in &root.files {
            let Some(format) = is_list(path) else { continue };
            for entry in entries(format, bytes) {
                if !entry.architectures.is_empty()
                    && !entry.architectures.iter().any(|known| known == architecture)
                {
                    continue;
                }
                for (uri, suite) in
                    entry.uris.iter().flat_map(|uri| entry.suites.iter().map(move |suite| (uri, suite)))
                {
                    let source = match source(root, &entry, uri, suite) {
                        Ok(source) => source,
                        Err(reason) => {
                            let subject = format!("{path} of {}", root.name);
                            problems.push(Problem::new(ProblemKind::Unsupported, subject, reason));
                            continue;
                        }
                    };
                    let at = *known.entry((source.uri.clone(), source.suite.clone())).or_insert(all.len());
                    match all.get_mut(at) {
                        // Who comes first decides by which keys.
                        Some(first) => first.components.extend(source.components),
                        None => all.push(source),
                    }
                }
            }
        }
    }
    for source in &mut all {
        source.components.sort();
        source.components.dedup();
    }
    (all, problems)
}

fn source(root: &AptRoot, entry: &SourceEntry, uri: &str, suite: &str) -> Result<Source, String> {
    let is_image = root.directory.is_none();
    let uri = uri.trim_end_matches('/');
    let shown = without_password(uri);
    if !uri.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\' | b'$')) || uri.is_empty() {
        return Err("a mirror's address has characters that none has".to_owned());
    }
    let plain = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'/' | b'~' | b'+' | b'-'))
    };
    if suite.ends_with('/') {
        return Err(format!("{shown} is a flat repository, which Debian has none of"));
    }
    if !plain(suite)
        || !entry.components.iter().all(|component| plain(component))
        || entry.components.is_empty()
    {
        return Err(format!("the suite or the components of {shown} have characters that none has"));
    }
    let scheme = uri.split_once(':').map_or("", |(scheme, _)| scheme);
    if is_image && !matches!(scheme, "http" | "https") {
        return Err(format!("{shown} is not reached by HTTP, and an image may name nothing else"));
    }
    if scheme == "cdrom" {
        return Err(format!("{shown} is a disk to be put in"));
    }
    let keys = match &entry.key {
        _ if is_image => Keys::Archive,
        Some(key) => Keys::Inline(key.clone()),
        None if entry.signed_by.is_empty() => Keys::Trusted,
        None => Keys::Named(entry.signed_by.clone()),
    };
    Ok(Source {
        uri: uri.to_owned(),
        suite: suite.to_owned(),
        components: entry.components.clone(),
        check_valid_until: entry.check_valid_until.filter(|_| !is_image),
        check_date: entry.check_date.filter(|_| !is_image),
        keys,
    })
}

/// An address for people: what stands before `@` may be a password.
pub(super) fn without_password(uri: &str) -> String {
    match uri.split_once("://").map(|(scheme, rest)| (scheme, rest.split_once('/').unwrap_or((rest, "")))) {
        Some((scheme, (host, path))) if host.contains('@') => {
            let host = host.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}/{path}")
        }
        _ => uri.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(directory: bool, list: &str) -> AptRoot {
        let files = vec![("etc/apt/sources.list".to_owned(), list.as_bytes().to_vec())];
        AptRoot { directory: directory.then(|| "/".into()), ..AptRoot::image("an image", files) }
    }

    #[test]
    fn one_repository_is_listed_once_and_the_machine_decides_its_keys() {
        let image = root(
            false,
            "deb [signed-by=/evil.gpg trusted=yes check-valid-until=no] http://m.example/debian/ bookworm contrib\n\
            deb http://i.example/debian bookworm main",
        );
        let machine = root(true, "deb [signed-by=/good.gpg] http://m.example/debian bookworm main");
        let (sources, problems) = merge(&[image, machine], "amd64");
        assert_eq!(problems, []);
        assert_eq!(sources.len(), 2);
        assert_eq!(sources[0].components, ["contrib", "main"]);
        assert_eq!(sources[0].keys, Keys::Named(vec!["/good.gpg".into()]));
        assert_eq!(sources[0].check_valid_until, None);
        assert_eq!(sources[1].keys, Keys::Archive);
    }

    #[test]
    fn an_image_says_only_what_it_may() {
        let list = "deb file:/etc x main\ndeb cdrom:[x]/ x main\ndeb copy:/x x main\ndeb mirror+file:/x x main\n\
            deb ssh://u:p@h/x x main\ndeb http://m.example/$(ARCH) x main\ndeb http://m.example ./\n\
            deb http://m.example x\"; main\ndeb http://m.example x a;b\n";
        let (sources, problems) = merge(&[root(false, list)], "amd64");
        assert_eq!(sources, []);
        assert_eq!(problems.len(), 9, "{problems:#?}");
        assert!(!format!("{problems:?}").contains("u:p"));
        let (sources, _) = merge(&[root(true, "deb file:/srv/mirror x main")], "amd64");
        assert_eq!(sources.len(), 1);
    }

    #[test]
    fn other_architectures_are_left_out() {
        let (sources, _) = merge(&[root(true, "deb [arch=arm64] http://m.example x main")], "amd64");
        assert_eq!(sources, []);
    }
}
