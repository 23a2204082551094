//! Extended headers (POSIX pax), as Go's `parsePAX` and `mergePAX` read them.

/// The largest extended header or long name; Go reads no larger one.
pub(super) const LARGEST: u64 = 1 << 20;

/// What the records of one extended header say, as far as it matters here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pax {
    pub(super) path: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) size: Option<i64>,
    pub(super) uid: Option<i64>,
    pub(super) gid: Option<i64>,
    /// The member has file capabilities.
    pub(super) capable: bool,
    pub(super) sparse: SparseRecords,
    /// What is wrong without keeping the member from being read.
    pub(super) odd: Option<&'static str>,
}

/// GNU's three ways to write the holes of a file into pax records.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SparseRecords {
    pub(super) major: Vec<u8>,
    pub(super) minor: Vec<u8>,
    pub(super) name: Vec<u8>,
    pub(super) size: Vec<u8>,
    pub(super) real_size: Vec<u8>,
    pub(super) blocks: Vec<u8>,
    /// `offset,length,…`; the separate records of version 0.0 are joined into it.
    pub(super) map: Vec<u8>,
}

impl Pax {
    /// Whether anything is said that this reader acts on.
    pub(super) fn matters(&self) -> bool {
        *self != Self::default()
    }
}

/// Reads all records; the error says what is wrong with the first bad one.
pub(super) fn parse(mut bytes: &[u8]) -> Result<Pax, &'static str> {
    let mut pax = Pax::default();
    let mut split_map: Vec<&[u8]> = Vec::new();
    while !bytes.is_empty() {
        let (key, value, rest) = record(bytes)?;
        bytes = rest;
        let text = || std::str::from_utf8(value).ok();
        let own = || value.to_vec();
        match key {
            b"GNU.sparse.offset" | b"GNU.sparse.numbytes" => {
                let is_offset = key == b"GNU.sparse.offset";
                if split_map.len().is_multiple_of(2) != is_offset || value.contains(&b',') {
                    return Err("an extended header lists its holes in disorder");
                }
                split_map.push(value);
            }
            // An empty value takes back what a global header said; Go applies no global header.
            b"path" if !value.is_empty() => pax.path = own(),
            b"linkpath" if !value.is_empty() => pax.link = own(),
            b"path" => pax.path.clear(),
            b"linkpath" => pax.link.clear(),
            b"size" if value.is_empty() => pax.size = None,
            b"size" => {
                let size = text().and_then(|text| text.parse().ok());
                pax.size = Some(size.ok_or("an extended header's size is not a number")?);
            }
            b"uid" | b"gid" => {
                let id = text().and_then(|text| text.parse().ok());
                if id.is_none() && !value.is_empty() {
                    pax.odd = Some("the owner is not a number");
                }
                *(if key == b"uid" { &mut pax.uid } else { &mut pax.gid }) = id;
            }
            // As Go's and GNU tar's extended attributes are called; engines read no others.
            b"SCHILY.xattr.security.capability" => pax.capable = !value.is_empty(),
            b"atime" | b"mtime" | b"ctime" if !value.is_empty() && !is_time(value) => {
                pax.odd = Some("the time is not a number");
            }
            b"GNU.sparse.major" => pax.sparse.major = own(),
            b"GNU.sparse.minor" => pax.sparse.minor = own(),
            b"GNU.sparse.name" => pax.sparse.name = own(),
            b"GNU.sparse.size" => pax.sparse.size = own(),
            b"GNU.sparse.realsize" => pax.sparse.real_size = own(),
            b"GNU.sparse.numblocks" => pax.sparse.blocks = own(),
            b"GNU.sparse.map" => pax.sparse.map = own(),
            _ => {}
        }
    }
    if !split_map.is_empty() {
        pax.sparse.map = split_map.join(&b","[..]);
    }
    Ok(pax)
}

/// Seconds, perhaps negative and with a fraction.
fn is_time(value: &[u8]) -> bool {
    let mut parts = value.splitn(2, |&byte| byte == b'.');
    let seconds = parts.next().and_then(|part| std::str::from_utf8(part).ok()?.parse::<i64>().ok());
    seconds.is_some() && parts.next().is_none_or(|fraction| fraction.iter().all(u8::is_ascii_digit))
}

/// Key, value, and what follows.
type Record<'a> = (&'a [u8], &'a [u8], &'a [u8]);

/// `LENGTH KEY=VALUE\n`, where the length counts the whole record.
fn record(bytes: &[u8]) -> Result<Record<'_>, &'static str> {
    const BAD: &str = "an extended header has a malformed record";
    let space = bytes.iter().position(|&byte| byte == b' ').ok_or(BAD)?;
    let length: usize =
        std::str::from_utf8(&bytes[..space]).ok().and_then(|text| text.parse().ok()).ok_or(BAD)?;
    if length < 5 || length > bytes.len() || length <= space + 1 || bytes[length - 1] != b'\n' {
        return Err(BAD);
    }
    let pair = &bytes[space + 1..length - 1];
    let equals = pair.iter().position(|&byte| byte == b'=').ok_or(BAD)?;
    let (key, value) = (&pair[..equals], &pair[equals + 1..]);
    // A NUL would end the name for some readers and not for others.
    let named = matches!(key, b"path" | b"linkpath" | b"uname" | b"gname");
    if key.is_empty() || key.contains(&0) || named && value.contains(&0) {
        return Err(BAD);
    }
    Ok((key, value, &bytes[length..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixture;
    use super::*;

    fn records(pairs: &[(&str, &str)]) -> Vec<u8> {
        pairs.iter().flat_map(|(key, value)| fixture::pax_record(key, value.as_bytes())).collect()
    }

    #[test]
    fn reads_records() {
        let pairs =
            [("path", "some/name"), ("size", "10"), ("uid", "-5"), ("linkpath", "a=b\nc d"), ("comment", "")];
        let pax = parse(&records(&pairs)).unwrap();
        assert_eq!((pax.path.as_slice(), pax.link.as_slice()), (&b"some/name"[..], &b"a=b\nc d"[..]));
        assert_eq!((pax.size, pax.uid, pax.gid), (Some(10), Some(-5), None));
        for (time, good) in
            [("1", true), ("-1.5", true), ("1.", true), ("x", false), ("1.5x", false), ("1.-5", false)]
        {
            assert_eq!(parse(&records(&[("mtime", time)])).unwrap().odd.is_none(), good, "{time}");
        }
        assert_eq!(parse(&records(&[("path", "a"), ("path", "")])).unwrap(), Pax::default());
        let capable =
            |value| parse(&records(&[("SCHILY.xattr.security.capability", value)])).unwrap().capable;
        assert!(capable("\x01\0\0\x02\0\x04") && !capable(""));
    }

    #[test]
    fn joins_the_split_map_of_sparse_0_0() {
        let (offset, length) = ("GNU.sparse.offset", "GNU.sparse.numbytes");
        let pax = parse(&records(&[(offset, "0"), (length, "5"), (offset, "99"), (length, "1")]));
        assert_eq!(pax.unwrap().sparse.map, b"0,5,99,1");
        assert!(parse(&records(&[(length, "5")])).is_err());
        assert!(parse(&records(&[(offset, "5"), (offset, "6")])).is_err());
        assert!(parse(&records(&[(offset, "5,6")])).is_err());
    }

    #[test]
    fn refuses_what_go_refuses() {
        for bad in [
            &b"x"[..],
            b"5 a=\n\0",
            b"4 a=\n",
            b"99 path=x\n",
            b"9 path=xy\n",
            b"8 path=x ",
            b"11 pa\0th=x\n",
            b"11 path=x\0y\n",
            b"7 noeq\n",
            b"6 =ab\n",
            b"11 size=1x\n",
            b"30 size=99999999999999999999\n",
        ] {
            assert!(parse(bad).is_err(), "{:?}", String::from_utf8_lossy(bad));
        }
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn takes_any_records(pairs in proptest::collection::vec(("[a-zA-Z.]{1,12}|path|size|uid|GNU\\.sparse\\.map", "\\PC{0,20}"), 0..6)) {
            let bytes: Vec<u8> =
                pairs.iter().flat_map(|(key, value)| fixture::pax_record(key, value.as_bytes())).collect();
            if let Err(why) = parse(&bytes) {
                prop_assert!(why.contains("size"), "{why}");
            }
        }
    }
}
