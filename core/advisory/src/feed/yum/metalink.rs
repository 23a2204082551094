use super::Checksum;
use crate::feed::FeedError;
use crate::feed::xml::{Node, Xml, XmlError};

/// Where a `repomd.xml` lies, and which digests it may have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metalink {
    /// Addresses of the `repomd.xml` itself, the preferred one first.
    pub addresses: Vec<String>,
    /// Of the newest one first, then of those that slower mirrors still have. Weak ones are left out.
    pub checksums: Vec<Checksum>,
}

const MOST_ADDRESSES: usize = 1_000;
const MOST_CHECKSUMS: usize = 100;

/// Reads a metalink.
pub fn metalink(bytes: &[u8]) -> Result<Metalink, FeedError> {
    read(bytes).map_err(|error| FeedError::not("a metalink", &error))
}

fn read(bytes: &[u8]) -> Result<Metalink, XmlError> {
    let mut xml = Xml::new(bytes)?;
    let (mut found, mut addresses, mut is_metalink) = (Metalink::default(), Vec::new(), false);
    while let Some(node) = xml.next()? {
        let Node::Open(tag) = node else { continue };
        match tag.name() {
            "metalink" => is_metalink = true,
            "file" if tag.attribute("name").as_deref() != Some("repomd.xml") => xml.skip()?,
            "hash" => {
                let kind = tag.attribute("type").unwrap_or_default().replace('-', "");
                let checksum = Checksum::new(&kind, &xml.text()?);
                if checksum.is_strong() && found.checksums.len() < MOST_CHECKSUMS {
                    found.checksums.push(checksum);
                }
            }
            "url" if addresses.len() < MOST_ADDRESSES => {
                let preference: u32 = tag.attribute("preference").and_then(|it| it.parse().ok()).unwrap_or(0);
                addresses.push((std::cmp::Reverse(preference), xml.text()?.trim().to_owned()));
            }
            _ => {}
        }
    }
    addresses.sort_by_key(|(preference, _)| *preference);
    found.addresses = addresses.into_iter().map(|(_, address)| address).collect();
    if is_metalink { Ok(found) } else { Err(XmlError::Syntax { at: 0, reason: "no `metalink`".to_owned() }) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LINK: &str = r#"<?xml version="1.0" encoding="utf-8"?>
      <metalink version="3.0" xmlns="http://www.metalinker.org/" xmlns:mm0="http://fedorahosted.org/mirrormanager"><files>
      <file name="other"><resources><url preference="100">http://no.example/</url></resources></file>
      <file name="repomd.xml"><mm0:timestamp>1</mm0:timestamp><verification><hash type="md5">00</hash>
       <hash type="sha256">e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855</hash></verification>
       <mm0:alternates><mm0:alternate><verification><hash type="sha256">f3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855</hash></verification></mm0:alternate></mm0:alternates>
       <resources maxconnections="1"><url protocol="rsync" preference="90">rsync://b.example/repodata/repomd.xml</url>
       <url protocol="https" preference="100">https://a.example/repodata/repomd.xml</url></resources></file></files></metalink>"#;

    #[test]
    fn mirrors_come_in_their_order_with_strong_digests() {
        let found = metalink(LINK.as_bytes()).unwrap();
        assert_eq!(
            found.addresses,
            ["https://a.example/repodata/repomd.xml", "rsync://b.example/repodata/repomd.xml"]
        );
        assert_eq!(found.checksums.len(), 2);
        assert!(found.checksums[0].is_of(b""));
        assert!(metalink(b"http://a.example/\n").is_err());
    }

    proptest! {
        #[test]
        fn any_metalink_is_read(bytes: Vec<u8>, at: proptest::sample::Index, with in "[<>/&a-z\"=! ]{0,4}", cut in 0usize..40) {
            let _ = metalink(&bytes);
            let at = at.index(LINK.len());
            if let (Some(start), Some(end)) = (LINK.get(..at), LINK.get((at + cut).min(LINK.len())..)) {
                let _ = metalink(format!("{start}{with}{end}").as_bytes());
            }
        }
    }
}
