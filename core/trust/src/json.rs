//! Reading JSON that an attacker may have written.
//!
//! Two readers that disagree about one document are a hole: what one verifies, the other does not run.
//! The usual ways to make them disagree are a key that comes twice and bytes after the end, so both are
//! refused in the whole document, also in the parts that nobody here looks at.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    #[error("is {bytes} bytes long, more than the {limit} that are read")]
    TooLarge { bytes: usize, limit: usize },
    #[error("is not the JSON expected here: {0}")]
    Malformed(String),
}

/// Parses one JSON document of at most `limit` bytes in which no object has the same key twice.
///
/// Nesting is bounded by serde_json (128 levels), memory by a small multiple of `limit`.
pub(crate) fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8], limit: usize) -> Result<T, JsonError> {
    if bytes.len() > limit {
        return Err(JsonError::TooLarge { bytes: bytes.len(), limit });
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    UniqueKeys.deserialize(&mut reader).and_then(|()| reader.end()).map_err(malformed)?;
    serde_json::from_slice(bytes).map_err(malformed)
}

fn malformed(error: serde_json::Error) -> JsonError {
    JsonError::Malformed(shorten(&error.to_string()))
}

/// Error texts quote hostile input: keep them short and in one line.
pub(crate) fn shorten(text: &str) -> String {
    let mut short: String =
        text.chars().take(200).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(200).is_some() {
        short.push('…');
    }
    short
}

/// Walks any JSON value, keeps nothing, and fails on the first key that its object already has.
struct UniqueKeys;

impl<'de> DeserializeSeed<'de> for UniqueKeys {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for UniqueKeys {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(Key(key)) = map.next_key()? {
            map.next_value_seed(UniqueKeys)?;
            if let Some(twice) = seen.replace(key) {
                return Err(de::Error::custom(format_args!("the key `{}` comes twice", shorten(&twice))));
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(UniqueKeys)?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// An object's key, borrowed from the input where it has no escapes.
#[derive(Deserialize, PartialEq, Eq, Hash)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl std::borrow::Borrow<str> for Key<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn refuses_what_two_readers_would_read_differently() {
        for bad in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"[{"x":{"deep":[{"a":1,"b":2,"a":3}]}}]"#,
            r#"{"a":1} {"a":2}"#,
            r#"{"a":1}x"#,
            "{\"a\":1,}",
            "",
            "\u{feff}{}",
        ] {
            assert!(parse::<Value>(bad.as_bytes(), 1000).is_err(), "{bad}");
        }
        assert!(
            parse::<Value>(br#"{"a":{"a":1},"b":[{"a":1},{"a":2}],"c":null,"d":-1.5e3,"e":true}"#, 1000)
                .is_ok()
        );
    }

    #[test]
    fn is_bounded_in_size_and_depth() {
        assert_eq!(parse::<Value>(b"[1,2]", 4), Err(JsonError::TooLarge { bytes: 5, limit: 4 }));
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(parse::<Value>(deep.as_bytes(), 1 << 20).is_err());
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse::<Value>(&bytes, 150);
        }
    }
}
