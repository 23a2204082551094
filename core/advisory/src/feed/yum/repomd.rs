use super::Checksum;
use crate::feed::FeedError;
use crate::feed::xml::{Node, Xml, XmlError};

/// What Lazaret needs of a `repomd.xml`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RepositoryIndex {
    /// Where the updates are described; repositories of a release itself have none.
    pub updateinfo: Option<IndexedFile>,
    /// When the newest of its files was made, in seconds since 1970: a later index has a later one.
    pub made: Option<u64>,
}

/// A file that the index lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedFile {
    /// Below the repository's address.
    pub location: String,
    pub checksum: Checksum,
    /// Bytes of the file as it is stored.
    pub size: Option<u64>,
}

/// Reads a `repomd.xml`.
pub fn repomd(bytes: &[u8]) -> Result<RepositoryIndex, FeedError> {
    read(bytes).map_err(|error| FeedError::not("a repository's repomd.xml", &error))
}

fn read(bytes: &[u8]) -> Result<RepositoryIndex, XmlError> {
    let mut xml = Xml::new(bytes)?;
    let (mut index, mut is_repomd) = (RepositoryIndex::default(), false);
    while let Some(node) = xml.next()? {
        let Node::Open(tag) = node else { continue };
        match tag.name() {
            "repomd" => is_repomd = true,
            "data" => {
                let is_updateinfo = tag.attribute("type").as_deref() == Some("updateinfo");
                let (file, made) = data(&mut xml)?;
                if is_updateinfo {
                    index.updateinfo = file;
                }
                index.made = index.made.max(made);
            }
            _ => {}
        }
    }
    if is_repomd { Ok(index) } else { Err(XmlError::Syntax { at: 0, reason: "no `repomd`".to_owned() }) }
}

/// One file that is listed, and when it was made. No file if it is not said where it is and what its digest is.
fn data(xml: &mut Xml<'_>) -> Result<(Option<IndexedFile>, Option<u64>), XmlError> {
    let own = xml.depth();
    let (mut location, mut checksum, mut size, mut made) = (None, None, None, None);
    while xml.depth() >= own {
        let Node::Open(tag) = xml.next()?.ok_or(XmlError::End)? else { continue };
        match tag.name() {
            "location" => location = tag.attribute("href").map(std::borrow::Cow::into_owned),
            "size" => size = xml.text()?.trim().parse().ok(),
            // Some tools write fractions of seconds.
            "timestamp" => made = xml.text()?.trim().split('.').next().and_then(|text| text.parse().ok()),
            "checksum" => {
                let kind = tag.attribute("type").unwrap_or_default().into_owned();
                checksum = Some(Checksum::new(&kind, &xml.text()?));
            }
            _ => {}
        }
    }
    let known = location.zip(checksum);
    Ok((known.map(|(location, checksum)| IndexedFile { location, checksum, size }), made))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INDEX: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
      <repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm"><revision>17</revision>
      <data type="primary"><checksum type="sha256">11</checksum><location href="repodata/11-primary.xml.gz"/><timestamp>1700000000.25</timestamp></data>
      <data type="updateinfo"><checksum type="sha256">AA</checksum><open-checksum type="sha256">bb</open-checksum>
       <location href="repodata/aa-updateinfo.xml.gz"/><timestamp>1</timestamp><size>123</size><open-size>9</open-size></data>
      <data type="updateinfo_zck"><checksum type="sha256">cc</checksum><location href="x.zck"/></data></repomd>"#;

    #[test]
    fn updates_are_found_among_other_files() {
        let index = repomd(INDEX.as_bytes()).unwrap();
        assert_eq!(index.made, Some(1_700_000_000), "the newest of all files");
        let file = index.updateinfo.unwrap();
        assert_eq!((file.location.as_str(), file.size), ("repodata/aa-updateinfo.xml.gz", Some(123)));
        assert_eq!((file.checksum.kind.as_str(), file.checksum.hex.as_str()), ("sha256", "aa"));
        assert_eq!(repomd(b"<repomd/>").unwrap().updateinfo, None);
        assert!(repomd(b"<html></html>").is_err());
        assert!(repomd(&INDEX.as_bytes()[..INDEX.len() - 20]).is_err());
    }

    proptest! {
        #[test]
        fn any_index_is_read(bytes: Vec<u8>, at: proptest::sample::Index, with in "[<>/&a-z\"=! ]{0,4}", cut in 0usize..40) {
            let _ = repomd(&bytes);
            let at = at.index(INDEX.len());
            if let (Some(start), Some(end)) = (INDEX.get(..at), INDEX.get((at + cut).min(INDEX.len())..)) {
                let _ = repomd(format!("{start}{with}{end}").as_bytes());
            }
        }
    }
}
