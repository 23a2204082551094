//! The fields that publishers add to documents.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::feed::text::Text;

/// What publishers add in fields of their own: the words that are understood, whatever else is there.
#[derive(Debug, Default)]
pub(super) struct Specific<'d> {
    /// `severity`, or else `urgency`.
    pub(super) severity: Option<Text<'d>>,
    /// GitHub's `last_known_affected_version_range`: `<= 1.2`.
    pub(super) last_known: Option<Text<'d>>,
}

impl<'de: 'd, 'd> Deserialize<'de> for Specific<'d> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Loose).map(|loose| match loose {
            Anything::Fields(specific) => specific,
            Anything::Text(_) | Anything::Other => Specific::default(),
        })
    }
}

/// A value of any shape.
enum Anything<'d> {
    Text(Text<'d>),
    Fields(Specific<'d>),
    Other,
}

impl<'de: 'd, 'd> Deserialize<'de> for Anything<'d> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Loose)
    }
}

struct Loose;

impl<'de> Visitor<'de> for Loose {
    type Value = Anything<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Anything::Text(Text(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Anything::Text(Text(Cow::Owned(text.to_owned()))))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Anything::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Anything::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Anything::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Anything::Other)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Anything::Other)
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(Anything::Other)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Anything::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut specific = Specific::default();
        let mut urgency = None;
        while let Some(key) = map.next_key::<Text<'de>>()? {
            let place = match &*key {
                "severity" => &mut specific.severity,
                "urgency" => &mut urgency,
                "last_known_affected_version_range" => &mut specific.last_known,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            if let Anything::Text(text) = map.next_value()? {
                *place = Some(text);
            }
        }
        specific.severity = specific.severity.or(urgency);
        Ok(Anything::Fields(specific))
    }
}
