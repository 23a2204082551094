//! Large JSON objects and arrays, entry by entry, so that one entry of a wrong shape does not cost the others.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A value of the expected shape, or of another.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Lenient<T> {
    Right(T),
    #[serde(deserialize_with = "anything")]
    Wrong,
}

fn anything<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| ())
}

/// Reads an object and hands out its entries in their order; one is in memory at a time.
pub(super) fn each<'d, V: Deserialize<'d>>(
    bytes: &'d [u8],
    take: impl FnMut(String, V),
) -> Result<(), serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    json.deserialize_map(Entries { take, value: PhantomData::<fn() -> V> })?;
    json.end()
}

/// Reads an array and hands out its elements in their order; one is in memory at a time.
pub(super) fn each_of_array<'d, V: Deserialize<'d>>(
    bytes: &'d [u8],
    take: impl FnMut(V),
) -> Result<(), serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    json.deserialize_seq(Elements { take, value: PhantomData::<fn() -> V> })?;
    json.end()
}

struct Elements<F, V> {
    take: F,
    value: PhantomData<fn() -> V>,
}

impl<'de, F: FnMut(V), V: Deserialize<'de>> Visitor<'de> for Elements<F, V> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut sequence: A) -> Result<(), A::Error> {
        while let Some(value) = sequence.next_element::<V>()? {
            (self.take)(value);
        }
        Ok(())
    }
}

struct Entries<F, V> {
    take: F,
    value: PhantomData<fn() -> V>,
}

impl<'de, F: FnMut(String, V), V: Deserialize<'de>> Visitor<'de> for Entries<F, V> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some((key, value)) = map.next_entry::<String, V>()? {
            (self.take)(key, value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_entries_cost_only_themselves() {
        let mut found = Vec::new();
        let text = br#"{"a": 1, "b": {"c": [2]}, "d": 3}"#;
        each(text, |key, value: Lenient<u8>| {
            found.push((
                key,
                match value {
                    Lenient::Right(value) => Some(value),
                    Lenient::Wrong => None,
                },
            ))
        })
        .unwrap();
        assert_eq!(found, [("a".to_owned(), Some(1)), ("b".to_owned(), None), ("d".to_owned(), Some(3))]);
    }

    #[test]
    fn deep_values_are_refused() {
        let deep = format!("{{\"a\": {}", "[".repeat(100_000));
        assert!(each(deep.as_bytes(), |_, _: Lenient<u8>| ()).is_err());
    }
}
