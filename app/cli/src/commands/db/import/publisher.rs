//! What a publisher said once and says no more.

use std::collections::BTreeSet;

use lazaret_advisory::Feed;

/// Publishers of several distributions, with how the `ID`s of these begin. All others publish for themselves.
const PUBLISHERS: &[&[&str]] =
    &[&["sle", "suse", "opensuse"], &["rhel", "centos"], &["azurelinux", "mariner", "cbl-mariner"]];

/// The feeds that a newer import leaves without a word: they came by one import with a feed that it has, of the same
/// format and publisher. They go with what they came with. What else came by that import, as of a folder with the files
/// of many, is somebody else's and stays.
pub(super) fn silenced<'f>(before: &'f [Feed], told: &BTreeSet<String>) -> impl Iterator<Item = &'f Feed> {
    let renewed: Vec<(&Feed, (&str, &str))> = before
        .iter()
        .filter(|feed| told.contains(&feed.name) && feed.source.is_some())
        .filter_map(|feed| Some((feed, publisher(&feed.name)?)))
        .collect();
    before.iter().filter(move |feed| {
        let by = publisher(&feed.name);
        renewed.iter().any(|(newer, publisher)| by == Some(*publisher) && newer.source == feed.source)
    })
}

/// Format and publisher of `oval-sles`; none of a feed that is nobody's in particular.
fn publisher(feed: &str) -> Option<(&str, &str)> {
    let (format, distribution) = feed.split_once('-')?;
    let mut houses =
        PUBLISHERS.iter().filter(|house| house.iter().any(|start| distribution.starts_with(start)));
    Some((format, houses.next().and_then(|house| house.first()).copied().unwrap_or(distribution)))
}

#[cfg(test)]
mod tests {
    use lazaret_model::Digest;

    use super::*;

    #[test]
    fn only_the_same_publishers_feeds_of_the_same_import_are_silenced() {
        let feed = |name: &str, source: u8| Feed {
            source: (source > 0).then(|| Digest::from_bytes([source; 32])),
            ..Feed::new(name)
        };
        let before = [
            feed("oval-sles", 1),
            feed("oval-opensuse", 1),
            // Of the same archive: another publisher's, another format's, and nobody's in particular.
            feed("oval-debian", 1),
            feed("csaf-opensuse", 1),
            feed("kev", 1),
            // Of another archive, and of several.
            feed("oval-suse", 2),
            feed("oval-sled", 0),
        ];
        let silenced = |told: &[&str]| -> Vec<&str> {
            let told = told.iter().map(|name| (*name).to_owned()).collect();
            silenced(&before, &told).map(|feed| feed.name.as_str()).collect()
        };
        assert_eq!(silenced(&["oval-sles"]), ["oval-sles", "oval-opensuse"]);
        assert_eq!(silenced(&["oval-debian"]), ["oval-debian"]);
        assert_eq!(silenced(&["oval-suse"]), ["oval-suse"]);
        for alone in ["oval-sled", "kev", "oval-alpine", "osv"] {
            assert!(silenced(&[alone]).is_empty(), "{alone}");
        }
    }
}
