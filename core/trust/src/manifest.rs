use lazaret_model::Digest;
use serde::Deserialize;

use crate::digest_of;
use crate::json::{self, JsonError};

/// Registries refuse larger manifests (OCI distribution specification, "Pushing manifests").
const LARGEST: usize = 4 << 20;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    #[error("the manifest's bytes have the digest {found}, not {expected}")]
    OtherContent { expected: Digest, found: Digest },
    #[error("the manifest {0}")]
    Json(#[from] JsonError),
    #[error(
        "the manifest spells `{0}` in another way than the specification: engines may read it differently"
    )]
    Spelling(&'static str),
    #[error("{0} is an index of images for several platforms; name the manifest of one of them")]
    Index(Digest),
    #[error("the manifest names no configuration by a sha256 digest")]
    NoConfiguration,
}

/// The digest of the configuration that the manifest `expected` names: the engine's image ID.
///
/// Being content-addressed, manifest and configuration are bound by hashing alone: no signature needed.
pub fn config_of_manifest(manifest: &[u8], expected: Digest) -> Result<Digest, ManifestError> {
    let found = digest_of(manifest);
    if found != expected {
        return Err(ManifestError::OtherContent { expected, found });
    }
    let fields: Fields = json::parse(manifest, LARGEST)?;
    let config = match (fields.only("config")?, fields.only("manifests")?) {
        (Some(config), None) => config,
        (None, Some(_)) => return Err(ManifestError::Index(expected)),
        _ => return Err(ManifestError::NoConfiguration),
    };
    let config: Fields = json::parse(config.get().as_bytes(), LARGEST)?;
    let digest = config.only("digest")?.ok_or(ManifestError::NoConfiguration)?;
    let digest: String = json::parse(digest.get().as_bytes(), LARGEST)?;
    digest.parse().map_err(|_| ManifestError::NoConfiguration)
}

/// One JSON object with its keys as they are spelled.
#[derive(Deserialize)]
struct Fields<'a>(#[serde(borrow)] std::collections::BTreeMap<String, &'a serde_json::value::RawValue>);

impl<'a> Fields<'a> {
    /// The value of `name`, if no other key is one that Go's encoding/json would take for it too.
    ///
    /// Docker and containerd match keys without regard to case and take the last one: `"Config"` after
    /// `"config"` would make them run something else than what is read here.
    fn only(&self, name: &'static str) -> Result<Option<&'a serde_json::value::RawValue>, ManifestError> {
        if self.0.keys().any(|key| key != name && folds_to(key, name)) {
            return Err(ManifestError::Spelling(name));
        }
        Ok(self.0.get(name).copied())
    }
}

/// Whether Go's simple case folding makes `key` equal to the lower-case ASCII `name`.
fn folds_to(key: &str, name: &str) -> bool {
    let fold = |c: char| match c {
        'ſ' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    key.chars().map(fold).eq(name.chars())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(manifest: &str) -> Result<Digest, ManifestError> {
        config_of_manifest(manifest.as_bytes(), digest_of(manifest.as_bytes()))
    }

    #[test]
    fn reads_the_configuration_of_exactly_these_bytes() {
        let config = digest_of(b"config");
        let manifest = format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"m","digest":"{config}","size":6}},"layers":[]}}"#
        );
        assert_eq!(read(&manifest), Ok(config));
        let error = config_of_manifest(manifest.as_bytes(), config).unwrap_err();
        assert!(matches!(error, ManifestError::OtherContent { .. }));
    }

    #[test]
    fn refuses_what_an_engine_could_read_differently() {
        let (a, b) = (digest_of(b"a"), digest_of(b"b"));
        for manifest in [
            format!(r#"{{"config":{{"digest":"{a}"}},"Config":{{"digest":"{b}"}}}}"#),
            format!(r#"{{"config":{{"digest":"{a}"}},"config":{{"digest":"{b}"}}}}"#),
            format!(r#"{{"config":{{"digest":"{a}","Digest":"{b}"}}}}"#),
            format!(r#"{{"config":{{"digest":"{a}","digeſt":"{b}"}}}}"#),
            format!(r#"{{"config":{{"digest":"{a}"}},"manifests":[]}}"#),
        ] {
            assert!(read(&manifest).is_err(), "{manifest}");
        }
    }

    #[test]
    fn says_what_is_missing() {
        assert!(matches!(read(r#"{"manifests":[]}"#), Err(ManifestError::Index(_))));
        for manifest in ["{}", r#"{"config":{}}"#, r#"{"config":{"digest":"sha512:00"}}"#] {
            assert_eq!(read(manifest), Err(ManifestError::NoConfiguration), "{manifest}");
        }
        for manifest in ["", "[]", r#"{"config":null}"#, r#"{"config":{"digest":1}}"#] {
            assert!(matches!(read(manifest), Err(ManifestError::Json(_))), "{manifest}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = config_of_manifest(&bytes, digest_of(&bytes));
        }
    }
}
