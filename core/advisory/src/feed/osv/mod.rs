//! Advisories in the OSV format (Open Source Vulnerability schema 1.x, <https://ossf.github.io/osv-schema/>): one
//! JSON document, an array of them, or one YAML document.

mod document;
mod ecosystems;
mod names;
mod range;
mod rows;
mod specific;

use std::collections::BTreeMap;
use std::fmt;

use lazaret_model::{Advisory, Limits, Problem, Vulnerability};
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};

use crate::database::Builder;
use document::Document;

/// The name of this feed in [`Advisory::feed`](lazaret_model::Advisory), unless the caller gives another.
pub const FEED: &str = "osv";

/// What OSV documents gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OsvFeed {
    /// As in [`Advisory::feed`](lazaret_model::Advisory).
    pub name: String,
    pub advisories: Vec<Advisory>,
    pub vulnerabilities: Vec<Vulnerability>,
    /// Documents read, whatever came of them.
    pub documents: u64,
    /// Documents that were taken back by their publisher.
    pub withdrawn: Vec<String>,
    /// Documents of distributions that repair errors and are about no vulnerability.
    pub no_security: u64,
    /// Affected packages passed over, by ecosystem: those that Lazaret has no packages of.
    pub unknown_ecosystems: BTreeMap<String, u64>,
    /// What was passed over although its ecosystem is known.
    pub problems: Vec<Problem>,
    /// The documents with something to say: id, and up to where its advisories and vulnerabilities go.
    read: Vec<(String, usize, usize)>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OsvError {
    #[error("the file has {bytes} bytes, and at most {limit} are read")]
    Size { bytes: usize, limit: u64 },
    #[error("document {document} is not an OSV document: {reason}")]
    Document { document: String, reason: String },
    #[error("the file is neither one JSON document nor an array of them: {0}")]
    Json(String),
    #[error("the file is not one YAML document: {0}")]
    Yaml(String),
}

/// Most rows that one file may give: rows are what stays in memory.
const MOST_ROWS: usize = 5_000_000;

/// Reads one document or an array, as feed [`FEED`]. Either the whole file is read or none of it.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<OsvFeed, OsvError> {
    let mut feed = OsvFeed::new(FEED);
    feed.read_json(bytes, limits)?;
    Ok(feed)
}

impl OsvFeed {
    /// Nothing read yet, under the name of a feed.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            advisories: Vec::new(),
            vulnerabilities: Vec::new(),
            documents: 0,
            withdrawn: Vec::new(),
            no_security: 0,
            unknown_ecosystems: BTreeMap::new(),
            problems: Vec::new(),
            read: Vec::new(),
        }
    }

    /// Adds a JSON document, or an array of them. Of a file that cannot be read nothing is added.
    pub fn read_json(&mut self, bytes: &[u8], limits: &Limits) -> Result<(), OsvError> {
        check_size(bytes, limits)?;
        let mut added = Self::new(&self.name);
        if bytes.trim_ascii_start().first() == Some(&b'[') {
            let mut reading = Reading { feed: &mut added, failure: None };
            let mut json = serde_json::Deserializer::from_slice(bytes);
            let read = json.deserialize_seq(&mut reading).and_then(|()| json.end());
            match (read, reading.failure) {
                (_, Some(failure)) => return Err(failure),
                (Err(error), None) => return Err(failure(bytes, added.documents, &error)),
                (Ok(()), None) => {}
            }
        } else {
            let document: Document<'_> =
                serde_json::from_slice(bytes).map_err(|error| failure(bytes, 0, &error))?;
            added.add(&document)?;
        }
        self.append(added);
        Ok(())
    }

    /// Adds a YAML document, as PyPA's advisories are written.
    pub fn read_yaml(&mut self, bytes: &[u8], limits: &Limits) -> Result<(), OsvError> {
        check_size(bytes, limits)?;
        let fail = |error: &dyn fmt::Display| OsvError::Yaml(super::line::one_line(&error.to_string(), 300));
        let text = std::str::from_utf8(bytes).map_err(|error| fail(&error))?;
        let document: Document<'_> = serde_saphyr::from_str(text).map_err(|error| fail(&error))?;
        let mut added = Self::new(&self.name);
        added.add(&document)?;
        self.append(added);
        Ok(())
    }

    /// Hands everything to a builder, where each document takes the place of what it said before, and those that
    /// were taken back are forgotten.
    pub fn push_into(&self, builder: &mut Builder) {
        for document in &self.withdrawn {
            builder.forget(&self.name, document);
        }
        let (mut advisory, mut vulnerability) = (0, 0);
        for (document, advisories, vulnerabilities) in &self.read {
            builder.forget(&self.name, document);
            for row in self.advisories.get(advisory..*advisories).into_iter().flatten() {
                builder.push_of(document, row);
            }
            for known in self.vulnerabilities.get(vulnerability..*vulnerabilities).into_iter().flatten() {
                builder.push_vulnerability(&self.name, document, known);
            }
            (advisory, vulnerability) = (*advisories, *vulnerabilities);
        }
    }

    fn add(&mut self, document: &Document<'_>) -> Result<(), OsvError> {
        self.documents += 1;
        let fail = |reason: String| OsvError::Document {
            document: format!("`{}`", super::line::one_line(&document.id, 80)),
            reason,
        };
        document.check().map_err(|reason| fail(reason.to_owned()))?;
        rows::add(document, self);
        if self.advisories.len() > MOST_ROWS {
            return Err(fail(format!("the file gives more than {MOST_ROWS} rows up to here")));
        }
        if document.withdrawn.is_none() {
            self.read.push((document.id.to_string(), self.advisories.len(), self.vulnerabilities.len()));
        }
        Ok(())
    }

    fn append(&mut self, other: Self) {
        let (advisories, vulnerabilities) = (self.advisories.len(), self.vulnerabilities.len());
        let read = other.read.into_iter();
        self.read.extend(read.map(|(id, row, known)| (id, row + advisories, known + vulnerabilities)));
        self.advisories.extend(other.advisories);
        self.vulnerabilities.extend(other.vulnerabilities);
        self.documents += other.documents;
        self.withdrawn.extend(other.withdrawn);
        self.no_security += other.no_security;
        for (ecosystem, count) in other.unknown_ecosystems {
            *self.unknown_ecosystems.entry(ecosystem).or_default() += count;
        }
        self.problems.extend(other.problems);
    }
}

fn check_size(bytes: &[u8], limits: &Limits) -> Result<(), OsvError> {
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limits.kept_bytes {
        return Err(OsvError::Size { bytes: bytes.len(), limit: limits.kept_bytes });
    }
    Ok(())
}

/// Documents are read one by one, so that an array of any length needs the memory of one document.
struct Reading<'f> {
    feed: &'f mut OsvFeed,
    /// Serde's errors are texts: the typed one is kept here.
    failure: Option<OsvError>,
}

impl<'de> Visitor<'de> for &mut Reading<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of OSV documents")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        while let Some(document) = sequence.next_element::<Document<'de>>()? {
            if let Err(failure) = self.feed.add(&document) {
                let text = failure.to_string();
                self.failure = Some(failure);
                return Err(serde::de::Error::custom(text));
            }
        }
        Ok(())
    }
}

/// Says which document could not be read, after `before` that could: by its id, if it has one.
fn failure(bytes: &[u8], before: u64, error: &serde_json::Error) -> OsvError {
    if !error.is_data() {
        return OsvError::Json(error.to_string());
    }
    #[derive(serde::Deserialize)]
    struct OnlyId {
        id: Option<String>,
    }
    struct Nth(u64);
    impl<'de> Visitor<'de> for Nth {
        type Value = Option<OnlyId>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a document or an array of them")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
            for _ in 0..self.0 {
                sequence.next_element::<IgnoredAny>()?;
            }
            let document = sequence.next_element()?;
            while sequence.next_element::<IgnoredAny>()?.is_some() {}
            Ok(document)
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            let document = serde::de::value::MapAccessDeserializer::new(map);
            serde::Deserialize::deserialize(document).map(Some)
        }
    }
    match serde_json::Deserializer::from_slice(bytes).deserialize_any(Nth(before)) {
        Ok(Some(OnlyId { id })) => OsvError::Document {
            document: match id {
                Some(id) => format!("`{}`", super::line::one_line(&id, 80)),
                None => (before + 1).to_string(),
            },
            reason: error.to_string(),
        },
        Ok(None) | Err(_) => OsvError::Json(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ONE: &str = r#"{"id":"DEBIAN-CVE-2024-1234","schema_version":"1.7.3","modified":"2024-01-01T00:00:00Z",
        "upstream":["CVE-2024-1234"],"affected":[{"package":{"ecosystem":"Debian:12","name":"foo"},
        "ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.2-3+deb12u1"}]}]}]}"#;

    const YAML: &str = "id: PYSEC-2021-19\nmodified: '2021-03-01T00:00:00Z'\naliases:\n- CVE-2021-28957\naffected:\n\
        - package:\n    name: lxml\n    ecosystem: PyPI\n  ranges:\n  - type: ECOSYSTEM\n    events:\n\
        \x20   - introduced: '0'\n    - fixed: 4.6\n  versions:\n  - '0.9'\n  - 4.5\n";

    #[test]
    fn reads_yaml_as_pypa_writes_it() {
        let mut feed = OsvFeed::new("pypa");
        feed.read_yaml(YAML.as_bytes(), &Limits::default()).unwrap();
        let [row] = &feed.advisories[..] else { panic!("one row") };
        assert_eq!(
            (row.id.as_str(), row.fixed.as_deref(), row.feed.as_str()),
            ("CVE-2021-28957", Some("4.6"), "pypa")
        );
        assert!(feed.read_yaml(b"- 1\n", &Limits::default()).is_err());
        assert_eq!(feed.documents, 1, "of a file that cannot be read nothing is added");
    }

    fn read(text: &str) -> Result<OsvFeed, OsvError> {
        parse(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn reads_one_document_and_arrays() {
        let one = read(ONE).unwrap();
        assert_eq!((one.documents, one.advisories.len()), (1, 1));
        let many = read(&format!("[{ONE},{ONE}]")).unwrap();
        assert_eq!((many.documents, many.advisories.len()), (2, 2));
        assert_eq!(read("[]").unwrap(), OsvFeed::new(FEED));
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

        #[test]
        fn changed_yaml_is_refused_or_read(at in any::<proptest::sample::Index>(), with in "[\\[\\]{}\",:0-9a-z&*! \n-]{0,4}") {
            let mut text = YAML.to_owned();
            let at = at.index(text.len());
            text.replace_range(at..=at, &with);
            let _ = OsvFeed::new(FEED).read_yaml(text.as_bytes(), &Limits::default());
        }
    }
}
