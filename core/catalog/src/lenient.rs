//! Values as people and programs write them: one of an odd type must not hide the others of a file.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Text, borrowed where the format allows it. A value of any other type counts as none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) Option<Cow<'a, str>>);

/// A table in its own order, repetitions included. A value of any other type counts as empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pairs<'a, V>(pub(crate) Vec<(Cow<'a, str>, V)>);

/// A table with known fields. A value of any other type counts as none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table<T>(pub(crate) Option<T>);

/// A list. A value of any other type counts as empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct List<V>(pub(crate) Vec<V>);

/// `true`; everything else is not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flag(pub(crate) bool);

impl Text<'_> {
    /// Without space around it, unless nothing is left.
    pub(crate) fn trimmed(&self) -> Option<&str> {
        self.0.as_deref().map(str::trim).filter(|text| !text.is_empty())
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<V> Default for Pairs<'_, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V> Default for List<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor).map(Text)
    }
}

/// The visitors take whatever comes; what they are not for counts as nothing.
macro_rules! otherwise_nothing {
    ($($visit:ident($of:ty)),*) => {
        $(fn $visit<E: Error>(self, _: $of) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        })*

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }

        fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
    };
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text)))
    }

    otherwise_nothing!(visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64));

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        drain_map(map)?;
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        drain_list(list)?;
        Ok(None)
    }
}

struct Key<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor).map(|text| Self(text.unwrap_or_default()))
    }
}

struct PairsVisitor<V>(PhantomData<V>);

impl<'de: 'a, 'a, V: Deserialize<'de> + 'a> Deserialize<'de> for Pairs<'a, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PairsVisitor(PhantomData)).map(Self)
    }
}

impl<'de, V: Deserialize<'de>> Visitor<'de> for PairsVisitor<V> {
    type Value = Vec<(Cow<'de, str>, V)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some((key, value)) = map.next_entry::<Key<'de>, V>()? {
            pairs.push((key.0, value));
        }
        Ok(pairs)
    }

    otherwise_nothing!(visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str));

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        drain_list(list)?;
        Ok(Vec::new())
    }
}

struct TableVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TableVisitor(PhantomData)).map(Self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for TableVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }

    otherwise_nothing!(visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str));

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        drain_list(list)?;
        Ok(None)
    }
}

struct ListVisitor<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for List<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListVisitor(PhantomData)).map(Self)
    }
}

impl<'de, V: Deserialize<'de>> Visitor<'de> for ListVisitor<V> {
    type Value = Vec<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(values)
    }

    otherwise_nothing!(visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str));

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        drain_map(map)?;
        Ok(Vec::new())
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FlagVisitor).map(Self)
    }
}

struct FlagVisitor;

impl<'de> Visitor<'de> for FlagVisitor {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true or false")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(value)
    }

    otherwise_nothing!(visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str));

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        drain_map(map)?;
        Ok(false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        drain_list(list)?;
        Ok(false)
    }
}

/// Readers must see the end of what they pass over.
fn drain_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<(), A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

fn drain_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<(), A::Error> {
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use lazaret_model::Limits;
    use serde::Deserialize;

    use super::*;
    use crate::documents::{json, toml, yaml};
    use crate::files::File;
    use crate::reading::Reading;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Odd<'a> {
        #[serde(borrow)]
        text: Text<'a>,
        #[serde(borrow)]
        pairs: Pairs<'a, Text<'a>>,
        list: List<Flag>,
        flag: Flag,
    }

    fn file(bytes: &[u8]) -> File<'_> {
        File { path: b"x", layer: 0, bytes }
    }

    fn shape(odd: &Odd<'_>) -> (Option<String>, usize, usize, bool) {
        (odd.text.trimmed().map(str::to_owned), odd.pairs.0.len(), odd.list.0.len(), odd.flag.0)
    }

    #[test]
    fn odd_types_hide_nothing_else() {
        let limits = Limits::default();
        let mut reading = Reading::new(&limits);
        for (value, expected) in [
            (r#"" a ""#, (Some("a".to_owned()), 0, 0, false)),
            (r#""""#, (None, 0, 0, false)),
            ("true", (None, 0, 0, true)),
            ("1", (None, 0, 0, false)),
            ("-1.5", (None, 0, 0, false)),
            ("[true, 1, {}]", (None, 0, 3, false)),
            (r#"{"a": 1, "b": {"c": []}}"#, (None, 2, 0, false)),
        ] {
            let text =
                format!(r#"{{"text": {value}, "pairs": {value}, "list": {value}, "flag": {value}, "x": 1}}"#);
            let odd: Odd<'_> = json(&file(text.as_bytes()), &mut reading).unwrap();
            assert_eq!(shape(&odd), expected, "{value}");
            let documents: Vec<Odd<'_>> = yaml(&file(text.as_bytes()), &mut reading).unwrap();
            assert_eq!(shape(&documents[0]), expected, "{value}");
            let value = value.replace(": ", " = ");
            let text = format!("text = {value}\npairs = {value}\nlist = {value}\nflag = {value}\n");
            let odd: Odd<'_> = toml(&file(text.as_bytes()), &mut reading).unwrap();
            assert_eq!(shape(&odd), expected, "{value}");
        }
        let null: Odd<'_> =
            json(&file(br#"{"text": null, "pairs": null, "list": null, "flag": null}"#), &mut reading)
                .unwrap();
        assert_eq!(shape(&null), (None, 0, 0, false));
        assert!(reading.into_parts().1.into_list().is_empty());
    }
}
