//! Licences as manifests of npm state them: today an SPDX expression, formerly objects and lists of both
//! (docs.npmjs.com, package.json, "license").

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::lenient::Text;

/// In the order of the file; what is neither text nor names a type is passed over.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Licences(pub(super) Vec<String>);

impl Licences {
    /// As packages state them.
    pub(super) fn sorted(mut self) -> Vec<String> {
        self.0.sort_unstable();
        self.0.dedup();
        self.0
    }

    fn add(&mut self, text: &str) {
        let text = text.trim();
        if !text.is_empty() {
            self.0.push(text.to_owned());
        }
    }
}

impl<'de> Deserialize<'de> for Licences {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LicencesVisitor)
    }
}

struct LicencesVisitor;

impl<'de> Visitor<'de> for LicencesVisitor {
    type Value = Licences;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a licence")
    }

    fn visit_str<E>(self, text: &str) -> Result<Licences, E> {
        let mut licences = Licences::default();
        licences.add(text);
        Ok(licences)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Licences, A::Error> {
        let mut licences = Licences::default();
        while let Some((key, value)) = map.next_entry::<Text<'de>, Text<'de>>()? {
            if let (Some("type" | "name"), Some(text)) = (key.0.as_deref(), value.0.as_deref()) {
                licences.add(text);
            }
        }
        Ok(licences)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Licences, A::Error> {
        let mut licences = Licences::default();
        while let Some(one) = list.next_element::<Licences>()? {
            licences.0.extend(one.0);
        }
        Ok(licences)
    }

    fn visit_unit<E: Error>(self) -> Result<Licences, E> {
        Ok(Licences::default())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Licences, E> {
        Ok(Licences::default())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Licences, E> {
        Ok(Licences::default())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Licences, E> {
        Ok(Licences::default())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Licences, E> {
        Ok(Licences::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form() {
        for (text, expected) in [
            (r#""MIT""#, &["MIT"][..]),
            (r#"" (MIT OR Apache-2.0) ""#, &["(MIT OR Apache-2.0)"]),
            (r#"{"type": "ISC", "url": "https://x"}"#, &["ISC"]),
            (
                r#"[{"type": "MIT"}, "BSD", {"name": "MIT"}, {"url": "x"}, {"type": 1}, 3, null]"#,
                &["BSD", "MIT"],
            ),
            ("[]", &[]),
            (r#""""#, &[]),
            ("42", &[]),
            ("-1", &[]),
            ("1.5", &[]),
            ("false", &[]),
            ("null", &[]),
        ] {
            let licences: Licences = serde_json::from_str(text).unwrap();
            assert_eq!(licences.sorted(), expected, "{text}");
        }
    }
}
