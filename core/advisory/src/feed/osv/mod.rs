//! Advisories in the OSV format (Open Source Vulnerability schema 1.x): one JSON document or an array of
//! them, of which those for Debian releases become rows.

mod document;
mod range;
mod rows;

use std::collections::BTreeMap;
use std::fmt;

use lazaret_model::{Advisory, Limits, Problem};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use document::Document;

/// The name of this feed in [`Advisory::feed`](lazaret_model::Advisory).
pub const FEED: &str = "osv";

/// What a file of OSV documents gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OsvFeed {
    pub advisories: Vec<Advisory>,
    /// Documents read, whatever came of them.
    pub documents: u64,
    /// Documents that were taken back by their publisher.
    pub withdrawn: u64,
    /// Affected packages passed over, by ecosystem: those that Lazaret has no packages of.
    pub unknown_ecosystems: BTreeMap<String, u64>,
    /// What was passed over although its ecosystem is known.
    pub problems: Vec<Problem>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OsvError {
    #[error("the file has {bytes} bytes, and at most {limit} are read")]
    Size { bytes: usize, limit: u64 },
    #[error("document {document} is not an OSV document: {reason}")]
    Document { document: String, reason: String },
    #[error("the file is neither one JSON document nor an array of them: {0}")]
    Json(String),
}

/// Most rows that one file may give: rows are what stays in memory.
const MOST_ROWS: usize = 5_000_000;

/// Reads one document or an array. Either the whole file is read or none of it.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<OsvFeed, OsvError> {
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limits.kept_bytes {
        return Err(OsvError::Size { bytes: bytes.len(), limit: limits.kept_bytes });
    }
    let mut reading = Reading { feed: OsvFeed::default(), failure: None };
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read = json.deserialize_any(File(&mut reading)).and_then(|()| json.end());
    match (read, reading.failure) {
        (_, Some(failure)) => Err(failure),
        (Err(error), None) => Err(OsvError::Json(error.to_string())),
        (Ok(()), None) => Ok(reading.feed),
    }
}

/// Documents are read one by one, so that an array of any length needs the memory of one document.
struct Reading {
    feed: OsvFeed,
    /// Serde's errors are texts: the typed one is kept here.
    failure: Option<OsvError>,
}

impl Reading {
    fn document(&mut self, value: serde_json::Value) -> Result<(), OsvError> {
        self.feed.documents += 1;
        let name = match value.get("id").and_then(serde_json::Value::as_str) {
            Some(id) => format!("`{}`", super::line::one_line(id, 80)),
            None => format!("{}", self.feed.documents),
        };
        let fail = |reason: String| OsvError::Document { document: name.clone(), reason };
        let document: Document = serde_json::from_value(value).map_err(|error| fail(error.to_string()))?;
        document.check().map_err(|reason| fail(reason.to_owned()))?;
        rows::add(document, &mut self.feed);
        if self.feed.advisories.len() > MOST_ROWS {
            return Err(fail(format!("the file gives more than {MOST_ROWS} rows up to here")));
        }
        Ok(())
    }

    fn take<E: serde::de::Error>(&mut self, value: serde_json::Value) -> Result<(), E> {
        self.document(value).map_err(|failure| {
            let text = failure.to_string();
            self.failure = Some(failure);
            E::custom(text)
        })
    }
}

struct File<'r>(&'r mut Reading);

impl<'de> Visitor<'de> for File<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an OSV document or an array of them")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut object = serde_json::Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if object.insert(key, map.next_value()?).is_some() {
                return Err(A::Error::custom("a field stands twice"));
            }
        }
        self.0.take(object.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        while sequence.next_element_seed(Element(self.0))?.is_some() {}
        Ok(())
    }
}

struct Element<'r>(&'r mut Reading);

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let value = <serde_json::Value as serde::Deserialize>::deserialize(deserializer)?;
        self.0.take(value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ONE: &str = r#"{"id":"DEBIAN-CVE-2024-1234","schema_version":"1.7.3","modified":"2024-01-01T00:00:00Z",
        "upstream":["CVE-2024-1234"],"affected":[{"package":{"ecosystem":"Debian:12","name":"foo"},
        "ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.2-3+deb12u1"}]}]}]}"#;

    fn read(text: &str) -> Result<OsvFeed, OsvError> {
        parse(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn reads_one_document_and_arrays() {
        let one = read(ONE).unwrap();
        assert_eq!((one.documents, one.advisories.len()), (1, 1));
        let many = read(&format!("[{ONE},{ONE}]")).unwrap();
        assert_eq!((many.documents, many.advisories.len()), (2, 2));
        assert_eq!(read("[]").unwrap(), OsvFeed::default());
    }

    #[test]
    fn errors_name_the_document() {
        let error = read(&format!("[{ONE},{{\"id\":\"X-1\",\"affected\":3}}]")).unwrap_err();
        assert!(error.to_string().starts_with("document `X-1` is not an OSV document: "), "{error}");
        let error = read(&format!("[{ONE},{{}}]")).unwrap_err();
        assert!(
            error.to_string().starts_with("document 2 is not an OSV document: missing field `id`"),
            "{error}"
        );
        let newer = ONE.replace("1.7.3", "2.0.0");
        let error = read(&newer).unwrap_err();
        assert!(error.to_string().contains("schema 1.x"), "{error}");
        assert!(matches!(read("3"), Err(OsvError::Json(_))));
        assert!(matches!(read(""), Err(OsvError::Json(_))));
        assert!(matches!(read(&ONE[..100]), Err(OsvError::Json(_))));
        assert!(matches!(read(&format!("{ONE}{ONE}")), Err(OsvError::Json(_))));
        assert!(matches!(read(&"[".repeat(100_000)), Err(OsvError::Json(_) | OsvError::Document { .. })));
        let limits = Limits { kept_bytes: 10, ..Limits::default() };
        assert!(matches!(parse(ONE.as_bytes(), &limits), Err(OsvError::Size { limit: 10, .. })));
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes, &Limits::default());
        }

        #[test]
        fn changed_documents_are_refused_or_read(at in any::<proptest::sample::Index>(), with in "[\\[\\]{}\",:0-9a-z]{0,4}") {
            let mut text = ONE.to_owned();
            let at = at.index(text.len());
            text.replace_range(at..=at, &with);
            let _ = read(&text);
        }
    }
}
