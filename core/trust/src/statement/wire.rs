//! How the model's types are spelled inside predicates (serde `with` modules).

/// Anything whose `Display` and `FromStr` are its canonical text: digests, stages.
pub(super) mod text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(in super::super) fn serialize<T: Display, S: Serializer>(value: &T, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(value)
    }

    pub(in super::super) fn deserialize<'de, T, D>(d: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(d)?.parse().map_err(Error::custom)
    }
}

/// An optional stage; absent and `null` are the same.
pub(super) mod optional_stage {
    use lazaret_model::Stage;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub(in super::super) fn serialize<S: Serializer>(stage: &Option<Stage>, s: S) -> Result<S::Ok, S::Error> {
        stage.as_ref().map(Stage::as_str).serialize(s)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Stage>, D::Error> {
        Option::<String>::deserialize(d)?.map(|name| name.parse().map_err(Error::custom)).transpose()
    }
}

/// `["sha256:…", …]`
pub(super) mod digests {
    use lazaret_model::Digest;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(in super::super) fn serialize<S: Serializer>(digests: &[Digest], s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(digests.iter().map(Digest::to_string))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Digest>, D::Error> {
        let texts = Vec::<String>::deserialize(d)?;
        texts.iter().map(|text| text.parse().map_err(Error::custom)).collect()
    }
}

/// Bare hexadecimal digests, ascending and each once, so that readers can search them as they come.
pub(super) mod sorted_hex {
    use lazaret_model::Digest;
    use serde::{Deserialize, Deserializer, Serializer, de, ser};

    const UNSORTED: &str = "the digests are not in ascending order";

    fn is_sorted(list: &[[u8; 32]]) -> bool {
        list.is_sorted_by(|a, b| a < b)
    }

    pub(in super::super) fn serialize<S: Serializer>(list: &[[u8; 32]], s: S) -> Result<S::Ok, S::Error> {
        match is_sorted(list) {
            true => s.collect_seq(list.iter().map(|bytes| Digest::from_bytes(*bytes).hex())),
            false => Err(ser::Error::custom(UNSORTED)),
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<[u8; 32]>, D::Error> {
        let list = Vec::<String>::deserialize(d)?
            .iter()
            .map(|hex| Digest::from_hex(hex).map(|digest| *digest.as_bytes()).map_err(de::Error::custom))
            .collect::<Result<Vec<_>, _>>()?;
        match is_sorted(&list) {
            true => Ok(list),
            false => Err(de::Error::custom(UNSORTED)),
        }
    }
}

/// Paths with numbers, ascending and each once. Checked in writing too.
pub(super) mod places {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

    const UNSORTED: &str = "the places are not absolute paths in ascending order";

    fn is_good(list: &[(String, u32)]) -> bool {
        list.iter().all(|(path, _)| path.starts_with('/')) && list.is_sorted_by(|a, b| a.0 < b.0)
    }

    pub(in super::super) fn serialize<S: Serializer>(
        list: &[(String, u32)],
        s: S,
    ) -> Result<S::Ok, S::Error> {
        match is_good(list) {
            true => list.serialize(s),
            false => Err(ser::Error::custom(UNSORTED)),
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Vec<(String, u32)>, D::Error> {
        let list = Vec::<(String, u32)>::deserialize(d)?;
        match is_good(&list) {
            true => Ok(list),
            false => Err(de::Error::custom(UNSORTED)),
        }
    }
}

/// Text of a bounded form. Checked in writing too, so that nothing is signed that could not be read again.
macro_rules! checked {
    ($(#[$doc:meta])* $name:ident, $wrong:literal, $is_good:expr) => {
        $(#[$doc])*
        pub(super) mod $name {
            use serde::{Deserialize, Deserializer, Serializer, de, ser};

            use crate::statement::MOST_PROFILE_BYTES;

            fn is_good(text: &str) -> bool {
                let is_good: fn(&str, usize) -> bool = $is_good;
                is_good(text, MOST_PROFILE_BYTES)
            }

            pub(in super::super) fn serialize<S: Serializer>(text: &str, s: S) -> Result<S::Ok, S::Error> {
                if is_good(text) { s.serialize_str(text) } else { Err(ser::Error::custom($wrong)) }
            }

            pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
                let text = String::deserialize(d)?;
                if is_good(&text) { Ok(text) } else { Err(de::Error::custom($wrong)) }
            }
        }
    };
}

checked! {
    /// Name of a way to run an image.
    variant, "the variant is not named by 32 hex digits", |text, _| {
        text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    }
}

checked! {
    /// Text of a profile.
    profile, "the profile is empty or larger than profiles are", |text, most| (1..=most).contains(&text.len())
}

/// `pass` or `refuse`.
pub(super) mod outcome {
    use lazaret_model::Outcome;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(in super::super) fn serialize<S: Serializer>(outcome: &Outcome, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(outcome.name())
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Outcome, D::Error> {
        let name = String::deserialize(d)?;
        [Outcome::Pass, Outcome::Refuse]
            .into_iter()
            .find(|outcome| outcome.name() == name)
            .ok_or_else(|| Error::custom("the outcome is neither `pass` nor `refuse`"))
    }
}

/// `critical` … `unknown`.
pub(super) mod severity {
    use lazaret_model::Severity;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(in super::super) fn serialize<S: Serializer>(severity: &Severity, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(severity.name())
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Severity, D::Error> {
        let name = String::deserialize(d)?;
        Severity::ALL
            .iter()
            .copied()
            .find(|severity| severity.name() == name)
            .ok_or_else(|| Error::custom("the severity is none of the known names"))
    }
}

/// RFC 3339: what is newest is decided by it. Checked in writing too, so that nothing is signed that could
/// not be read again.
pub(super) mod time {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de, ser};

    const WRONG: &str = "the time is not in the form of RFC 3339";

    pub(in super::super) fn serialize<S: Serializer>(at: &str, s: S) -> Result<S::Ok, S::Error> {
        match at.parse::<Timestamp>() {
            Ok(_) => s.serialize_str(at),
            Err(_) => Err(ser::Error::custom(WRONG)),
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
        let at = String::deserialize(d)?;
        match at.parse::<Timestamp>() {
            Ok(_) => Ok(at),
            Err(_) => Err(de::Error::custom(WRONG)),
        }
    }
}

/// The knowledge that a verdict was made with.
pub(super) mod snapshot {
    use lazaret_model::{DatabaseSnapshot, Digest};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wire {
        #[serde(with = "super::text")]
        digest: Digest,
        #[serde(with = "super::time")]
        built: String,
        advisories: u64,
    }

    pub(in super::super) fn serialize<S: Serializer>(
        value: &DatabaseSnapshot,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        Wire { digest: value.digest, built: value.built.clone(), advisories: value.advisories }.serialize(s)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<DatabaseSnapshot, D::Error> {
        let wire = Wire::deserialize(d)?;
        Ok(DatabaseSnapshot { digest: wire.digest, built: wire.built, advisories: wire.advisories })
    }
}

/// Reasons of a verdict.
pub(super) mod reasons {
    use lazaret_model::Reason;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wire {
        rule: String,
        message: String,
        remedy: String,
    }

    pub(in super::super) fn serialize<S: Serializer>(reasons: &[Reason], s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(reasons.iter().map(|reason| Wire {
            rule: reason.rule.clone(),
            message: reason.message.clone(),
            remedy: reason.remedy.clone(),
        }))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Reason>, D::Error> {
        let wire = Vec::<Wire>::deserialize(d)?;
        Ok(wire.into_iter().map(|w| Reason { rule: w.rule, message: w.message, remedy: w.remedy }).collect())
    }
}
