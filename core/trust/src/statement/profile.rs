use lazaret_model::Digest;
use serde::{Deserialize, Serialize};

use super::wire;

/// A profile belongs to an image run in one way: several ways are several statements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfilePredicate {
    #[serde(with = "wire::text")]
    pub config: Digest,
    /// Name of the way to run it: 32 hex digits.
    #[serde(with = "wire::variant")]
    pub variant: String,
    /// The profile's text form, at most [`MOST_PROFILE_BYTES`]. Whoever applies it reads it, and holds it against
    /// `config` and `variant`.
    #[serde(with = "wire::profile")]
    pub profile: String,
    /// RFC 3339.
    #[serde(with = "wire::time")]
    pub at: String,
}

/// Most bytes of a profile's text.
pub const MOST_PROFILE_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{IN_TOTO, Predicate, Statement, digest_of, predicate_type};

    fn round_trip(profile: ProfilePredicate) -> String {
        let statement = Statement::about("r.example/shop", digest_of(b"m"), Predicate::Profile(profile));
        let json = statement.to_json().unwrap();
        assert_eq!(Statement::parse(IN_TOTO, &json).unwrap(), statement);
        String::from_utf8(json).unwrap()
    }

    fn profile() -> ProfilePredicate {
        ProfilePredicate {
            config: digest_of(b"c"),
            variant: "0123456789abcdef0123456789abcdef".to_owned(),
            profile: "version: 1\n".to_owned(),
            at: "2026-11-02T00:00:00Z".to_owned(),
        }
    }

    #[test]
    fn a_profile_has_the_promised_fields() {
        let json = round_trip(profile());
        let expected = format!(
            concat!(
                r#""predicateType":"urn:lazaret:profile:v1","predicate":{{"config":"{}","#,
                r#""variant":"0123456789abcdef0123456789abcdef","profile":"version: 1\n","at":"2026-11-02T00:00:00Z"}}}}"#
            ),
            digest_of(b"c")
        );
        assert!(json.ends_with(&expected), "{json}");
    }

    #[test]
    fn a_profile_beyond_its_bounds_is_neither_signed_nor_read() {
        let largest = ProfilePredicate { profile: "x".repeat(MOST_PROFILE_BYTES), ..profile() };
        round_trip(largest.clone());
        let good = serde_json::to_string(&profile()).unwrap();
        for bad in [
            ProfilePredicate { profile: largest.profile + "x", ..profile() },
            ProfilePredicate { profile: String::new(), ..profile() },
            ProfilePredicate { variant: "0123456789ABCDEF0123456789abcdef".to_owned(), ..profile() },
            ProfilePredicate { variant: "../0123456789abcdef0123456789abc".to_owned(), ..profile() },
            ProfilePredicate { variant: String::new(), ..profile() },
            ProfilePredicate { at: "yesterday".to_owned(), ..profile() },
        ] {
            let quoted = |text: &str| serde_json::to_string(text).unwrap();
            let json = good
                .replace(&quoted(&profile().profile), &quoted(&bad.profile))
                .replace(&quoted(&profile().variant), &quoted(&bad.variant))
                .replace(&quoted(&profile().at), &quoted(&bad.at));
            assert!(Predicate::parse(predicate_type::PROFILE, &json).is_err());
            assert!(Statement::about("a", digest_of(b""), Predicate::Profile(bad)).to_json().is_err());
        }
        let more = good.replacen('{', r#"{"extra":1,"#, 1);
        assert!(Predicate::parse(predicate_type::PROFILE, &more).is_err());
    }
}
