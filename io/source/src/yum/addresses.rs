//! Where a repository lies: its own addresses, and those that mirror lists and metalinks name.

use lazaret_advisory::feed::yum::{Checksum, metalink};
use reqwest::Url;

use super::network::{Network, NetworkError};
use super::repository::{Repository, is_elsewhere, shown};

/// What a list of mirrors came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Addresses {
    pub(super) bases: Vec<Url>,
    /// The digests that `repomd.xml` may have; none: it is not known.
    pub(super) checksums: Vec<Checksum>,
    /// Whether the digests came over TLS.
    pub(super) is_sure: bool,
}

/// Mirrors that are tried before a repository counts as failed.
const MOST_TRIED: usize = 5;
/// Largest list of mirrors.
const MOST_BYTES: u64 = 4 << 20;

/// The addresses to be tried, in their order.
pub(super) async fn addresses(
    repository: &Repository,
    network: &Network<'_>,
) -> Result<Addresses, NetworkError> {
    let mut found = Addresses { bases: repository.bases.clone(), ..Addresses::default() };
    let mut failure = None;
    // Who names addresses of its own needs no list.
    let lists = repository.lists.iter().filter(|_| repository.bases.is_empty());
    for list in lists {
        match network.get(list, MOST_BYTES).await.and_then(|bytes| read(list, &bytes, repository.is_image)) {
            Ok(read) => {
                found = read;
                break;
            }
            Err(error) => failure = Some(error),
        }
    }
    found.bases.truncate(MOST_TRIED);
    match failure {
        Some(failure) if found.bases.is_empty() => Err(failure),
        _ => Ok(found),
    }
}

/// A metalink, or one address a line.
fn read(list: &Url, bytes: &[u8], is_image: bool) -> Result<Addresses, NetworkError> {
    let fail = |why: String| NetworkError::Setting { what: shown(list), why };
    let (texts, checksums) = match bytes.trim_ascii_start().starts_with(b"<") {
        true => {
            let found = metalink(bytes).map_err(|error| fail(error.to_string()))?;
            // With weak digests only, the metalink says nothing of the content.
            let bases = found.addresses.iter().filter_map(|it| it.strip_suffix("repodata/repomd.xml"));
            (bases.map(str::to_owned).collect::<Vec<_>>(), found.checksums)
        }
        false => {
            let text = String::from_utf8_lossy(bytes);
            (text.lines().take(1_000).map(|line| line.trim().to_owned()).collect(), Vec::new())
        }
    };
    let usable = |text: &String| {
        let mut url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        (!is_image || is_elsewhere(&url)).then_some(url)
    };
    let bases: Vec<Url> = texts.iter().filter_map(usable).collect();
    if bases.is_empty() {
        return Err(fail("it names no mirror that is reached by HTTP".to_owned()));
    }
    Ok(Addresses { bases, checksums, is_sure: list.scheme() == "https" })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list() -> Url {
        Url::parse("https://l.example/list").unwrap()
    }

    #[test]
    fn lists_name_mirrors_reached_by_http() {
        let text =
            "# mirrors\nrsync://a.example/x\nhttp://a.example/x\nhttps://b.example/x/\nhttp://127.0.0.1/x\n";
        let bases = |is_image| {
            let found = read(&list(), text.as_bytes(), is_image).unwrap();
            found.bases.iter().map(Url::to_string).collect::<Vec<_>>()
        };
        assert_eq!(bases(true), ["http://a.example/x/", "https://b.example/x/"]);
        assert_eq!(bases(false).len(), 3);
        assert!(read(&list(), b"<html>no</html>", false).is_err());
        assert!(read(&list(), b"", false).is_err());
    }

    proptest! {
        #[test]
        fn any_list_is_read(bytes: Vec<u8>) {
            let _ = read(&list(), &bytes, true);
        }
    }
}
